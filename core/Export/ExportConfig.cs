using System.ComponentModel.DataAnnotations;
using Electra.Checkpoints.HuggingFace;
using Electra.Configuration;

namespace Electra.Export;

/// <summary>The form that a model is written in.</summary>
public enum ExportFormat
{
    /// <summary>A folder that Hugging Face's library loads: config.json, model.safetensors and the tokenizer's files.</summary>
    HuggingFace,

    /// <summary>
    /// ONNX files for runtimes without libtorch, beside config.json and the files of the tokenizer: onnx/model.onnx (float32),
    /// onnx/model_fp16.onnx (float16) and onnx/model_quantized.onnx (weights in int8).
    /// </summary>
    Onnx,
}

/// <summary>What scripts/export.csx is asked for.</summary>
public sealed record ExportConfig : IExperimentConfig<ExportConfig>
{
    /// <summary>
    /// The models: runs of this kit (checkpoints/pretrain/small_11081_100, checkpoints/glue/small_rte_0), folders of Hugging Face's
    /// form, files of weights (.safetensors, .bin, .pth), TensorFlow checkpoints of Google's code, zip archives of one model
    /// (electra_small.zip), or names on the hub.
    /// </summary>
    public IReadOnlyList<string> Models { get; init; } = [];

    /// <summary>The form to write.</summary>
    public ExportFormat To { get; init; }

    /// <summary>
    /// Whether ONNX files give the last hidden states and their mean over the tokens (last_hidden_state, sentence_embedding) in place of
    /// what the model's head makes of them. An encoder without a head always does.
    /// </summary>
    public bool Features { get; init; }

    /// <summary>Which model to take where a run or a file has both.</summary>
    public ModelPart Part { get; init; }

    /// <summary>The folder that gets a folder for each model, from the project's root where it is relative.</summary>
    [Required]
    public string Out { get; init; } = "checkpoints/export";

    /// <summary>
    /// A name: the models are written as one of this name, the mean of their weights. Of checkpoints of one run, or of runs that began
    /// with one model; others have no common mean. Empty: each is written as it is.
    /// </summary>
    [RegularExpression("[A-Za-z0-9][A-Za-z0-9._-]*", ErrorMessage = "a name of letters, digits, '.', '_' and '-'")]
    public string Merge { get; init; } = "";

    /// <summary>What each model counts in the mean, in their order; empty: all the same.</summary>
    public IReadOnlyList<double> MergeWeights { get; init; } = [];

    /// <summary>Where fine-tuning runs are: the scores of those that began with a model go into its card.</summary>
    public string Glue { get; init; } = "checkpoints/glue";

    string IExperimentConfig<ExportConfig>.Name => "export";

    int IExperimentConfig<ExportConfig>.Seed => 0;

    string? IExperimentConfig<ExportConfig>.RunFolder => null;

    static ExportConfig IExperimentConfig<ExportConfig>.Defaults(ConfigNode given) => new();

    IEnumerable<ConfigProblem> IExperimentConfig<ExportConfig>.Check()
    {
        if (Features && To != ExportFormat.Onnx)
            yield return new ConfigProblem("features", "is about the outputs of ONNX files: to=onnx writes them");
        if (Merge == "" && MergeWeights.Count > 0)
            yield return new ConfigProblem("merge_weights", "are of models that are merged: merge says what to call the result");
    }
}
