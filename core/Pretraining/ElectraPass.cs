using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>Text as the model reads it.</summary>
/// <param name="Size">Sequences in the batch.</param>
/// <param name="Length">Positions of each, padding included.</param>
/// <param name="Ids">Token ids, <c>[size · length]</c>.</param>
/// <param name="TokenTypes">0 for the first segment, 1 for the second, <c>[size · length]</c>.</param>
/// <param name="Lengths">Tokens of each sequence, without padding.</param>
public sealed record TokenBatch(int Size, int Length, long[] Ids, long[] TokenTypes, int[] Lengths)
{
    /// <summary>The number of tokens, without padding.</summary>
    public long TokenCount => Lengths.Sum(n => (long)n);

    /// <summary>Indices into <see cref="Ids"/> of all that is not padding.</summary>
    public long[] TokenPositions()
    {
        var positions = new long[TokenCount];
        int next = 0;
        for (int row = 0; row < Size; row++)
            for (int i = 0; i < Lengths[row]; i++)
                positions[next++] = (long)row * Length + i;
        return positions;
    }
}

/// <summary>What one forward pass of <see cref="ElectraMethod"/> gives.</summary>
/// <param name="Loss">The loss to minimise, a scalar.</param>
/// <param name="GeneratorLoss">Mean cross-entropy over the masked tokens, a scalar.</param>
/// <param name="DiscriminatorLoss">Mean binary cross-entropy over all tokens, a scalar.</param>
/// <param name="Masked">What was masked.</param>
/// <param name="Targets">The masked tokens, <c>[positions]</c>.</param>
/// <param name="Guesses">The generator's logits, <c>[positions, vocabulary]</c>.</param>
/// <param name="Corrupted">What the discriminator saw, <c>[size · length]</c>.</param>
/// <param name="Opinions">The discriminator's logits, <c>[tokens]</c>: padding is left out.</param>
/// <param name="Replaced">Whether each token was replaced, <c>[tokens]</c>.</param>
public sealed record ElectraPass(Tensor Loss, Tensor GeneratorLoss, Tensor DiscriminatorLoss, MaskedTokens Masked,
    Tensor Targets, Tensor Guesses, Tensor Corrupted, Tensor Opinions, Tensor Replaced);
