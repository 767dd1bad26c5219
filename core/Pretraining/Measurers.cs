using Electra.Data;
using Electra.Distributed;
using Electra.Running;

namespace Electra.Pretraining;

/// <summary>The processes that measure held-out text together.</summary>
/// <param name="Ranks">Each measures its share of the batches.</param>
/// <param name="IsStopping">Asked between batches, on all ranks alike.</param>
internal sealed record Measurers(ICommunicator Ranks, Func<bool> IsStopping)
{
    /// <summary>This process.</summary>
    public static Measurers Alone(CancellationToken cancellation) =>
        new(SingleProcess.Instance, () => cancellation.IsCancellationRequested);

    /// <summary>The ranks of a run.</summary>
    public static Measurers Of(Run<PretrainConfig> run) => new(run.Ranks, run.IsStopping);

    /// <summary>The batches that this process measures.</summary>
    /// <exception cref="OperationCanceledException">It is given up.</exception>
    public IEnumerable<TokenBatch> Share(IEnumerable<TokenBatch> batches) => Ranks.Share(batches, IsStopping);
}
