using Electra.Data;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>What the losses of a batch are means over, however it is cut into parts.</summary>
/// <param name="MaskedTokens">Masked tokens of the whole batch: the generator's loss.</param>
/// <param name="Tokens">Tokens of the whole batch, padding left out: the discriminator's loss.</param>
/// <param name="Sequences">Sequences of the whole batch: losses of one's own.</param>
internal readonly record struct LossCounts(long MaskedTokens, long Tokens, long Sequences);

/// <summary>A loss of one's own beside the generator's and the discriminator's, of a head of one's own on the pass's hidden
/// states.</summary>
/// <param name="Name">Its name in the metrics file, in TensorBoard and in the picture: <c>sentence_order_loss</c>.</param>
/// <param name="Loss">From the batch and its pass to a mean over the batch's sequences, a scalar.</param>
/// <param name="Weight">Its weight in the loss that is minimised.</param>
public sealed record ExtraLoss(string Name, Func<TokenBatch, ElectraPass, Tensor> Loss, double Weight = 1);

/// <summary>What one forward pass of <see cref="ElectraMethod"/> gives.</summary>
/// <remarks>Of a part of a batch, the losses are its share in the batch's: they add up over the parts.</remarks>
/// <param name="Loss">The loss to minimise, a scalar.</param>
/// <param name="GeneratorLoss">Mean cross-entropy over the masked tokens, a scalar.</param>
/// <param name="DiscriminatorLoss">Mean binary cross-entropy over all tokens, a scalar.</param>
/// <param name="Masked">What was masked.</param>
/// <param name="Targets">The masked tokens, <c>[positions]</c>.</param>
/// <param name="GeneratorLogits"><c>[positions, vocabulary]</c>.</param>
/// <param name="CorruptedIds">What the discriminator read, <c>[size · length]</c>.</param>
/// <param name="DiscriminatorLogits"><c>[tokens]</c>: padding is left out.</param>
/// <param name="Replaced">Whether each token was replaced, <c>[tokens]</c>.</param>
/// <param name="HiddenStates">The discriminator's last hidden states, <c>[size, length, hidden]</c> in the precision of the
/// activations.</param>
public sealed record ElectraPass(Tensor Loss, Tensor GeneratorLoss, Tensor DiscriminatorLoss, MaskedTokens Masked,
    Tensor Targets, Tensor GeneratorLogits, Tensor CorruptedIds, Tensor DiscriminatorLogits, Tensor Replaced, Tensor HiddenStates)
{
    /// <summary>The text that was masked: the batch as <see cref="ElectraMethod.Prepare"/> left it.</summary>
    public required TokenBatch Batch { get; init; }

    /// <summary>What the discriminator read, <c>[tokens]</c>: padding is left out.</summary>
    internal Tensor JudgedIds { get; init; } = null!;
}

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
    /// <summary>Brings a batch and its masks to the device, in one copy.</summary>
    public static StagedPass Of(TokenBatch batch, MaskedTokens masked, Compute compute)
    {
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
        return new(put[0], put[1], put[2], put[3], put[4], put[5], put[6]);
    }
}
