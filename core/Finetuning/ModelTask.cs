using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Data.Tagging;
using Electra.Data.Tasks;

namespace Electra.Finetuning;

/// <summary>What a fine-tuned model of Hugging Face's form was trained to say, from its <c>config.json</c>.</summary>
internal static class ModelTask
{
    /// <summary>The task of a model.</summary>
    /// <exception cref="UserErrorException">It was not fine-tuned, or says several values at once.</exception>
    public static TaskDefinition Of(PretrainedModel model) => model.Head switch
    {
        ModelHead.QuestionAnswering => OfAnswers(model),
        ModelHead.MultipleChoice => Of(model, Choice.Kind, []),
        _ => OfLabels(model),
    };

    /// <summary>How rows become token ids: questions as the model was trained to read them, other texts as far as it reads.</summary>
    public static EncodingOptions Encoding(PretrainedModel model)
    {
        var whole = new EncodingOptions { MaxLength = model.MaxTokens, CutsAsFastTokenizers = true };
        return model.Head == ModelHead.QuestionAnswering ? Settings(model).Encoding(whole) : whole;
    }

    private static AnswerSettings Settings(PretrainedModel model) => model.Config.TaskSpecificParams?.QuestionAnswering ?? new();

    private static TaskDefinition OfAnswers(PretrainedModel model)
    {
        var options = Settings(model).Options;
        return Of(model, Answers.Kind, []) with
        {
            TextColumns = ["question", "context"],
            Answers = options,
            Metrics = Answers.MetricsOf(options),
        };
    }

    private static TaskDefinition OfLabels(PretrainedModel model)
    {
        var outputs = model.Head switch
        {
            ModelHead.TwoLayerClassifier => model.Tensors["classifier.out_proj.weight"].Shape[0],
            ModelHead.Classifier or ModelHead.TokenClassifier => model.Tensors["classifier.weight"].Shape[0],
            _ => throw new UserErrorException($"{model.Source} is not a fine-tuned model: {ModelHeads.Described(model)}"),
        };
        string[] labels = [.. Enumerable.Range(0, (int)outputs).Select(i => model.Config.Id2label?.GetValueOrDefault(i) ?? $"LABEL_{i}")];
        var kind = KindOf(model, labels.Length);
        return Of(model, kind, labels) with
        {
            Scheme = kind == WordTags.Kind ? SchemeOf(labels) : TagScheme.None,
            MayBePair = kind != WordTags.Kind,
        };
    }

    private static TaskDefinition Of(PretrainedModel model, TaskKind kind, string[] labels)
    {
        var metrics = kind.Metrics(labels);
        return new TaskDefinition
        {
            Kind = kind,
            Name = "model",
            DisplayName = model.Source,
            TextColumns = ["text"],
            Labels = kind == Regression.Kind ? [] : labels,
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
