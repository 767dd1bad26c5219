using Electra.Data.Tasks;
using Electra.Tensors;

namespace Electra.Predictors;

/// <summary>A label with its probability.</summary>
/// <param name="Label">The label; <c>value</c> of a regression.</param>
/// <param name="Score">The probability; of a regression, the value.</param>
public sealed record LabelScore(string Label, double Score);

/// <summary>What a classifier says of a text.</summary>
/// <param name="Text">The text.</param>
/// <param name="Second">The second of a pair; null of a single text.</param>
/// <param name="Labels">The labels that are predicted: one of several classes, any number of several labels, none of a regression.</param>
/// <param name="Scores">All labels, the most probable first; of a regression, the one value.</param>
public sealed record ClassifiedText(string Text, string? Second, IReadOnlyList<string> Labels, IReadOnlyList<LabelScore> Scores)
{
    /// <summary>The most probable label; <c>value</c> of a regression.</summary>
    public string Label => Scores[0].Label;

    /// <summary>Its probability; of a regression, the value.</summary>
    public double Score => Scores[0].Score;
}

/// <summary>
/// A model that classifies texts or pairs: one class of several, several labels, or a value. May be asked from many threads. A text that
/// is longer than the model reads loses its end, as in <c>predict.csx</c>, which computes by the same code.
/// </summary>
public sealed class TextClassifier : IDisposable
{
    private readonly AskedModel model;

    private TextClassifier(AskedModel model) => this.model = model;

    /// <summary>The labels, in the order of the model's outputs; none of a regression.</summary>
    public IReadOnlyList<string> Labels => model.Task.Labels;

    /// <summary>Opens a classifier.</summary>
    /// <param name="source">
    /// A run of this kit (<c>checkpoints/glue/demo_docs-kind_0</c>), a folder of Hugging Face's <c>ElectraForSequenceClassification</c>,
    /// or its name on the hub.
    /// </param>
    /// <param name="compute">Where to compute, and the precision; by default <c>device: auto</c>, float32.</param>
    /// <param name="progress">Told of a download.</param>
    /// <param name="cancellation">Stops a download.</param>
    /// <exception cref="UserErrorException">There is no such model, it cannot be read, or it is no classifier of texts.</exception>
    public static TextClassifier Open(
        string source,
        Compute? compute = null,
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default
    ) => new(new AskedModel(source, task => task.Kind.Decode is not null, "classify texts", compute, progress, cancellation));

    /// <summary>Classifies a text, or a pair.</summary>
    /// <param name="text">The text, or the first of the two.</param>
    /// <param name="second">The second of a pair.</param>
    /// <param name="cancellation">Stops.</param>
    /// <exception cref="UserErrorException">The model was trained on pairs and gets one text, or the other way round.</exception>
    public ClassifiedText Classify(string text, string? second = null, CancellationToken cancellation = default) =>
        Classify([(text, second)], 1, cancellation)[0];

    /// <summary>Classifies texts.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="batchSize">Texts that are computed at once.</param>
    /// <param name="cancellation">Stops.</param>
    /// <returns>The answers in the order of the texts.</returns>
    public IReadOnlyList<ClassifiedText> Classify(
        IEnumerable<string> texts,
        int batchSize = 32,
        CancellationToken cancellation = default
    ) => Classify(texts.Select(text => (text, (string?)null)), batchSize, cancellation);

    /// <summary>Classifies pairs of texts.</summary>
    /// <param name="pairs">The pairs; without a second text, single texts.</param>
    /// <param name="batchSize">Pairs that are computed at once.</param>
    /// <param name="cancellation">Stops.</param>
    /// <returns>The answers in the order of the pairs.</returns>
    /// <exception cref="UserErrorException">The model was trained on pairs and gets one text, or the other way round.</exception>
    public IReadOnlyList<ClassifiedText> Classify(
        IEnumerable<(string Text, string? Second)> pairs,
        int batchSize = 32,
        CancellationToken cancellation = default
    )
    {
        TaskRow[] rows = [.. pairs.Select(pair => Row(pair.Text, pair.Second))];
        return [.. model.Ask(rows, batchSize, cancellation).Zip(rows, Answer)];
    }

    /// <inheritdoc/>
    public void Dispose() => model.Dispose();

    private ClassifiedText Answer(float[] outputs, TaskRow row)
    {
        var said = model.Task.Kind.Decode!(model.Task, outputs);
        return new(
            row.Texts[0],
            row.Texts.Count > 1 ? row.Texts[1] : null,
            said.Labels,
            [.. said.Scores.OrderByDescending(score => score.Score).Select(score => new LabelScore(score.Label, score.Score))]
        );
    }

    private TaskRow Row(string text, string? second)
    {
        ArgumentNullException.ThrowIfNull(text);
        // A folder of Hugging Face's does not say what it reads.
        if (model.KnowsPairs && model.Task.IsPair != (second is not null))
            throw new UserErrorException(
                model.Task.IsPair
                    ? $"the model reads two texts ({string.Join(", ", model.Task.TextColumns)}), and there is one"
                    : "the model reads one text, and there are two"
            );
        return new TaskRow(second is null ? [text] : [text, second], [float.NaN]);
    }
}
