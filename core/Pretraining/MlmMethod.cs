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
    /// <remarks><inheritdoc cref="ElectraMethod.Prepare" path="/remarks"/></remarks>
    public required Func<TokenBatch, RandomKey, MaskedTokens> Mask { get; init; }

    /// <summary>The loss, a mean: logits <c>[positions, vocabulary]</c>, true tokens <c>[positions]</c>.</summary>
    public required Func<Tensor, Tensor, Tensor> Loss { get; init; }

    /// <summary>What the learning rate of each parameter is multiplied by; 0 freezes it.</summary>
    public Func<Parameter, double> Rate { get; init; } = _ => 1;

    /// <summary>Added to the number of tokens that the loss is divided by (Google's code: 1e-6).</summary>
    public double LossEpsilon { get; init; }

    /// <inheritdoc cref="ElectraMethod.Own"/>
    internal IReadOnlyList<Delegate> Own { get; init; } = [];

    /// <summary>The ranks that the batch of an update is cut over.</summary>
    internal ICommunicator Ranks { get; init; } = SingleProcess.Instance;

    /// <summary>The method as the options of a run describe it.</summary>
    /// <param name="options">Masking.</param>
    /// <param name="tokens">What masking must know of the vocabulary.</param>
    /// <param name="compute">Where the model is computed.</param>
    public static MlmMethod From(ObjectiveOptions options, MaskingTokens tokens, Compute compute)
    {
        Tensor Loss(Tensor logits, Tensor targets) => FastOperations.CrossEntropy(logits, targets, 0, compute);
        return new()
        {
            Mask = (batch, key) => Masking.Apply(batch, tokens, options.Masking, key),
            Loss = Loss,
            LossEpsilon = options.LossEpsilon,
            Own = [Loss],
        };
    }

    /// <summary>The passes of an update: each gives its share of the batch's loss.</summary>
    internal IReadOnlyList<Func<Tensor[]>> Passes(MaskedLanguageModel model, IReadOnlyList<TokenBatch> parts, RandomKey key) =>
        PassesAhead(model, parts, key)();

    /// <inheritdoc cref="ElectraMethod.PassesAhead"/>
    internal Func<IReadOnlyList<Func<Tensor[]>>> PassesAhead(MaskedLanguageModel model, IReadOnlyList<TokenBatch> parts, RandomKey key)
    {
        PreparedPass[] prepared = [.. parts.Select(part => Prepared(model, part, key))];
        return () =>
        {
            var counts = LossCounts.Of(prepared, Ranks);
            return [.. prepared.Select(part => (Func<Tensor[]>)(() => [Forward(model, part, counts, training: true).Loss]))];
        };
    }

    /// <summary>One pass over a whole batch, without dropout.</summary>
    internal MlmPass Forward(MaskedLanguageModel model, TokenBatch batch, RandomKey key)
    {
        var prepared = Prepared(model, batch, key);
        return Forward(model, prepared, LossCounts.Of([prepared], SingleProcess.Instance), training: false);
    }

    private PreparedPass Prepared(MaskedLanguageModel model, TokenBatch batch, RandomKey key) =>
        new(batch, Mask(batch, key[0]), key, model.Store.Compute);

    /// <summary>One pass over a batch or a part of one.</summary>
    private MlmPass Forward(MaskedLanguageModel model, PreparedPass prepared, LossCounts counts, bool training)
    {
        var text = StagedPass.Of(prepared, training);
        var logits = model.Predict(text.MaskedRows, text.TypeRows, text.Attention, text.Filled.Positions, text.Dropout(1));
        var loss = text.MaskedCount > 0 ? text.Loss(logits, Loss, Own) : logits.sum(); // of nothing: 0
        return new MlmPass(
            LossCounts.ShareOf(loss, text.MaskedCount, counts.Predicted, LossEpsilon),
            text.Masked,
            text.Targets,
            text.Proper(logits)
        );
    }
}

/// <summary>What one forward pass of <see cref="MlmMethod"/> gives.</summary>
/// <param name="Loss">Mean cross-entropy over the masked tokens; of a part of a batch, its share in the batch's. A scalar.</param>
/// <param name="Masked">What was masked.</param>
/// <param name="Targets">The masked tokens, <c>[positions]</c>.</param>
/// <param name="Logits"><c>[positions, vocabulary]</c>.</param>
internal sealed record MlmPass(Tensor Loss, MaskedTokens Masked, Tensor Targets, Tensor Logits);
