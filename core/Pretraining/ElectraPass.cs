using Electra.Data;
using Electra.Distributed;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>What the losses of a batch are means over, however it is cut into parts.</summary>
/// <param name="Predicted">What the generator learns from of the whole batch: masked tokens; with two towers, all that may be
/// masked.</param>
/// <param name="Tokens">Tokens of the whole batch, padding left out: the discriminator's loss.</param>
/// <param name="Sequences">Sequences of the whole batch: losses of one's own.</param>
internal readonly record struct LossCounts(long Predicted, long Tokens, long Sequences)
{
    /// <summary>The counts of a batch.</summary>
    /// <param name="parts">Its parts on this rank.</param>
    /// <param name="ranks">The ranks that the batch is cut over.</param>
    public static LossCounts Of(IReadOnlyList<PreparedPass> parts, ICommunicator ranks)
    {
        var sums = ranks.Sum(
            parts.Sum(part => (long)part.Masked.Positions.Length),
            parts.Sum(part => part.Batch.TokenCount),
            parts.Sum(part => (long)part.Batch.Size)
        );
        return new((long)sums[0], (long)sums[1], (long)sums[2]);
    }

    /// <summary>The share of a part in the mean over the whole batch.</summary>
    /// <param name="mean">The part's own mean.</param>
    /// <param name="count">What it is a mean over.</param>
    /// <param name="ofAll">What the batch's is a mean over.</param>
    /// <param name="epsilon">Added to <paramref name="ofAll"/>.</param>
    public static Tensor ShareOf(Tensor mean, long count, long ofAll, double epsilon) =>
        count == ofAll && epsilon == 0 ? mean : mean * (count / (ofAll + epsilon));
}

/// <summary>A loss of one's own beside the generator's and the discriminator's, of a head of one's own on the pass's hidden
/// states.</summary>
/// <param name="Name">Its name in the metrics file, in TensorBoard and in the picture: <c>sentence_order_loss</c>.</param>
/// <param name="Loss">From the batch and its pass to a mean over the batch's sequences, a scalar; over its rows, where several examples
/// share one, which <see cref="TokenBatch.ExamplesOf"/> tells apart.</param>
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

    /// <summary>How many tokens the generator's loss is a mean over, of a whole batch.</summary>
    internal long Predicted { get; init; }
}

/// <summary>What the discriminator says of a text; padding is left out.</summary>
/// <param name="Loss">Its share in the batch's loss, a scalar.</param>
/// <param name="Logits"><c>[tokens]</c>.</param>
/// <param name="Replaced">Whether each token was replaced, <c>[tokens]</c>.</param>
/// <param name="Ids">What it read, <c>[tokens]</c>.</param>
/// <param name="HiddenStates">Its last hidden states, <c>[size, length, hidden]</c>.</param>
internal sealed record Judgement(Tensor Loss, Tensor Logits, Tensor Replaced, Tensor Ids, Tensor HiddenStates);
