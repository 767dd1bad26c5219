using Electra.Data;
using Electra.Distributed;
using Electra.Model;
using Electra.Tensors;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Pretraining;

/// <summary>
/// Electric on one page: put samples of a cloze model into the text, and have an energy model tell noise from text by noise-contrastive
/// estimation, so that −energy becomes log p of a token in its context (Clark et al. 2020, "Pre-Training Transformers as Energy-Based
/// Cloze Models").
/// </summary>
/// <remarks>Each stage is a function that a script may replace, as those of <see cref="ElectraMethod"/>.</remarks>
public sealed record ElectricMethod
{
    /// <summary>Chooses the tokens that noise is put in the place of; what masks would stand there is not read.</summary>
    /// <remarks><inheritdoc cref="ElectraMethod.Prepare" path="/remarks"/></remarks>
    public required Func<TokenBatch, RandomKey, MaskedTokens> Mask { get; init; }

    /// <summary>Samples from the cloze model's logits, as <see cref="ElectraMethod.Sample"/>; these must be draws of its softmax.</summary>
    public required Func<Tensor, Tensor, IReadOnlyList<RandomKey>, Tensor> Sample { get; init; }

    /// <summary>Makes one loss of the cloze model's and the energy model's: a weighted sum.</summary>
    public required Func<Tensor, Tensor, Tensor> Weigh { get; init; }

    /// <summary>What the learning rate of each parameter is multiplied by; 0 freezes it.</summary>
    public Func<Parameter, double> Rate { get; init; } = _ => 1;

    /// <summary>How probable noise is taken to be, and what losses are divided by.</summary>
    public required ObjectiveOptions Options { get; init; }

    /// <summary>What must be known of the vocabulary: which tokens may be noise, and what padding is.</summary>
    public required MaskingTokens Tokens { get; init; }

    /// <inheritdoc cref="ElectraMethod.Own"/>
    internal IReadOnlyList<Delegate> Own { get; init; } = [];

    /// <summary>The ranks that the batch of an update is cut over.</summary>
    internal ICommunicator Ranks { get; init; } = SingleProcess.Instance;

    /// <summary>The method as the options of a run describe it.</summary>
    /// <param name="options">Masking, sampling, prior, weights.</param>
    /// <param name="tokens">What masking must know of the vocabulary.</param>
    /// <param name="compute">Where the model is computed.</param>
    public static ElectricMethod From(ObjectiveOptions options, MaskingTokens tokens, Compute compute)
    {
        Tensor Sample(Tensor logits, Tensor targets, IReadOnlyList<RandomKey> keys) =>
            Sampling.Draw(logits, targets, options, keys, compute);
        return new()
        {
            Mask = (batch, key) => Masking.Apply(batch, tokens, options.Masking, key),
            Sample = Sample,
            Weigh = (cloze, energy) => options.GeneratorWeight * cloze + options.DiscriminatorWeight * energy,
            Options = options,
            Tokens = tokens,
            Own = [Sample],
        };
    }

    /// <summary>The passes of an update: each gives its shares of the batch's loss, the cloze model's and the energy model's.</summary>
    internal IReadOnlyList<Func<Tensor[]>> Passes(ElectricPair model, IReadOnlyList<TokenBatch> parts, RandomKey key) =>
        PassesAhead(model, parts, key)();

    /// <inheritdoc cref="ElectraMethod.PassesAhead"/>
    internal Func<IReadOnlyList<Func<Tensor[]>>> PassesAhead(ElectricPair model, IReadOnlyList<TokenBatch> parts, RandomKey key)
    {
        // What Google's prior reads at [CLS] and the last [SEP] hangs on the padding: it is the same for every cut, so ranks meet before.
        var ahead = Options.Prior == NoisePrior.Google ? null : Chosen(parts);
        return () =>
        {
            var chosen = ahead ?? Chosen(Padded((int)Ranks.Max(parts.Max(part => part.Length))));
            var counts = NoiseCounts.Of(chosen, Ranks);
            return [.. chosen.Select(part => (Func<Tensor[]>)(() => Forward(model, part, counts, key, training: true).Losses))];
        };

        NoiseTokens[] Chosen(IEnumerable<TokenBatch> own) => [.. own.Select(part => Choose(part, key))];
        IEnumerable<TokenBatch> Padded(int length) =>
            parts.Select(part => part.PaddedTo(length, Tokens.PadId, Options.PaddingTokenType));
    }

    /// <summary>The tokens that may be noise, those that are to be, and how probable that was.</summary>
    internal NoiseTokens Choose(TokenBatch batch, RandomKey key) =>
        NoiseTokens.Of(batch, Mask(batch, key[0]), Tokens.Special, Options.Prior, Options.Masking.Probability);

    /// <summary>One pass over a batch or a part of one.</summary>
    internal ElectricPass Forward(ElectricPair model, NoiseTokens chosen, NoiseCounts counts, RandomKey key, bool training)
    {
        var text = StagedPass.Of(new PreparedPass(chosen.Batch, chosen.Masked, key, model.Store.Compute), training);
        var tokens = chosen.On(model.Store.Compute);

        // Cloze: each token of the text is predicted from what stands on both sides of it. It learns from all that may be noise.
        var encoded = model.Towers.Encode(text.Rows(text.Original), text.TypeRows, text.Attention, text.Dropout(1));
        var logP = model.Towers.LogProbabilities(encoded.index_select(0, tokens.Places), text.Original.index_select(0, tokens.Places));
        var clozeLoss = -(logP * tokens.MayBeNoise).sum() / (counts.Candidates + Options.LossEpsilon);

        // Corrupt: samples of its predictions, and how likely each token of the corrupted text was to it.
        var (logits, corrupted, logQ) = Corrupt(model.Towers, text, tokens, encoded.detach(), logP.detach());

        // Energy: P(noise) = sigmoid(E + log q + log-odds of noise). Both networks together tell noise from text; the energy learns.
        var energies = model.Energies(text.Rows(corrupted), text.TypeRows, text.Attention, text.Dropout(3)).index_select(0, tokens.Places);
        var noiseLogits = energies + logQ + tokens.LogOdds;
        var losses = binary_cross_entropy_with_logits(noiseLogits, tokens.IsNoise, reduction: nn.Reduction.None);
        var energyLoss = (losses * tokens.IsJudged).sum() / (counts.Judged + Options.LossEpsilon);

        var loss = Weigh(clozeLoss, energyLoss);
        return new(loss, clozeLoss, energyLoss, text.Targets, logits, corrupted, noiseLogits) { Energies = energies };
    }

    /// <summary>The logits where noise is put, the text with it, and log q of its tokens at <see cref="StagedNoise.Places"/>.</summary>
    private (Tensor Logits, Tensor Corrupted, Tensor LogQ) Corrupt(
        TwoTowerGenerator towers, StagedPass text, StagedNoise tokens, Tensor encoded, Tensor logP)
    {
        using var _ = no_grad();
        var logits = towers.Logits(encoded.index_select(0, text.Filled.Positions));
        if (text.MaskedCount == 0)
            return (logits, text.Original, logP);
        var corrupted = text.With(text.Samples(logits, Sample, Own));
        var written = corrupted.index_select(0, text.Positions).unsqueeze(1);
        var logQ = text.Proper(log_softmax(logits, -1)).gather(1, written).squeeze(1);
        return (text.Proper(logits), corrupted, logP.index_copy(0, tokens.Written, logQ));
    }
}
