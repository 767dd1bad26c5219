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
        ModelHead.None when model.Pooling is { } pooling => OfVectors(model, pooling),
        _ => OfLabels(model),
    };

    /// <summary>How rows become token ids: questions as the model was trained to read them, other texts as far as it reads.</summary>
    public static EncodingOptions Encoding(PretrainedModel model)
    {
        var whole = new EncodingOptions { MaxLength = model.MaxTokens, CutsAsFastTokenizers = true };
        return model.Head switch
        {
            ModelHead.QuestionAnswering => Settings(model).Encoding(whole),
            ModelHead.TokenClassifier => whole with { Overlap = TagSettings(model).Stride ?? whole.Overlap },
            _ => whole,
        };
    }

    private static AnswerSettings Settings(PretrainedModel model) => model.Config.TaskSpecificParams?.QuestionAnswering ?? new();

    private static TagSettings TagSettings(PretrainedModel model) => model.Config.TaskSpecificParams?.TokenClassification ?? new();

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

    private static TaskDefinition OfVectors(PretrainedModel model, TextPooling pooling) =>
        pooling.UsualPrompt() is { } role && pooling.Prompts().GetValueOrDefault(role) is { Length: > 0 } prompt
            ? throw new UserErrorException(
                $"{model.Source} reads texts behind \"{prompt}\", which lines of text do not have: TextEmbedder puts it there"
            )
            : Of(model, Embedding.OfScores, []) with
            {
                Embedding = new(TextLoss.Cosine, pooling.Mode, Scale: 1, pooling.Normalises, Dimensions: []),
            };

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
        if (kind != WordTags.Kind)
            return Of(model, kind, labels) with
            {
                MayBePair = true,
                Range = kind == Regression.Kind && model.Config.TaskSpecificParams?.TextClassification?.Range is [var low, var high]
                    ? (low, high)
                    : null,
            };
        var settings = TagSettings(model);
        return Of(model, kind, labels) with
        {
            Scheme = settings.Scheme ?? SchemeOf(labels),
            ConstrainsTags = settings.Decode == TagDecoding.Constrained,
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

    /// <summary>One output is a value in that library, unless <c>problem_type</c> says that it is one of several labels.</summary>
    private static TaskKind KindOf(PretrainedModel model, int outputs) =>
        model.Head == ModelHead.TokenClassifier ? WordTags.Kind
        : model.Config.ProblemType == MultiLabel.Kind.ProblemType ? MultiLabel.Kind
        : outputs == 1 ? Regression.Kind
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
