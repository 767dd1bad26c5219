using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Model;
using Electra.Running;

namespace Electra.Pretraining;

/// <summary>Measures saved masked language models on held-out text.</summary>
/// <param name="run">The experiment.</param>
/// <param name="data">Its text.</param>
/// <param name="model">A model of the run's shape, which weights are read into.</param>
/// <param name="method">The method, whose masks and loss are measured with.</param>
internal sealed class SavedLanguageModels(Run<PretrainConfig> run, PretrainData data, MaskedLanguageModel model, MlmMethod method)
{
    /// <summary>Measures a model.</summary>
    /// <param name="source">Where it is.</param>
    /// <param name="owner">The run that it is measured as.</param>
    /// <exception cref="UserErrorException">There is no such model, or it cannot be measured on this text.</exception>
    public MeasuredModel Measure(string source, PretrainConfig owner)
    {
        using var saved = PretrainedModel.Open(source, ModelPart.Generator, run.Console, run.Stopping);
        if (saved.Head != ModelHead.Generator)
            throw new UserErrorException($"{source} is not a masked language model: it has no weights generator_predictions.*");
        EqualWork.RequireReads(saved, "evaluation.models", run.Config, data);
        var filled = saved.Fill(model.Weights());
        if (filled.Missing.Count > 0)
            throw new UserErrorException($"{source} lacks weights of its model: {string.Join(", ", filled.Missing)}");
        model.Store.PublishValues();
        var measured = method with { Mask = EqualWork.MaskOf(owner, data) ?? method.Mask };
        var objective = MlmObjective.Of(model, method, measured, EqualWork.KeyOf(owner), data.Tokenizer.Vocabulary);
        return new MeasuredModel(objective.Measure(data.HeldOutBatches(run.Config), Measurers.Alone(run.Stopping)));
    }
}
