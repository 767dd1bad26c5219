namespace Electra.Checkpoints.Formats;

/// <summary>
/// The variables of google-research/electra under the names of Hugging Face's library, with <c>generator.</c> or <c>discriminator.</c>
/// before them. The generator has no embeddings of its own where the two share them.
/// </summary>
internal static class GoogleNames
{
    private const string Discriminator = "discriminator.", Generator = "generator.", TaskScope = "task_specific/";

    /// <summary>Beginnings of names, and what stands in their place.</summary>
    private static readonly (string Google, string HuggingFace)[] Beginnings =
    [
        ("electra/", Discriminator + "electra."),
        ("generator/", Generator + "electra."),
        ("generator_predictions/output_bias", Generator + "generator_lm_head.bias"),
        ("generator_predictions/", Generator + "generator_predictions."),
        ("discriminator_predictions/dense_1/", Discriminator + "discriminator_predictions.dense_prediction."),
        ("discriminator_predictions/", Discriminator + "discriminator_predictions."),
    ];

    private static readonly (string Google, string HuggingFace)[] Endings =
        [(".kernel", ".weight"), (".gamma", ".weight"), (".beta", ".bias"), ("_embeddings", "_embeddings.weight")];

    /// <summary>The name in Hugging Face's library; null where a variable is not a weight.</summary>
    public static string? Of(string variable)
    {
        if (IsMoment(variable) || IsNoWeight(variable))
            return null;
        var name = TaskOf(variable) is { } task ? OfTask(variable[(TaskScope.Length + task.Length + 1)..], task)
            : Array.Find(Beginnings, known => variable.StartsWith(known.Google, StringComparison.Ordinal)) is { Google: { } start } found
                ? found.HuggingFace + variable[start.Length..]
            : null;
        if (name is null)
            return null;
        name = name.Replace("encoder/layer_", "encoder/layer.", StringComparison.Ordinal).Replace('/', '.');
        foreach (var (google, huggingFace) in Endings)
            if (name.EndsWith(google, StringComparison.Ordinal))
                return name[..^google.Length] + huggingFace;
        return name;
    }

    /// <summary>The task whose head a variable belongs to, as Google's code calls it; null where it is of no head.</summary>
    public static string? TaskOf(string variable) =>
        variable.StartsWith(TaskScope, StringComparison.Ordinal)
        && variable.IndexOf('/', TaskScope.Length) is > 0 and var end
        && !IsMoment(variable)
            ? variable[TaskScope.Length..end]
            : null;

    /// <summary>Whether TensorFlow keeps a matrix as [inputs, outputs].</summary>
    public static bool IsTransposed(string variable) => variable.EndsWith("/kernel", StringComparison.Ordinal);

    /// <summary>Whether a variable is the optimizer's.</summary>
    public static bool IsMoment(string variable) =>
        variable.EndsWith("/adam_m", StringComparison.Ordinal) || variable.EndsWith("/adam_v", StringComparison.Ordinal);

    /// <summary>Whether a variable is known and no weight: the number of updates, and a temperature that is always 1.</summary>
    public static bool IsNoWeight(string variable) =>
        variable is "global_step" || variable.EndsWith("/temperature", StringComparison.Ordinal);

    /// <summary>A head with one layer classifies texts; those of question answering have several, and keep their names.</summary>
    private static string OfTask(string layer, string task) =>
        IsClassifier(task) && layer.StartsWith("dense/", StringComparison.Ordinal)
            ? $"{Discriminator}classifier.{layer["dense/".Length..]}"
            : $"{Discriminator}task_specific.{task}.{layer}";

    /// <summary>
    /// What the output of a task's head is to be multiplied by: Google's code (<c>RegressionTask</c>) trains STS-B's on a fifth of the
    /// value, which everything else has from 0 to 5.
    /// </summary>
    public static int UnitOf(string? task) => task == "sts" ? 5 : 1;

    /// <summary>Whether a task of Google's code has one linear layer on the state of [CLS].</summary>
    public static bool IsClassifier(string task) =>
        task is "cola" or "mrpc" or "mnli" or "qqp" or "rte" or "qnli" or "sst" or "sts" or "wnli";
}
