using Electra.Pretraining;
using Electra.Tensors;

namespace Electra.Predictors;

/// <summary>A discriminator that says of every token of a text whether it was replaced. May be asked from many threads.</summary>
public sealed class ReplacedTokenDetector : IDisposable
{
    private readonly Turns<TrainedModel> turns;

    private ReplacedTokenDetector(TrainedModel model) => turns = new(model);

    /// <summary>Opens a model.</summary>
    /// <param name="source">
    /// A run of this kit (<c>checkpoints/pretrain/demo_36_100</c>), a folder of Hugging Face's <c>ElectraForPreTraining</c>, or its name on
    /// the hub (<c>google/electra-small-discriminator</c>).
    /// </param>
    /// <param name="compute">Where to compute, and the precision; by default <c>device: auto</c>, float32.</param>
    /// <param name="progress">Told of a download.</param>
    /// <param name="cancellation">Stops a download.</param>
    /// <exception cref="UserErrorException">There is no such model, it cannot be read, or it is no discriminator.</exception>
    public static ReplacedTokenDetector Open(
        string source,
        Compute? compute = null,
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default
    )
    {
        var model = TrainedModel.Open(source, null, compute, progress, cancellation);
        if (model.HasDiscriminator)
            return new ReplacedTokenDetector(model);
        model.Dispose();
        throw new UserErrorException($"{source} has no discriminator, which says which tokens were replaced: name that one");
    }

    /// <summary>For every token of a text the probability that it was replaced.</summary>
    /// <param name="text">The text.</param>
    /// <param name="cancellation">Stops.</param>
    /// <exception cref="UserErrorException">The text is longer than the model reads.</exception>
    public IReadOnlyList<ScoredToken> Detect(string text, CancellationToken cancellation = default) => Detect([text], cancellation)[0];

    /// <summary>The same of several texts.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="cancellation">Stops between two texts.</param>
    /// <returns>The tokens of each text, in the order of the texts.</returns>
    /// <exception cref="UserErrorException">A text is longer than the model reads.</exception>
    public IReadOnlyList<IReadOnlyList<ScoredToken>> Detect(IEnumerable<string> texts, CancellationToken cancellation = default) =>
        [.. texts.Select(text => turns.Take(model => model.Detect(text), cancellation))];

    /// <inheritdoc/>
    public void Dispose() => turns.Dispose();
}
