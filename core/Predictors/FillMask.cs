using Electra.Pretraining;
using Electra.Tensors;

namespace Electra.Predictors;

/// <summary>What a model would say in the place of a mask.</summary>
/// <param name="Text">The text with its masks.</param>
/// <param name="Place">Where the mask lies in it.</param>
/// <param name="Tokens">The most probable tokens, the best first.</param>
public sealed record FilledMask(string Text, Range Place, IReadOnlyList<ScoredToken> Tokens);

/// <summary>A generator, or any masked language model, that fills the masks of texts. May be asked from many threads.</summary>
public sealed class FillMask : IDisposable
{
    private readonly Turns<TrainedModel> turns;

    private FillMask(TrainedModel model) => (turns, Mask) = (new(model), model.Tokenizer.Vocabulary.Names.Mask);

    /// <summary>The token that stands for a mask: <c>[MASK]</c>.</summary>
    public string Mask { get; }

    /// <summary>Opens a model.</summary>
    /// <param name="source">
    /// A run of this kit (<c>checkpoints/pretrain/demo_36_100</c>), a folder of Hugging Face's <c>ElectraForMaskedLM</c>, or its name on
    /// the hub (<c>google/electra-small-generator</c>).
    /// </param>
    /// <param name="compute">Where to compute, and the precision; by default <c>device: auto</c>, float32.</param>
    /// <param name="progress">Told of a download.</param>
    /// <param name="cancellation">Stops a download.</param>
    /// <exception cref="UserErrorException">There is no such model, it cannot be read, or it does not predict masked tokens.</exception>
    public static FillMask Open(
        string source,
        Compute? compute = null,
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default
    )
    {
        var model = TrainedModel.Open(source, null, compute, progress, cancellation);
        if (model.HasGenerator)
            return new FillMask(model);
        model.Dispose();
        throw new UserErrorException($"{source} has no generator, which predicts masked tokens: name that one");
    }

    /// <summary>Fills the masks of a text, each by itself.</summary>
    /// <param name="text">A text with masks.</param>
    /// <param name="best">How many tokens for each.</param>
    /// <param name="cancellation">Stops.</param>
    /// <exception cref="UserErrorException">The text has no mask, or is longer than the model reads.</exception>
    public IReadOnlyList<FilledMask> Fill(string text, int best = 5, CancellationToken cancellation = default) =>
        Fill([text], best, cancellation)[0];

    /// <summary>Fills the masks of texts.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="best">How many tokens for each mask.</param>
    /// <param name="cancellation">Stops between two texts.</param>
    /// <returns>The masks of each text, in the order of the texts.</returns>
    /// <exception cref="UserErrorException">A text has no mask, or is longer than the model reads.</exception>
    public IReadOnlyList<IReadOnlyList<FilledMask>> Fill(
        IEnumerable<string> texts,
        int best = 5,
        CancellationToken cancellation = default
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(best, 1);
        return [.. texts.Select(IReadOnlyList<FilledMask> (text) =>
        [
            .. turns
                .Take(model => model.FillAll(text, best), cancellation)
                .Select(tokens => new FilledMask(text, tokens[0].Place, tokens)),
        ])];
    }

    /// <inheritdoc/>
    public void Dispose() => turns.Dispose();
}
