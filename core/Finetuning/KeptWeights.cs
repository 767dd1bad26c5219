using Electra.Running;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Finetuning;

/// <summary>Which weights a run leaves, and which evaluation its scores are of.</summary>
public enum KeptWeights
{
    /// <summary>Those of the end: the published protocol of GLUE.</summary>
    Last,

    /// <summary>Those of the evaluation that is best on the development set.</summary>
    Best,
}

/// <summary>
/// Which of a run's evaluations is kept, and when waiting for a better one ends. Both follow from the list of evaluations alone, so that a
/// run which was stopped decides as one that was not.
/// </summary>
/// <param name="Metric">The metric of the development set that chooses; <see cref="Loss"/>: its loss.</param>
/// <param name="MinDelta">By more than this a later evaluation must be better than the best one before it.</param>
/// <param name="Patience">Evaluations in a row without a better one that end a run; 0: none do.</param>
internal sealed record BestEvaluation(string Metric, double MinDelta, int Patience)
{
    /// <summary>The loss as a metric: lower is better.</summary>
    public const string Loss = "loss";

    /// <summary>The best evaluation, the first of equals; the first of all where none has a value.</summary>
    /// <returns>Its index, and the number of evaluations after it.</returns>
    public (int Index, int Since) Of(IReadOnlyList<FinetuneEpoch> evaluations)
    {
        int best = 0;
        for (int i = 1; i < evaluations.Count; i++)
            if (IsBetter(Value(evaluations[i]), Value(evaluations[best])))
                best = i;
        return (best, evaluations.Count - 1 - best);
    }

    /// <summary>Whether as many evaluations as patience allows have brought no better one.</summary>
    public bool HasWaitedInVain(IReadOnlyList<FinetuneEpoch> evaluations) =>
        Patience > 0 && evaluations.Count > 0 && Of(evaluations).Since >= Patience;

    /// <summary>An undefined value is never better, and any value is better than an undefined one.</summary>
    private bool IsBetter(double value, double best) =>
        !double.IsNaN(value) && (double.IsNaN(best) || (Metric == Loss ? best - value : value - best) > MinDelta);

    private double Value(FinetuneEpoch evaluation) =>
        Metric == Loss ? evaluation.DevLoss ?? double.NaN : evaluation.Scores.GetValueOrDefault(Metric, double.NaN);
}

/// <summary>The weights of a run's best evaluation so far, a part of its state.</summary>
/// <param name="store">The weights that are trained.</param>
internal sealed class BestWeights(ParameterStore store) : IDisposable
{
    private readonly Tensor values = store.Values.detach().clone().DetachFromDisposeScope();

    /// <summary>What a saved state has beside the run's own tensors.</summary>
    public (string Name, Tensor Value) State => ("best_values", values);

    /// <summary>The weights as they are now are the best.</summary>
    public void Take()
    {
        using var _ = no_grad();
        values.copy_(store.Values);
    }

    /// <summary>Brings the best weights back.</summary>
    public void Restore()
    {
        using (no_grad())
            store.Values.copy_(values);
        store.PublishValues();
    }

    /// <inheritdoc/>
    public void Dispose() => values.Dispose();
}
