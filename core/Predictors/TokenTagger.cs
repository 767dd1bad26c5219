using Electra.Data.Tasks;
using Electra.Tensors;

namespace Electra.Predictors;

/// <summary>A part of a text with a label.</summary>
/// <param name="Text">The part.</param>
/// <param name="Place">Where it lies in the text, as .NET counts: <c>text[Place]</c>.</param>
/// <param name="Label">What it is.</param>
/// <param name="Score">The mean probability of the tags of its words.</param>
public sealed record TaggedSpan(string Text, Range Place, string Label, double Score);

/// <summary>
/// A model that labels the words of a text: names, chunks, parts of speech. May be asked from many threads. Long texts are read in
/// windows that overlap; <c>predict.csx</c> computes by the same code.
/// </summary>
public sealed class TokenTagger : IDisposable
{
    private readonly AskedModel model;

    private TokenTagger(AskedModel model) => this.model = model;

    /// <summary>The tags of words, in the order of the model's outputs.</summary>
    public IReadOnlyList<string> Tags => model.Task.Labels;

    /// <summary>Opens a tagger.</summary>
    /// <param name="source">
    /// A run of this kit (<c>checkpoints/glue/demo_docs-names_0</c>), a folder of Hugging Face's <c>ElectraForTokenClassification</c>, or
    /// its name on the hub.
    /// </param>
    /// <param name="compute">Where to compute, and the precision; by default <c>device: auto</c>, float32.</param>
    /// <param name="progress">Told of a download.</param>
    /// <param name="cancellation">Stops a download.</param>
    /// <exception cref="UserErrorException">There is no such model, it cannot be read, or it does not label words.</exception>
    public static TokenTagger Open(
        string source,
        Compute? compute = null,
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default
    ) => new(new AskedModel(source, task => task.Kind == WordTags.Kind, "label words", compute, progress, cancellation));

    /// <summary>The spans of a text; each word where tags say nothing of spans.</summary>
    /// <param name="text">The text.</param>
    /// <param name="cancellation">Stops.</param>
    /// <returns>The spans in the order of the text.</returns>
    public IReadOnlyList<TaggedSpan> Tag(string text, CancellationToken cancellation = default) => Tag([text], 1, cancellation)[0];

    /// <summary>The spans of each text.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="batchSize">Windows that are computed at once.</param>
    /// <param name="cancellation">Stops.</param>
    /// <returns>The spans of each text, in the order of the texts.</returns>
    public IReadOnlyList<IReadOnlyList<TaggedSpan>> Tag(
        IEnumerable<string> texts,
        int batchSize = 32,
        CancellationToken cancellation = default
    )
    {
        TaskRow[] rows = [.. texts.Select(Row)];
        return [.. model.Ask(rows, batchSize, cancellation).Zip(rows, Answer)];
    }

    /// <inheritdoc/>
    public void Dispose() => model.Dispose();

    private TaskRow Row(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return model.Task.Kind.Row!(model.Task, text, "the text");
    }

    private IReadOnlyList<TaggedSpan> Answer(float[] outputs, TaskRow row) =>
    [
        .. WordTags
            .Spans(model.Task, row, outputs)
            .Select(span => new TaggedSpan(row.Texts[0][span.Place], span.Place, span.Label, span.Score)),
    ];
}
