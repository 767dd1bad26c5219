using Electra.Data;
using Electra.Distributed;
using Electra.Model;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>Masked language modelling (Devlin et al. 2019, "BERT"): mask some tokens, and predict what was there.</summary>
/// <remarks>Each stage is a function that a script may replace, as those of <see cref="ElectraMethod"/>.</remarks>
public sealed record MlmMethod
{
    /// <summary>Masks tokens of a batch: which, and what stands in their place.</summary>
    public required Func<TokenBatch, RandomKey, MaskedTokens> Mask { get; init; }

    /// <summary>The loss, a mean: logits <c>[positions, vocabulary]</c>, true tokens <c>[positions]</c>.</summary>
    public required Func<Tensor, Tensor, Tensor> Loss { get; init; }

    /// <summary>What the learning rate of each parameter is multiplied by; 0 freezes it.</summary>
    public Func<Parameter, double> Rate { get; init; } = _ => 1;

    /// <summary>Added to the number of tokens that the loss is divided by (Google's code: 1e-6).</summary>
    public double LossEpsilon { get; init; }

    /// <summary>The ranks that the batch of an update is cut over.</summary>
    internal ICommunicator Ranks { get; init; } = SingleProcess.Instance;

    /// <summary>The method as the options of a run describe it.</summary>
    /// <param name="options">Masking.</param>
    /// <param name="tokens">What masking must know of the vocabulary.</param>
    /// <param name="compute">Where the model is computed.</param>
    public static MlmMethod From(ObjectiveOptions options, MaskingTokens tokens, Compute compute) => new()
    {
        Mask = (batch, key) => Masking.Apply(batch, tokens, options.Masking, key),
        Loss = (logits, targets) => FastOperations.CrossEntropy(logits, targets, 0, compute.Threads),
        LossEpsilon = options.LossEpsilon,
    };

    /// <summary>The passes of an update: each gives its share of the batch's loss.</summary>
    internal IReadOnlyList<Func<Tensor[]>> Passes(MaskedLanguageModel model, IReadOnlyList<TokenBatch> parts, RandomKey key)
    {
        MaskedTokens[] masked = [.. parts.Select(part => Mask(part, key[0]))];
        var counts = LossCounts.Of(parts, masked, Ranks);
        return
        [
            .. parts.Zip(masked, (part, of) => (Func<Tensor[]>)(() => [Forward(model, part, of, counts, key, training: true).Loss])),
        ];
    }

    /// <summary>One pass over a whole batch, without dropout.</summary>
    internal MlmPass Forward(MaskedLanguageModel model, TokenBatch batch, RandomKey key)
    {
        var masked = Mask(batch, key[0]);
        return Forward(model, batch, masked, LossCounts.Of([batch], [masked]), key, training: false);
    }

    /// <summary>One pass over a batch or a part of one.</summary>
    internal MlmPass Forward(
        MaskedLanguageModel model,
        TokenBatch batch,
        MaskedTokens masked,
        LossCounts counts,
        RandomKey key,
        bool training
    )
    {
        var text = StagedPass.Of(batch, masked, key, training, model.Store.Compute);
        var logits = model.Predict(text.MaskedRows, text.TypeRows, text.Attention, text.Positions, text.Dropout(1));
        int positions = masked.Positions.Length;
        var loss = positions > 0 ? Loss(logits, text.Targets) : logits.sum(); // of nothing: 0
        return new MlmPass(LossCounts.ShareOf(loss, positions, counts.Predicted, LossEpsilon), masked, text.Targets, logits);
    }
}

/// <summary>What one forward pass of <see cref="MlmMethod"/> gives.</summary>
/// <param name="Loss">Mean cross-entropy over the masked tokens; of a part of a batch, its share in the batch's. A scalar.</param>
/// <param name="Masked">What was masked.</param>
/// <param name="Targets">The masked tokens, <c>[positions]</c>.</param>
/// <param name="Logits"><c>[positions, vocabulary]</c>.</param>
internal sealed record MlmPass(Tensor Loss, MaskedTokens Masked, Tensor Targets, Tensor Logits);
