using Electra.Data;
using Electra.Model;
using Electra.Tensors;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Pretraining;

/// <summary>
/// ELECTRA's pre-training on one page: mask some tokens, let a small generator predict them, put samples of its predictions into the
/// text, and have the discriminator say of every token whether it was replaced (Clark et al. 2020, "ELECTRA: Pre-training Text Encoders
/// as Discriminators Rather Than Generators").
/// </summary>
/// <remarks>Each stage is a function that a script may replace: <c>method with { Weigh = (generator, discriminator) => … }</c>.</remarks>
public sealed record ElectraMethod
{
    /// <summary>Changes a batch before it is masked; see <see cref="SentenceOrder.Swap"/> for an example.</summary>
    public Func<TokenBatch, RandomKey, TokenBatch> Prepare { get; init; } = (batch, _) => batch;

    /// <summary>Masks tokens of a batch: which, and what stands in their place.</summary>
    public required Func<TokenBatch, RandomKey, MaskedTokens> Mask { get; init; }

    /// <summary>
    /// Samples from the generator's logits: <c>[positions, vocabulary]</c> float32, the true tokens <c>[positions]</c>, and a key for the
    /// draws of each position, to <c>[positions]</c>.
    /// </summary>
    public required Func<Tensor, Tensor, IReadOnlyList<RandomKey>, Tensor> Sample { get; init; }

    /// <summary>The generator's loss, a mean: logits <c>[positions, vocabulary]</c>, true tokens <c>[positions]</c>.</summary>
    public required Func<Tensor, Tensor, Tensor> GeneratorLoss { get; init; }

    /// <summary>The discriminator's loss, a mean: logits <c>[tokens]</c>, and 1 where a token was replaced, else 0, <c>[tokens]</c>;
    /// padding is left out.</summary>
    public required Func<Tensor, Tensor, Tensor> DiscriminatorLoss { get; init; }

    /// <summary>Makes one loss of the generator's and the discriminator's: a weighted sum, for it is taken of each part of a
    /// batch.</summary>
    public required Func<Tensor, Tensor, Tensor> Weigh { get; init; }

    /// <summary>Losses of one's own, added to the weighted sum.</summary>
    public IReadOnlyList<ExtraLoss> Extras { get; init; } = [];

    /// <summary>What the learning rate of each parameter is multiplied by; 0 freezes it.</summary>
    public Func<Parameter, double> Rate { get; init; } = _ => 1;

    /// <summary>Added to the number of tokens that each loss is divided by (Google's code: 1e-6).</summary>
    public double LossEpsilon { get; init; }

    /// <summary>
    /// The logits that replacements are drawn from where they are not the pair's own: of masked ids and token types
    /// <c>[batch, length]</c>, and the masked positions. Null: the pair's own.
    /// </summary>
    internal Func<Tensor, Tensor, AttentionMask, Tensor, Tensor>? SampledFrom { get; init; }

    /// <summary>The names of an update's losses: the one that is minimised, then its terms.</summary>
    public IReadOnlyList<string> LossNames => ["loss", "generator_loss", "discriminator_loss", .. Extras.Select(extra => extra.Name)];

    /// <summary>One forward pass over a whole batch.</summary>
    /// <param name="model">Generator and discriminator.</param>
    /// <param name="batch">The text.</param>
    /// <param name="key">Names every random draw of this pass.</param>
    /// <param name="training">Whether dropout is on.</param>
    public ElectraPass Forward(ElectraPair model, TokenBatch batch, RandomKey key, bool training)
    {
        batch = Prepare(batch, key[5]);
        var masked = MaskedBy(key, batch);
        return Forward(model, batch, masked, new LossCounts(masked.Positions.Length, batch.TokenCount, batch.Size), key, training).Pass;
    }

    /// <summary>The passes of an update: each computes the losses of its part, as <see cref="LossNames"/> has them, which add up to the
    /// batch's.</summary>
    /// <param name="model">Generator and discriminator.</param>
    /// <param name="parts">The batch, in the parts that are computed at once.</param>
    /// <param name="key">Names every random draw of the update.</param>
    /// <param name="made">Told of each pass when it is made.</param>
    internal IReadOnlyList<Func<Tensor[]>> Passes(
        ElectraPair model,
        IReadOnlyList<TokenBatch> parts,
        RandomKey key,
        Action<ElectraPass>? made = null
    )
    {
        parts = [.. parts.Select(part => Prepare(part, key[5]))];
        MaskedTokens[] masked = [.. parts.Select(part => MaskedBy(key, part))];
        var counts = new LossCounts(
            masked.Sum(part => (long)part.Positions.Length),
            parts.Sum(part => part.TokenCount),
            parts.Sum(part => (long)part.Size)
        );
        return
        [
            .. parts.Zip(
                masked,
                (part, maskedPart) =>
                    (Func<Tensor[]>)(
                        () =>
                        {
                            var (pass, extras) = Forward(model, part, maskedPart, counts, key, training: true);
                            made?.Invoke(pass);
                            return [pass.Loss, pass.GeneratorLoss, pass.DiscriminatorLoss, .. extras];
                        }
                    )
            ),
        ];
    }

    /// <summary>Mask: x → x with [MASK] at some positions.</summary>
    private MaskedTokens MaskedBy(RandomKey key, TokenBatch batch) => Mask(batch, key[0]);

    private (ElectraPass Pass, Tensor[] Extras) Forward(
        ElectraPair model,
        TokenBatch batch,
        MaskedTokens masked,
        LossCounts counts,
        RandomKey key,
        bool training
    )
    {
        var compute = model.Store.Compute;
        Tensor Rows(Tensor flat) => flat.view(batch.Size, batch.Length);
        Dropout DropoutOf(int part) => training ? new Dropout(key[part], compute, batch.Size, batch.FirstRow) : Dropout.None;
        if (training)
            DeviceRandom.Seed(compute, key[4][batch.FirstRow]);
        var input = StagedPass.Of(batch, masked, compute);
        var types = Rows(input.Types);
        var attention = AttentionMask.FromLengths(batch.Lengths, batch.Length, compute, input.Lengths);

        // Generate: a masked language model predicts what was there.
        var generatorLogits = model.Generate(Rows(input.MaskedIds), types, attention, input.Positions, DropoutOf(1));
        var generatorLoss = masked.Positions.Length > 0
            ? ShareOf(GeneratorLoss(generatorLogits, input.Targets), masked.Positions.Length, counts.MaskedTokens)
            : zeros(1, device: compute.Device).sum();

        // Corrupt: samples of its predictions go where the masks were.
        var sampledFrom = SampledFrom?.Invoke(Rows(input.MaskedIds), types, attention, input.Positions) ?? generatorLogits;
        var (corrupted, replaced) = Corrupt(input, masked, sampledFrom, batch.KeysAt(masked.Positions, key[2]));
        var judged = corrupted;

        // Discriminate: was this token replaced? Asked of every token, not only of the masked ones.
        Tensor hiddenStates = null!; // the last that the encoder tells of
        var discriminatorLogits = model.Discriminate(Rows(corrupted), types, attention, DropoutOf(3), hidden => hiddenStates = hidden);
        if (attention.Bias is not null)
            (discriminatorLogits, replaced, judged) = (
                discriminatorLogits.index_select(0, input.Tokens),
                replaced.index_select(0, input.Tokens),
                corrupted.index_select(0, input.Tokens)
            );
        var discriminatorLoss = ShareOf(DiscriminatorLoss(discriminatorLogits, replaced.to(float32)), batch.TokenCount, counts.Tokens);

        // Weigh: the discriminator's loss is small for each token, and there is one for each token.
        var loss = Weigh(generatorLoss, discriminatorLoss);
        var pass = new ElectraPass(
            loss,
            generatorLoss,
            discriminatorLoss,
            masked,
            input.Targets,
            generatorLogits,
            corrupted,
            discriminatorLogits,
            replaced,
            hiddenStates.view(batch.Size, batch.Length, -1)
        )
        { Batch = batch, JudgedIds = judged };
        Tensor[] extras = [.. Extras.Select(extra => ShareOf(extra.Loss(batch, pass), batch.Size, counts.Sequences))];
        return (pass with { Loss = extras.Zip(Extras).Aggregate(loss, (sum, extra) => sum + (extra.Second.Weight * extra.First)) }, extras);
    }

    /// <summary>
    /// What the discriminator reads, and which of it was replaced: a sample that hits the true token is not a replacement. No gradient
    /// flows through the draw: the generator learns by maximum likelihood, not to deceive.
    /// </summary>
    private (Tensor Corrupted, Tensor Replaced) Corrupt(
        StagedPass input,
        MaskedTokens masked,
        Tensor generatorLogits,
        IReadOnlyList<RandomKey> keys
    )
    {
        using var _ = no_grad();
        var corrupted = keys.Count > 0
            ? Scatter(input, masked, Sample(generatorLogits.detach(), input.Targets, keys))
            : input.MaskedIds;
        return (corrupted, corrupted.ne(input.Original));
    }

    /// <summary>
    /// Puts samples in their places. Of a place that was drawn twice, as <see cref="MaskingStyle.FixedShare"/> may, the samples' ids are
    /// averaged and rounded down, as Google's code does (<c>pretrain_helpers.scatter_update</c>).
    /// </summary>
    private static Tensor Scatter(StagedPass input, MaskedTokens masked, Tensor samples)
    {
        var (maskedIds, positions) = (input.MaskedIds, input.Positions);
        if (masked.Positions.Distinct().Count() == masked.Positions.Length)
            return maskedIds.index_copy(0, positions, samples);
        var draws = zeros_like(maskedIds).index_add(0, positions, ones_like(positions), 1);
        var sums = zeros_like(maskedIds).index_add(0, positions, samples, 1);
        return where(draws.gt(0), sums.div(draws.clamp_min(1), RoundingMode.floor), maskedIds);
    }

    /// <summary>The share of a part in the mean over the whole batch, whose denominator has ε added.</summary>
    private Tensor ShareOf(Tensor mean, long count, long ofAll) =>
        count == ofAll && LossEpsilon == 0 ? mean : mean * (count / (ofAll + LossEpsilon));

    /// <summary>The method as the options of a run describe it.</summary>
    /// <param name="options">Masking, sampling, smoothing, weights.</param>
    /// <param name="tokens">What masking must know of the vocabulary.</param>
    /// <param name="compute">Where the model is computed.</param>
    public static ElectraMethod From(ObjectiveOptions options, MaskingTokens tokens, Compute compute) => new()
    {
        Mask = (batch, key) => Masking.Apply(batch, tokens, options.Masking, key),
        Sample = (logits, targets, keys) => Sampling.Draw(logits, targets, options, keys, compute),
        GeneratorLoss = (logits, targets) => FastOperations.CrossEntropy(logits, targets, options.GeneratorLabelSmoothing, compute.Threads),
        DiscriminatorLoss = (logits, replaced) => binary_cross_entropy_with_logits(logits, options.Smooth(replaced)),
        Weigh = (generator, discriminator) => options.GeneratorWeight * generator + options.DiscriminatorWeight * discriminator,
        LossEpsilon = options.LossEpsilon,
    };
}
