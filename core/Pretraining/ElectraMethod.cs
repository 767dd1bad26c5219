using Electra.Model;
using Electra.Tensors;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Pretraining;

/// <summary>
/// ELECTRA's pre-training on one page: mask some tokens, let a small generator guess them, put its guesses into the text, and have
/// the discriminator say of every token whether it was replaced (Clark et al. 2020, "ELECTRA: Pre-training Text Encoders as
/// Discriminators Rather Than Generators").
/// </summary>
/// <remarks>Each stage is a function that a script may replace: <c>method with { Weigh = (generator, discriminator) => … }</c>.</remarks>
public sealed record ElectraMethod
{
    /// <summary>Hides tokens of a batch: which, and behind what.</summary>
    public required Func<TokenBatch, RandomKey, MaskedTokens> Mask { get; init; }

    /// <summary>Draws the generator's guesses from its logits: <c>[positions, vocabulary]</c> float32, the true tokens <c>[positions]</c>, to <c>[positions]</c>.</summary>
    public required Func<Tensor, Tensor, RandomKey, Tensor> Sample { get; init; }

    /// <summary>The generator's loss: logits <c>[positions, vocabulary]</c>, true tokens <c>[positions]</c>.</summary>
    public required Func<Tensor, Tensor, Tensor> GeneratorLoss { get; init; }

    /// <summary>The discriminator's loss: logits <c>[tokens]</c>, and 1 where a token was replaced, else 0, <c>[tokens]</c>; padding is left out already.</summary>
    public required Func<Tensor, Tensor, Tensor> DiscriminatorLoss { get; init; }

    /// <summary>Makes one loss of the generator's and the discriminator's.</summary>
    public required Func<Tensor, Tensor, Tensor> Weigh { get; init; }

    /// <summary>One forward pass.</summary>
    /// <param name="model">Generator and discriminator.</param>
    /// <param name="batch">The text.</param>
    /// <param name="key">Names every random draw of this pass.</param>
    /// <param name="training">Whether dropout is on.</param>
    public ElectraPass Forward(ElectraPair model, TokenBatch batch, RandomKey key, bool training)
    {
        var compute = model.Store.Compute;
        Tensor Rows(Tensor flat) => flat.view(batch.Size, batch.Length);
        Dropout DropoutOf(int part) => training ? new Dropout(key[part], compute) : Dropout.None;

        // Mask: x → x with [MASK] at some positions.
        var masked = Mask(batch, key[0]);
        var put = Staging.Put(compute, batch.Ids, batch.TokenTypes, [.. batch.Lengths.Select(n => (long)n)], batch.TokenPositions(), masked.Ids, masked.Positions, masked.Targets);
        var (original, types, lengths, tokens, hidden, positions, targets) = (put[0], Rows(put[1]), put[2], put[3], put[4], put[5], put[6]);
        var attention = AttentionMask.FromLengths(batch.Lengths, batch.Length, compute, lengths);

        // Generate: a masked language model guesses what was there.
        var guesses = model.Generate(Rows(hidden), types, attention, positions, DropoutOf(1));
        var generatorLoss = masked.Positions.Length > 0 ? GeneratorLoss(guesses, targets) : zeros(1, device: compute.Device).sum();

        // Corrupt: its guesses, drawn from its distribution, go where the masks were. A lucky guess is no replacement. No gradient
        // flows through the draw: the generator learns by maximum likelihood, not to deceive.
        Tensor corrupted, replaced;
        using (no_grad())
        {
            corrupted = masked.Positions.Length > 0 ? hidden.index_copy(0, positions, Sample(guesses.detach(), targets, key[2])) : hidden;
            replaced = corrupted.ne(original);
        }

        // Discriminate: was this token replaced? Asked of every token, not only of the masked ones.
        var opinions = model.Discriminate(Rows(corrupted), types, attention, DropoutOf(3));
        if (attention.Bias is not null)
            (opinions, replaced) = (opinions.index_select(0, tokens), replaced.index_select(0, tokens));
        var discriminatorLoss = DiscriminatorLoss(opinions, replaced.to(float32));

        // Weigh: the discriminator's loss is small for each token, and there is one for each token.
        var loss = Weigh(generatorLoss, discriminatorLoss);
        return new ElectraPass(loss, generatorLoss, discriminatorLoss, masked, targets, guesses, corrupted, opinions, replaced);
    }

    /// <summary>The method as the options of a run describe it.</summary>
    /// <param name="options">Masking, sampling, smoothing, weights.</param>
    /// <param name="tokens">What masking must know of the vocabulary.</param>
    /// <param name="threads">CPU threads of the kernels.</param>
    public static ElectraMethod From(ObjectiveOptions options, MaskingTokens tokens, int threads) => new()
    {
        Mask = (batch, key) => Masking.Apply(batch.Ids, batch.Lengths, tokens, options.Masking, key),
        Sample = (logits, targets, key) => Sampling.Draw(logits, targets, options, key, threads),
        GeneratorLoss = (logits, targets) =>
            options.MeanOver(targets.numel(), FastOperations.CrossEntropy(logits, targets, options.GeneratorLabelSmoothing, threads)),
        DiscriminatorLoss = (logits, replaced) =>
            options.MeanOver(replaced.numel(), binary_cross_entropy_with_logits(logits, options.Smooth(replaced))),
        Weigh = (generator, discriminator) => options.GeneratorWeight * generator + options.DiscriminatorWeight * discriminator,
    };
}
