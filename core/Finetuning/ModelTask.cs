using Electra.Checkpoints;
using Electra.Data.Tagging;
using Electra.Data.Tasks;

namespace Electra.Finetuning;

/// <summary>What a fine-tuned model of Hugging Face's form was trained to say, from its <c>config.json</c>.</summary>
internal static class ModelTask
{
    /// <summary>The task of a model.</summary>
    /// <exception cref="UserErrorException">It is not a classifier of texts or of tokens, or says several values at once.</exception>
    public static TaskDefinition Of(PretrainedModel model)
    {
        var outputs = model.Head switch
        {
            ModelHead.TwoLayerClassifier => model.Tensors["classifier.out_proj.weight"].Shape[0],
            ModelHead.Classifier or ModelHead.TokenClassifier => model.Tensors["classifier.weight"].Shape[0],
            _ => throw new UserErrorException(
                $"{model.Source} does not classify texts or their tokens: {ModelHeads.Described(model)}"
            ),
        };
        string[] labels = [.. Enumerable.Range(0, (int)outputs).Select(i => model.Config.Id2label?.GetValueOrDefault(i) ?? $"LABEL_{i}")];
        var kind = KindOf(model, labels.Length);
        var metrics = kind.Metrics(labels);
        return new TaskDefinition
        {
            Kind = kind,
            Name = "model",
            DisplayName = model.Source,
            TextColumns = ["text"],
            Labels = kind == Regression.Kind ? [] : labels,
            Scheme = kind == WordTags.Kind ? SchemeOf(labels) : TagScheme.None,
            Metrics = metrics,
            ReportedMetric = metrics[0],
        };
    }

    /// <summary>One output is a value in that library, whatever <c>problem_type</c> says.</summary>
    private static TaskKind KindOf(PretrainedModel model, int outputs) =>
        model.Head == ModelHead.TokenClassifier ? WordTags.Kind
        : outputs == 1 ? Regression.Kind
        : model.Config.ProblemType == MultiLabel.Kind.ProblemType ? MultiLabel.Kind
        : model.Config.ProblemType == Regression.Kind.ProblemType ? throw new UserErrorException(
            $"{model.Source} gives {outputs} values for a text (problem_type: regression in its config.json); one can be read"
        )
        : Classification.Kind;

    /// <summary>How tags say where a span begins and ends, as far as their letters tell.</summary>
    private static TagScheme SchemeOf(string[] tags)
    {
        if (!tags.Contains(TagSchemes.Outside) || !tags.All(TagSchemes.IsTag))
            return TagScheme.None;
        var letters = tags.Select(TagSchemes.Prefix).ToHashSet();
        return letters.Overlaps("ES") ? TagScheme.Bioes
            : letters.Overlaps("LU") ? TagScheme.Bilou
            : letters.Contains('B') ? TagScheme.Bio
            : TagScheme.Iob1;
    }
}
