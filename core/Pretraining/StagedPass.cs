using Electra.Data;
using Electra.Model;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>What a pass reads, on the device.</summary>
/// <param name="Original">The token ids, <c>[size · length]</c>.</param>
/// <param name="Types">The token types, <c>[size · length]</c>.</param>
/// <param name="Lengths">The tokens of each row, <c>[size]</c>.</param>
/// <param name="Tokens">The places of all tokens but padding, <c>[tokens]</c>.</param>
/// <param name="MaskedIds">The token ids after masking, <c>[size · length]</c>.</param>
/// <param name="Positions">The places that were masked, <c>[positions]</c>.</param>
/// <param name="Targets">The tokens that were there, <c>[positions]</c>.</param>
internal sealed record StagedPass(
    Tensor Original,
    Tensor Types,
    Tensor Lengths,
    Tensor Tokens,
    Tensor MaskedIds,
    Tensor Positions,
    Tensor Targets
)
{
    /// <summary>The text before it was masked.</summary>
    public required TokenBatch Batch { get; init; }

    /// <summary>What was masked of it.</summary>
    public required MaskedTokens Masked { get; init; }

    /// <summary>Names the random draws of the update.</summary>
    public required RandomKey Key { get; init; }

    /// <summary>Where it is computed.</summary>
    public required Compute Compute { get; init; }

    /// <summary>Which positions are tokens.</summary>
    public required AttentionMask Attention { get; init; }

    /// <summary>Whether dropout is on.</summary>
    private bool IsTraining { get; init; }

    /// <summary><see cref="MaskedIds"/> as <c>[size, length]</c>.</summary>
    public Tensor MaskedRows => Rows(MaskedIds);

    /// <summary><see cref="Types"/> as <c>[size, length]</c>.</summary>
    public Tensor TypeRows => Rows(Types);

    /// <summary><c>[size · length]</c> as <c>[size, length]</c>.</summary>
    public Tensor Rows(Tensor flat) => flat.view(Batch.Size, Batch.Length);

    /// <summary><c>[size · length]</c> to <c>[tokens]</c>.</summary>
    public Tensor WithoutPadding(Tensor flat) => Batch.TokenCount == Batch.Ids.Length ? flat : flat.index_select(0, Tokens);

    /// <summary>Dropout of one network.</summary>
    /// <param name="network">Tells the draws of the networks apart.</param>
    public Dropout Dropout(int network) => IsTraining ? new(Key[network], Compute, Batch.Size, Batch.FirstRow) : Tensors.Dropout.None;

    /// <summary>
    /// The token ids with samples in the masked places. Of a place that was drawn twice, as <see cref="MaskingStyle.FixedShare"/> may,
    /// the samples' ids are averaged and rounded down, as Google's code does (<c>pretrain_helpers.scatter_update</c>).
    /// </summary>
    /// <param name="samples"><c>[positions]</c>.</param>
    /// <returns><c>[size · length]</c>.</returns>
    public Tensor With(Tensor samples)
    {
        if (Masked.Positions.Distinct().Count() == Masked.Positions.Length)
            return MaskedIds.index_copy(0, Positions, samples);
        var draws = zeros_like(MaskedIds).index_add(0, Positions, ones_like(Positions), 1);
        var sums = zeros_like(MaskedIds).index_add(0, Positions, samples, 1);
        return where(draws.gt(0), sums.div(draws.clamp_min(1), RoundingMode.floor), MaskedIds);
    }

    /// <summary>Brings a batch and its masks to the device, in one copy.</summary>
    /// <param name="batch">The text.</param>
    /// <param name="masked">What is masked of it.</param>
    /// <param name="key">Names the random draws of the update.</param>
    /// <param name="training">Whether dropout is on.</param>
    /// <param name="compute">The device.</param>
    /// <param name="deviceDraws">Tells the draws of passes over the same text apart that the device makes by itself.</param>
    public static StagedPass Of(
        TokenBatch batch,
        MaskedTokens masked,
        RandomKey key,
        bool training,
        Compute compute,
        int deviceDraws = 4
    )
    {
        if (training)
            DeviceRandom.Seed(compute, key[deviceDraws][batch.FirstRow]);
        long[] lengths = [.. batch.Lengths.Select(length => (long)length)];
        var put = Staging.Put(
            compute,
            batch.Ids,
            batch.TokenTypes,
            lengths,
            batch.TokenPositions(),
            masked.Ids,
            masked.Positions,
            masked.Targets
        );
        return new(put[0], put[1], put[2], put[3], put[4], put[5], put[6])
        {
            Batch = batch,
            Masked = masked,
            Key = key,
            Compute = compute,
            IsTraining = training,
            Attention = AttentionMask.Of(batch, compute, put[2]),
        };
    }
}
