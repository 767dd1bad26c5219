using Electra.Data.Tasks;
using Electra.Tensors;

namespace Electra.Predictors;

/// <summary>A document with what a reranker gives it.</summary>
/// <param name="Index">Its place among the documents that were given, from 0.</param>
/// <param name="Text">The document.</param>
/// <param name="Score">What the model gives for query and document: higher is better. It is the model's own value, no probability.</param>
public sealed record RankedDocument(int Index, string Text, double Score);

/// <summary>
/// A cross-encoder that reads a query beside each document, and orders the documents: a model with one output for a pair of texts. May be
/// asked from many threads. A pair that is too long loses the end of its longer text.
/// </summary>
public sealed class Reranker : IDisposable
{
    private readonly AskedModel model;

    private Reranker(AskedModel model) => this.model = model;

    /// <summary>Opens a reranker.</summary>
    /// <param name="source">
    /// A run of this kit (<c>kind: reranking</c>, or pairs with a value), a folder of Hugging Face's
    /// <c>ElectraForSequenceClassification</c> with one output (a cross-encoder of Sentence-Transformers'), or its name on the hub
    /// (<c>cross-encoder/ms-marco-electra-base</c>).
    /// </param>
    /// <param name="compute">Where to compute, and the precision; by default <c>device: auto</c>, float32.</param>
    /// <param name="progress">Told of a download.</param>
    /// <param name="cancellation">Stops a download.</param>
    /// <exception cref="UserErrorException">There is no such model, it cannot be read, or it gives no single value for a pair.</exception>
    public static Reranker Open(
        string source,
        Compute? compute = null,
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default
    )
    {
        var model = new AskedModel(source, GivesOneValue, "give one value for a pair", compute, progress, cancellation);
        if (!model.KnowsPairs || model.Task.IsPair || Reranking.Is(model.Task.Kind))
            return new Reranker(model);
        model.Dispose();
        throw new UserErrorException($"{source} was trained on single texts, and not on pairs");
    }

    /// <summary>Orders documents by what the model gives for each beside a query.</summary>
    /// <param name="query">The query.</param>
    /// <param name="documents">The documents.</param>
    /// <param name="batchSize">Pairs that are computed at once.</param>
    /// <param name="cancellation">Stops.</param>
    /// <returns>All documents, the best first; equal ones in the order given.</returns>
    public IReadOnlyList<RankedDocument> Rank(
        string query,
        IEnumerable<string> documents,
        int batchSize = 32,
        CancellationToken cancellation = default
    )
    {
        TaskRow[] rows = [.. documents.Select(document => new TaskRow([query, document], [float.NaN]))];
        return
        [
            .. model
                .Ask(rows, batchSize, cancellation)
                .Select((outputs, i) => new RankedDocument(i, rows[i].Texts[1], outputs[0]))
                .OrderByDescending(document => document.Score),
        ];
    }

    /// <inheritdoc/>
    public void Dispose() => model.Dispose();

    private static bool GivesOneValue(TaskDefinition task) => task.IsRegression || Reranking.Is(task.Kind);
}
