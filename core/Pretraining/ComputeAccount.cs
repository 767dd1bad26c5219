using Electra.Model;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>What training took, in floating-point operations.</summary>
/// <param name="Flops">As google-research/electra counts it: <see cref="ForwardCost"/>.</param>
/// <param name="ParameterFlops">6 · parameters without embeddings · tokens, padding left out; 2 for a generator that does not
/// learn.</param>
internal sealed record ComputeSpent(double Flops, double ParameterFlops)
{
    /// <summary>Both numbers, in words.</summary>
    public override string ToString() =>
        FormattableString.Invariant($"{Flops:0.###e+0} FLOPs by Google's count; {ParameterFlops:0.###e+0} by 6 · N · D");
}

/// <summary>Counts what a run's updates take: a function of how many there were, however often it was stopped.</summary>
internal sealed class ComputeAccount
{
    private readonly LengthPhases phases;
    private readonly PretrainBranch? branch;
    private readonly Func<int, double> ofRow;
    private readonly double perToken;

    /// <param name="config">The experiment.</param>
    /// <param name="objective">Its networks are those that are saved of it, unless it says more.</param>
    /// <param name="branch">Where the run left another; null: nowhere.</param>
    public ComputeAccount(PretrainConfig config, Objective objective, PretrainBranch? branch)
    {
        (phases, this.branch) = (LengthPhases.Of(config.Training, config.Examples.MaxLength), branch);
        using var _ = NewDisposeScope();
        var networks = objective.Models().Select(model => (model.Config, model.Architecture == "ElectraForMaskedLM")).ToList();
        ofRow = objective.RowFlops ?? (length => OfRow(networks, length));
        perToken = objective
            .Store.Parameters.Where(parameter => !parameter.Name.Contains("embeddings.", StringComparison.Ordinal))
            .Sum(parameter => (objective.IsForwardOnly(parameter) ? 2.0 : 6.0) * parameter.Count);
    }

    /// <summary>What the updates up to one took, those before a branch among them.</summary>
    /// <param name="step">Updates that are done.</param>
    /// <param name="tokens">Tokens that this run has read.</param>
    public ComputeSpent Until(long step, long tokens) =>
        new(
            (branch?.Spent.Flops ?? 0)
                + phases
                    .Between(branch?.Step ?? 0, step)
                    .Sum(part => (double)part.Updates * part.Phase.BatchSize * ofRow(part.Phase.MaxLength)),
            (branch?.Spent.ParameterFlops ?? 0) + (perToken * tokens)
        );

    /// <summary>A row of examples in training.</summary>
    /// <param name="networks">The shape of each, and whether it predicts tokens; else it tells replaced ones.</param>
    /// <param name="length">Tokens of the row, padding included.</param>
    internal static double OfRow(IEnumerable<(ElectraConfig Shape, bool PredictsTokens)> networks, int length) =>
        networks.Sum(network =>
            new ForwardCost(network.Shape, length) is var cost && network.PredictsTokens ? cost.TrainingMasked : cost.TrainingDetection
        );
}
