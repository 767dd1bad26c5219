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
/// <param name="Filled">What was masked, filled up: <see cref="FilledPlaces"/>.</param>
internal sealed record StagedPass(Tensor Original, Tensor Types, Tensor Lengths, Tensor Tokens, Tensor MaskedIds, FilledPlaces Filled)
{
    /// <summary>What was brought here.</summary>
    public required PreparedPass Prepared { get; init; }

    /// <summary>Where it is computed.</summary>
    public required Compute Compute { get; init; }

    /// <summary>Which positions are tokens.</summary>
    public required AttentionMask Attention { get; init; }

    /// <summary>Whether dropout is on.</summary>
    private bool IsTraining { get; init; }

    /// <summary>The text before it was masked.</summary>
    public TokenBatch Batch => Prepared.Batch;

    /// <summary>What was masked of it.</summary>
    public MaskedTokens Masked => Prepared.Masked;

    /// <summary>How many tokens were masked.</summary>
    public int MaskedCount => Masked.Positions.Length;

    /// <summary>The places that were masked, <c>[positions]</c>.</summary>
    public Tensor Positions => Proper(Filled.Positions);

    /// <summary>The tokens that were there, <c>[positions]</c>.</summary>
    public Tensor Targets => Proper(Filled.Targets);

    /// <summary><see cref="MaskedIds"/> as <c>[size, length]</c>.</summary>
    public Tensor MaskedRows => Rows(MaskedIds);

    /// <summary><see cref="Types"/> as <c>[size, length]</c>.</summary>
    public Tensor TypeRows => Rows(Types);

    /// <summary><c>[size · length]</c> as <c>[size, length]</c>.</summary>
    public Tensor Rows(Tensor flat) => flat.view(Batch.Size, Batch.Length);

    /// <summary><c>[size · length]</c> to <c>[tokens]</c>.</summary>
    public Tensor WithoutPadding(Tensor flat) => Batch.TokenCount == Batch.Ids.Length ? flat : flat.index_select(0, Tokens);

    /// <summary>Rows of filled places to those of places that were masked, <c>[positions, …]</c>.</summary>
    public Tensor Proper(Tensor filled) => filled.shape[0] == MaskedCount ? filled : filled.narrow(0, 0, MaskedCount);

    /// <summary>The loss of logits of filled places.</summary>
    /// <param name="logits">The logits.</param>
    /// <param name="loss">From logits and targets to a mean.</param>
    /// <param name="own">The kit's own stages, which take filled places; a script's have the proper ones.</param>
    public Tensor Loss(Tensor logits, Func<Tensor, Tensor, Tensor> loss, IEnumerable<Delegate> own) =>
        own.Contains(loss) ? loss(logits, Filled.Targets) : loss(Proper(logits), Targets);

    /// <summary>Samples of logits of filled places, <c>[positions]</c>.</summary>
    /// <inheritdoc cref="Loss"/>
    public Tensor Samples(Tensor logits, Func<Tensor, Tensor, IReadOnlyList<RandomKey>, Tensor> sample, IEnumerable<Delegate> own) =>
        own.Contains(sample)
            ? Proper(sample(logits, Filled.Targets, Filled.Keys))
            : sample(Proper(logits), Targets, Filled.Keys.First(MaskedCount));

    /// <summary>Dropout of one network.</summary>
    /// <param name="network">Tells the draws of the networks apart.</param>
    public Dropout Dropout(int network) =>
        IsTraining ? new(Prepared.Key[network], Compute, Batch.Size, Batch.FirstRow) : Tensors.Dropout.None;

    /// <summary>
    /// The token ids with samples in the masked places. Of a place that was drawn twice, as <see cref="MaskingStyle.FixedShare"/> may,
    /// the samples' ids are averaged and rounded down, as Google's code does (<c>pretrain_helpers.scatter_update</c>).
    /// </summary>
    /// <param name="samples"><c>[positions]</c>.</param>
    /// <returns><c>[size · length]</c>.</returns>
    public Tensor With(Tensor samples)
    {
        if (!Prepared.Repeats)
            return MaskedIds.index_copy(0, Positions, samples);
        var draws = zeros_like(MaskedIds).index_add(0, Positions, ones_like(Positions), 1);
        var sums = zeros_like(MaskedIds).index_add(0, Positions, samples, 1);
        return where(draws.gt(0), sums.div(draws.clamp_min(1), RoundingMode.floor), MaskedIds);
    }

    /// <summary>Brings a text and its masks to the device, in one copy.</summary>
    /// <param name="prepared">What was made ahead.</param>
    /// <param name="training">Whether dropout is on.</param>
    /// <param name="deviceDraws">Tells the draws of passes over the same text apart that the device makes by itself.</param>
    /// <param name="isLast">Whether no other pass follows over the same text.</param>
    public static StagedPass Of(PreparedPass prepared, bool training, int deviceDraws = 4, bool isLast = true)
    {
        var (batch, compute) = (prepared.Batch, prepared.Compute);
        if (training)
            DeviceRandom.Seed(compute, prepared.Key[deviceDraws][batch.FirstRow]);
        var put = prepared.Put(isLast);
        return new(put[0], put[1], put[2], put[3], put[4], new(put[5], put[6], new StagedKeys(prepared.DrawKeys, put[7])))
        {
            Prepared = prepared,
            Compute = compute,
            IsTraining = training,
            Attention = AttentionMask.Of(batch, compute, put[2], put[8], put[9]),
        };
    }
}

/// <summary>
/// The places that were masked, on CUDA with others behind them, up to a multiple of 64: so buffers of an element for each token of the
/// vocabulary repeat their sizes from update to update, and libtorch uses their memory again.
/// </summary>
/// <param name="Positions">The places; those that fill up are 0.</param>
/// <param name="Targets">The tokens that were there; of those that fill up <see cref="PreparedPass.Filling"/>.</param>
/// <param name="Keys">Names the draws at each.</param>
internal sealed record FilledPlaces(Tensor Positions, Tensor Targets, StagedKeys Keys);
