using Electra.Running;
using Electra.Training;

namespace Electra.Finetuning;

/// <summary>Where a run stands.</summary>
/// <param name="Step">Updates done.</param>
/// <param name="Seconds">Time spent.</param>
/// <param name="Losses">Sums over the updates of the epoch in progress.</param>
/// <param name="NotFiniteInARow">The latest updates that were skipped because they were not finite.</param>
/// <param name="Epochs">The evaluations that are done.</param>
internal sealed record FinetunePosition(
    long Step,
    double Seconds,
    UpdateSums Losses,
    int NotFiniteInARow,
    IReadOnlyList<FinetuneEpoch> Epochs
)
{
    /// <summary>At the beginning.</summary>
    public static FinetunePosition Start { get; } = new(0, 0, UpdateSums.None, 0, []);
}

/// <summary>Who follows a run.</summary>
/// <param name="Epoch">Told of each evaluation.</param>
/// <param name="Updated">Called after every update.</param>
/// <param name="Warn">Told of what should not be overlooked.</param>
internal sealed record FinetuneObserver(Action<FinetuneEpoch> Epoch, Action Updated, Action<string> Warn);
