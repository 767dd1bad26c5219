using Electra.Model;
using Electra.Running;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>Measures saved pairs of generator and discriminator on held-out text.</summary>
/// <param name="run">The experiment.</param>
/// <param name="data">Its text.</param>
/// <param name="fresh">A pair of the run's shape, which weights are read into.</param>
/// <param name="method">The method, whose masks and losses are measured with.</param>
internal sealed class SavedPairs(Run<PretrainConfig> run, PretrainData data, ElectraPair fresh, ElectraMethod method)
{
    /// <summary>Examples of the training text that tokens are counted in, for each held-out one: a run itself counts while it
    /// trains.</summary>
    private const int CountedForEach = 4;

    private double[]? tokensOfOneText;

    /// <summary>Measures a pair, or a discriminator on the text of <see cref="EvaluationOptions.Generator"/>.</summary>
    /// <param name="source">Where it is.</param>
    /// <param name="owner">The run that it is measured as.</param>
    /// <exception cref="UserErrorException">There is no such model, or it cannot be measured on this text.</exception>
    public MeasuredModel Measure(string source, PretrainConfig owner)
    {
        using var pair = SavedPair.Open(source, run, data, fresh);
        using var measurement = EqualWork.Open(owner, run, data, method, fresh.Store.Compute);
        var scores = Evaluation.Measure(
            pair.Model,
            measurement.Method,
            data.HeldOutBatches(run.Config),
            measurement.Key,
            TokenScores(pair.Model, measurement),
            Measurers.Alone(run.Stopping)
        );
        return pair.HasGenerator ? new(scores) : new(scores, "masked_accuracy", "generator_loss", "loss");
    }

    /// <summary>What each token alone tells, counted in training text that is made as the held-out text is.</summary>
    private double[] TokenScores(ElectraPair pair, EqualWork measurement)
    {
        // The same generator and masks write the same text for all.
        if (tokensOfOneText is not null && run.Config.Evaluation.Generator != "")
            return tokensOfOneText;
        using var baseline = new TokenBaseline(pair.Config.VocabularySize, pair.Store.Compute);
        using var _ = no_grad();
        foreach (var batch in data.TrainingText(run.Config, CountedForEach * run.Config.Evaluation.Examples))
        {
            run.Stopping.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            baseline.Count(measurement.Method.Forward(pair, batch, measurement.Key, training: false));
        }
        return tokensOfOneText = baseline.Scores();
    }
}
