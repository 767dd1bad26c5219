using Electra.Data;
using Electra.Distributed;
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
    /// <remarks>It is called ahead, on another thread, while the update before is computed.</remarks>
    public Func<TokenBatch, RandomKey, TokenBatch> Prepare { get; init; } = (batch, _) => batch;

    /// <summary>Masks tokens of a batch: which, and what stands in their place.</summary>
    /// <remarks><inheritdoc cref="Prepare" path="/remarks"/></remarks>
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

    /// <summary>The kit's own stages among these, which take places that fill up: <see cref="FilledPlaces"/>.</summary>
    internal IReadOnlyList<Delegate> Own { get; init; } = [];

    /// <summary>Whether a token may be masked, by its id.</summary>
    internal Func<long, bool> MayBeMasked { get; init; } = _ => true;

    /// <summary>Whether the generator learns: one that does not has no dropout and no loss.</summary>
    internal bool TrainsGenerator { get; init; } = true;

    /// <summary>What the generator's logits are divided by before they are sampled, where that hangs on the update; else 1.</summary>
    internal double Temperature { get; init; } = 1;

    /// <summary>The ranks that the batch of an update is cut over.</summary>
    internal ICommunicator Ranks { get; init; } = SingleProcess.Instance;

    /// <summary>The temperature of the k-th update, where it moves.</summary>
    internal Func<long, double>? Temperatures { get; init; }

    /// <summary>The method at the k-th update, from 0.</summary>
    internal ElectraMethod At(long k) => Temperatures is null ? this : this with { Temperature = Temperatures(k) };

    /// <summary>The names of an update's losses: the one that is minimised, then its terms.</summary>
    public IReadOnlyList<string> LossNames =>
    [
        "loss",
        .. TrainsGenerator ? ["generator_loss"] : Array.Empty<string>(),
        "discriminator_loss",
        .. Extras.Select(extra => extra.Name),
    ];

    /// <summary>One forward pass over a whole batch.</summary>
    /// <param name="model">Generator and discriminator.</param>
    /// <param name="batch">The text.</param>
    /// <param name="key">Names every random draw of this pass.</param>
    /// <param name="training">Whether dropout is on.</param>
    public ElectraPass Forward(ElectraPair model, TokenBatch batch, RandomKey key, bool training)
    {
        var prepared = Prepared(model, [batch], key);
        var counts = Counts(model, prepared, SingleProcess.Instance);
        return Forward(model, prepared[0], counts, training).Pass with { Predicted = counts.Predicted };
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
    ) => PassesAhead(model, parts, key, made)();

    /// <summary>The same in two halves: this call makes ahead what it can, and what it returns gives the passes when their turn has
    /// come.</summary>
    internal Func<IReadOnlyList<Func<Tensor[]>>> PassesAhead(
        ElectraPair model,
        IReadOnlyList<TokenBatch> parts,
        RandomKey key,
        Action<ElectraPass>? made = null
    )
    {
        var prepared = Prepared(model, parts, key);
        return () =>
        {
            var counts = Counts(model, prepared, Ranks);
            return [.. prepared.Select(part => (Func<Tensor[]>)(() => Losses(part, counts)))];
        };

        Tensor[] Losses(PreparedPass part, LossCounts counts)
        {
            var (pass, extras) = Forward(model, part, counts, training: true);
            made?.Invoke(pass);
            return [pass.Loss, .. TrainsGenerator ? [pass.GeneratorLoss] : Array.Empty<Tensor>(), pass.DiscriminatorLoss, .. extras];
        }
    }

    /// <summary>Mask: x → x with [MASK] at some positions.</summary>
    internal IReadOnlyList<PreparedPass> Prepared(ElectraPair model, IReadOnlyList<TokenBatch> parts, RandomKey key) =>
    [
        .. parts
            .Select(part => Prepare(part, key[5]))
            .Select(part => new PreparedPass(part, Mask(part, key[0]), key, model.Store.Compute)),
    ];

    /// <summary>What the losses of all parts, on all ranks, are means over.</summary>
    internal LossCounts Counts(ElectraPair model, IReadOnlyList<PreparedPass> parts, ICommunicator ranks)
    {
        var counts = LossCounts.Of(parts, ranks);
        return model.Towers is null
            ? counts
            : counts with { Predicted = (long)ranks.Sum(parts.Sum(part => Predicted(part.Batch).LongLength))[0] };
    }

    private (ElectraPass Pass, Tensor[] Extras) Forward(ElectraPair model, PreparedPass prepared, LossCounts counts, bool training)
    {
        var text = StagedPass.Of(prepared, training);

        // Generate: a masked language model predicts what was there.
        var (generatorLogits, generatorLoss) = Generate(model, text, counts);

        // Corrupt: samples of its predictions go where the masks were.
        var sampledFrom = SampledFrom?.Invoke(text.MaskedRows, text.TypeRows, text.Attention, text.Filled.Positions) ?? generatorLogits;
        var (corrupted, replaced) = Corrupt(text, sampledFrom);

        // Discriminate: was this token replaced? Asked of every token, not only of the masked ones.
        var judged = Discriminate(model, text, corrupted, replaced, counts);

        // Weigh: the discriminator's loss is small for each token, and there is one for each token.
        return Weighed(text, (text.Proper(generatorLogits), generatorLoss), corrupted, judged, counts);
    }

    /// <summary>The pass with its losses weighed, and the losses of one's own.</summary>
    internal (ElectraPass Pass, Tensor[] Extras) Weighed(
        StagedPass text,
        (Tensor Logits, Tensor Loss) generated,
        Tensor corrupted,
        Judgement judged,
        LossCounts counts
    )
    {
        var loss = Weigh(generated.Loss, judged.Loss);
        var pass = new ElectraPass(
            loss,
            generated.Loss,
            judged.Loss,
            text.Masked,
            text.Targets,
            generated.Logits,
            corrupted,
            judged.Logits,
            judged.Replaced,
            judged.HiddenStates
        )
        { Batch = text.Batch, JudgedIds = judged.Ids };
        Tensor[] extras = [.. Extras.Select(extra => ShareOf(extra.Loss(text.Batch, pass), text.Batch.Size, counts.Sequences))];
        return (pass with { Loss = extras.Zip(Extras).Aggregate(loss, (sum, extra) => sum + (extra.Second.Weight * extra.First)) }, extras);
    }

    /// <summary>The generator's logits at <see cref="StagedPass.Filled"/>, and its share in the batch's loss.</summary>
    internal (Tensor Logits, Tensor Loss) Generate(ElectraPair model, StagedPass text, LossCounts counts)
    {
        if (model.Towers is { } towers)
            return PredictAll(towers, text, counts);
        using var _ = TrainsGenerator ? null : no_grad();
        var dropout = TrainsGenerator ? text.Dropout(1) : Dropout.None;
        var logits = model.Generate(text.MaskedRows, text.TypeRows, text.Attention, text.Filled.Positions, dropout);
        return (
            logits,
            text.MaskedCount > 0
                ? ShareOf(text.Loss(logits, GeneratorLoss, Own), text.MaskedCount, counts.Predicted)
                : zeros(1, device: text.Compute.Device).sum()
        );
    }

    /// <summary>
    /// The same of two towers: they read the text without masks, and learn from every token that may be masked, for none is known where
    /// it is predicted. <see cref="GeneratorLoss"/> is not asked: all logits at once would be too large.
    /// </summary>
    private (Tensor Logits, Tensor Loss) PredictAll(TwoTowerGenerator towers, StagedPass text, LossCounts counts)
    {
        var encoded = towers.Encode(text.Rows(text.Original), text.TypeRows, text.Attention, text.Dropout(1));
        var logits = towers.Logits(encoded.index_select(0, text.Filled.Positions));
        long[] predicted = Predicted(text.Batch);
        if (predicted.Length == 0)
            return (logits, zeros(1, device: text.Compute.Device).sum());
        var places = Staging.Put(text.Compute, predicted)[0];
        var logP = towers.LogProbabilities(encoded.index_select(0, places), text.Original.index_select(0, places));
        return (logits, ShareOf(-logP.mean(), predicted.Length, counts.Predicted));
    }

    /// <summary>The places of the tokens that two towers learn from.</summary>
    private long[] Predicted(TokenBatch batch) => [.. batch.TokenPositions().Where(place => MayBeMasked(batch.Ids[place]))];

    /// <summary>
    /// What the discriminator reads, and which of it was replaced: a sample that hits the true token is not a replacement. No gradient
    /// flows through the draw: the generator learns by maximum likelihood, not to deceive.
    /// </summary>
    internal (Tensor Corrupted, Tensor Replaced) Corrupt(StagedPass text, Tensor generatorLogits)
    {
        using var _ = no_grad();
        var logits = Temperature == 1 ? generatorLogits.detach() : generatorLogits.detach() / Temperature;
        var corrupted = text.MaskedCount > 0 ? text.With(text.Samples(logits, Sample, Own)) : text.MaskedIds;
        return (corrupted, corrupted.ne(text.Original));
    }

    /// <summary>The discriminator's logits of all tokens, and its share in the batch's loss.</summary>
    internal Judgement Discriminate(ElectraPair model, StagedPass text, Tensor corrupted, Tensor replaced, LossCounts counts)
    {
        Tensor hiddenStates = null!; // the last that the encoder tells of
        var logits = model.Discriminate(
            text.Rows(corrupted),
            text.TypeRows,
            text.Attention,
            text.Dropout(3),
            hidden => hiddenStates = hidden
        );
        (logits, replaced) = (text.WithoutPadding(logits), text.WithoutPadding(replaced));
        return new Judgement(
            ShareOf(DiscriminatorLoss(logits, replaced.to(float32)), text.Batch.TokenCount, counts.Tokens),
            logits,
            replaced,
            text.WithoutPadding(corrupted),
            hiddenStates.view(text.Batch.Size, text.Batch.Length, -1)
        );
    }

    /// <summary>The share of a part in the mean over the whole batch, whose denominator has ε added.</summary>
    private Tensor ShareOf(Tensor mean, long count, long ofAll) => LossCounts.ShareOf(mean, count, ofAll, LossEpsilon);

    /// <summary>The method with a generator that does not learn: no loss of it counts, and its parameters stay as they are.</summary>
    internal ElectraMethod WithFrozenGenerator() => this with
    {
        TrainsGenerator = false,
        Weigh = (generator, discriminator) => Weigh(zeros_like(generator), discriminator),
        Rate = parameter => ElectraPair.IsOfGenerator(parameter) ? 0 : Rate(parameter),
    };

    /// <summary>The method as the options of a run describe it.</summary>
    /// <param name="options">Masking, sampling, smoothing, weights.</param>
    /// <param name="tokens">What masking must know of the vocabulary.</param>
    /// <param name="compute">Where the model is computed.</param>
    public static ElectraMethod From(ObjectiveOptions options, MaskingTokens tokens, Compute compute)
    {
        Tensor Sample(Tensor logits, Tensor targets, IReadOnlyList<RandomKey> keys) =>
            Sampling.Draw(logits, targets, options, keys, compute);
        Tensor GeneratorLoss(Tensor logits, Tensor targets) =>
            FastOperations.CrossEntropy(logits, targets, options.GeneratorLabelSmoothing, compute);
        return new()
        {
            Mask = (batch, key) => Masking.Apply(batch, tokens, options.Masking, key),
            Sample = Sample,
            GeneratorLoss = GeneratorLoss,
            DiscriminatorLoss = (logits, replaced) => binary_cross_entropy_with_logits(logits, options.Smooth(replaced)),
            Weigh = (generator, discriminator) => options.GeneratorWeight * generator + options.DiscriminatorWeight * discriminator,
            LossEpsilon = options.LossEpsilon,
            MayBeMasked = id => !tokens.Special[id],
            Own = [Sample, GeneratorLoss],
        };
    }
}
