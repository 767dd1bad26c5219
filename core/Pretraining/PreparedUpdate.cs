using Electra.Distributed;
using Electra.Tensors;
using Electra.Training;

namespace Electra.Pretraining;

/// <summary>An update whose batch is read and masked: what can be made of it ahead, on another thread.</summary>
/// <param name="Tokens">Tokens of this rank's share of the batch, without padding.</param>
/// <param name="Steps">Makes its steps; to be called when its turn has come.</param>
internal sealed record PreparedUpdate(long Tokens, Func<IReadOnlyList<UpdateStep>> Steps)
{
    /// <summary>The k-th update of a run, from 0.</summary>
    public static PreparedUpdate Of(
        long k,
        PretrainConfig config,
        PretrainData data,
        Objective objective,
        RandomKey key,
        ICommunicator ranks
    )
    {
        var parts = data.TrainingBatches(config, k, ranks);
        return new(parts.Sum(part => part.TokenCount), objective.Update(k, parts, key));
    }
}
