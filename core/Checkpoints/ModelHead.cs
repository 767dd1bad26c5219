using Electra.Checkpoints.HuggingFace;
using Electra.Model;

namespace Electra.Checkpoints;

/// <summary>What a model computes from its hidden states.</summary>
internal enum ModelHead
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Which tokens were replaced: <c>ElectraForPreTraining</c>.</summary>
    Discriminator,

    /// <summary>Which tokens were masked: <c>ElectraForMaskedLM</c>.</summary>
    Generator,

    /// <summary>A label or value of a text by one linear layer: this kit's classifier.</summary>
    Classifier,

    /// <summary>A label or value of a text by two layers: <c>ElectraForSequenceClassification</c>.</summary>
    TwoLayerClassifier,

    /// <summary>A label of each token: <c>ElectraForTokenClassification</c>.</summary>
    TokenClassifier,

    /// <summary>A score of each choice: <c>ElectraForMultipleChoice</c>.</summary>
    MultipleChoice,

    /// <summary>Where an answer begins and ends: <c>ElectraForQuestionAnswering</c>.</summary>
    QuestionAnswering,

    /// <summary>Something else that config.json names.</summary>
    Other,
}

/// <summary>Finds out which head a model has.</summary>
internal static class ModelHeads
{
    private static readonly (string Architecture, ModelHead Head, string Weight)[] Known =
    [
        ("ElectraForPreTraining", ModelHead.Discriminator, "discriminator_predictions.dense_prediction.weight"),
        ("ElectraForMaskedLM", ModelHead.Generator, "generator_predictions.dense.weight"),
        (nameof(ElectraClassifier), ModelHead.Classifier, "classifier.weight"),
        ("ElectraForSequenceClassification", ModelHead.TwoLayerClassifier, "classifier.out_proj.weight"),
        ("ElectraForTokenClassification", ModelHead.TokenClassifier, "classifier.weight"),
        ("ElectraForMultipleChoice", ModelHead.MultipleChoice, "sequence_summary.summary.weight"),
        ("ElectraForQuestionAnswering", ModelHead.QuestionAnswering, "qa_outputs.weight"),
    ];

    /// <summary>Whether a weight belongs to one of the heads.</summary>
    public static bool IsOfHead(string name) => name.Split('.')[0]
        is "discriminator_predictions" or "generator_predictions" or "generator_lm_head" or "classifier" or "sequence_summary"
        || name.StartsWith("qa_", StringComparison.Ordinal);

    /// <summary>What a model is, where it is not what was asked for.</summary>
    public static string Described(PretrainedModel model) => model.Head switch
    {
        ModelHead.None => "it is an encoder without a head",
        ModelHead.Discriminator => "it is a discriminator, as it was pre-trained",
        ModelHead.Generator => "it is a generator, as it was pre-trained",
        ModelHead.Classifier or ModelHead.TwoLayerClassifier => "it is a classifier of texts",
        ModelHead.TokenClassifier => "it is a classifier of tokens",
        ModelHead.MultipleChoice => "it scores choices",
        ModelHead.QuestionAnswering => "it finds answers in texts",
        _ when model.Config.Architectures.Count > 0 =>
            $"its head is of another kind (architectures in its config.json: {string.Join(", ", model.Config.Architectures)})",
        _ => "its head is a classifier, and architectures in its config.json does not say whether it labels texts or tokens",
    };

    /// <summary>Whether a model was fine-tuned, and is no longer one of a pair.</summary>
    public static bool IsFineTuned(ModelHead head) =>
        head is ModelHead.Classifier or ModelHead.TwoLayerClassifier or ModelHead.TokenClassifier or ModelHead.MultipleChoice
            or ModelHead.QuestionAnswering;

    /// <summary>The pipeline of Hugging Face's libraries that a model is for; null where there is none.</summary>
    public static string? Pipeline(ModelHead head) => head switch
    {
        ModelHead.None => "feature-extraction",
        ModelHead.Generator => "fill-mask",
        ModelHead.Classifier or ModelHead.TwoLayerClassifier => "text-classification",
        ModelHead.TokenClassifier => "token-classification",
        ModelHead.MultipleChoice => "multiple-choice",
        ModelHead.QuestionAnswering => "question-answering",
        _ => null,
    };

    /// <summary>
    /// The head that <c>architectures</c> names, if the weights have it; where it names none, the first whose weight is there.
    /// A classifier of one layer that does not say it is this kit's is not counted as one: it may label tokens.
    /// </summary>
    public static ModelHead Of(HuggingFaceConfig config, ICollection<string> weights)
    {
        var name = config.Architectures.FirstOrDefault();
        if (name is null)
            return Known.FirstOrDefault(known => weights.Contains(known.Weight)) switch
            {
                { Weight: null } => ModelHead.None,
                { Head: ModelHead.Classifier } when config.ProblemType is null => ModelHead.Other,
                var found => found.Head,
            };
        if (name == "ElectraModel")
            return ModelHead.None;
        return Array.Find(Known, known => known.Architecture == name) is not { Weight: { } weight, Head: var head } ? ModelHead.Other
            : weights.Contains(weight) ? head : ModelHead.None;
    }
}
