using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Data.Tasks;
using Electra.Model;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Tokenization;
using Microsoft.Extensions.AI;
using static TorchSharp.torch;

namespace Electra.Predictors;

/// <summary>
/// A model that makes vectors of texts: the mean of the last hidden states of a text's tokens, [CLS] and [SEP] among them, as
/// Sentence-Transformers pools and as <c>sentence_embedding</c> of an exported model is. A text that is longer than the model reads loses
/// its end. May be asked from many threads.
/// </summary>
/// <remarks>A model that was not trained for it gives vectors that all lie close: only the order of their cosines says something.</remarks>
public sealed class TextEmbedder : IEmbeddingGenerator<string, Embedding<float>>
{
    private readonly string source;
    private readonly ElectraTokenizer tokenizer;
    private readonly EncodingOptions encoding;
    private readonly Turns<TrainedEncoder> turns;

    // What the rows of any task become: [CLS] text [SEP].
    private static readonly TaskDefinition Texts = new()
    {
        Name = "texts",
        DisplayName = "texts",
        TextColumns = ["text"],
        Metrics = [],
        ReportedMetric = "",
    };

    private TextEmbedder(string source, PretrainedModel weights, Compute compute)
    {
        (this.source, tokenizer, Dimensions) = (source, weights.Tokenizer, weights.Config.HiddenSize);
        encoding = new EncodingOptions { MaxLength = weights.Config.MaxPositions };
        turns = new(new TrainedEncoder(weights, compute, headless: true));
    }

    /// <summary>How long a vector is.</summary>
    public int Dimensions { get; }

    /// <summary>Opens a model; a head that it has is left out.</summary>
    /// <param name="source">A run of this kit, a folder of Hugging Face's form, or a name on the hub.</param>
    /// <param name="compute">Where to compute, and the precision; by default <c>device: auto</c>, float32.</param>
    /// <param name="progress">Told of a download.</param>
    /// <param name="cancellation">Stops a download.</param>
    /// <exception cref="UserErrorException">
    /// There is no such model, it cannot be read, or it was trained for vectors that are pooled in another way.
    /// </exception>
    public static TextEmbedder Open(
        string source,
        Compute? compute = null,
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default
    )
    {
        using var weights = PretrainedModel.Open(source, ModelPart.Discriminator, progress, cancellation);
        return weights.NotRead is { } more
            ? throw new UserErrorException($"{source} is {more}: the vectors that it was trained for cannot be computed")
            : new TextEmbedder(source, weights, compute ?? Compute.Open(new ComputeOptions(), Precision.Float32));
    }

    /// <summary>The vector of a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="cancellation">Stops.</param>
    public float[] Embed(string text, CancellationToken cancellation = default) => Embed([text], 1, cancellation)[0];

    /// <summary>The vectors of texts.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="batchSize">Texts that are computed at once.</param>
    /// <param name="cancellation">Stops.</param>
    /// <returns>The vectors in the order of the texts.</returns>
    public IReadOnlyList<float[]> Embed(IEnumerable<string> texts, int batchSize = 32, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        TaskRow[] rows = [.. texts.Select(text => new TaskRow([text ?? throw new ArgumentNullException(nameof(texts))], [float.NaN]))];
        if (rows.Length == 0)
            return [];
        var examples = EncodedRows.Of(Texts, rows, tokenizer, encoding, new RowCounts());
        return turns.Take(encoder => Vectors(encoder, examples, batchSize, cancellation), cancellation);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Another length of vectors is asked for than the model's.</exception>
    public Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values,
        EmbeddingGenerationOptions? options = null,
        CancellationToken cancellationToken = default
    ) =>
        options?.Dimensions is { } wanted && wanted != Dimensions
            ? throw new ArgumentException($"the vectors of {source} have {Dimensions} dimensions, and not {wanted}", nameof(options))
            : Task.Run(
                () => new GeneratedEmbeddings<Embedding<float>>(
                    Embed(values, cancellation: cancellationToken).Select(vector => new Embedding<float>(vector) { ModelId = source })
                ),
                cancellationToken
            );

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is not null ? null
        : serviceType == typeof(EmbeddingGeneratorMetadata) ? new EmbeddingGeneratorMetadata("electra", null, source, Dimensions)
        : serviceType.IsInstanceOfType(this) ? this
        : null;

    /// <inheritdoc/>
    public void Dispose() => turns.Dispose();

    private float[][] Vectors(TrainedEncoder encoder, TaskExamples examples, int batchSize, CancellationToken cancellation)
    {
        using var _ = no_grad();
        var vectors = new float[examples.Count][];
        foreach (var batch in examples.ByLength(batchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var tokens = batch.Tokens;
            var put = Staging.Put(encoder.Compute, tokens.Ids, tokens.TokenTypes, [.. tokens.Lengths.Select(n => (long)n)]);
            var (ids, lengths) = (put[0].view(tokens.Size, tokens.Length), put[2].unsqueeze(1));
            var attention = AttentionMask.FromLengths(tokens.Lengths, tokens.Length, encoder.Compute, put[2]);
            var states = encoder.HiddenStates(ids, put[1].view_as(ids), attention).to(float32).view(tokens.Size, tokens.Length, -1);
            var isToken = arange(tokens.Length, device: states.device).unsqueeze(0).lt(lengths).unsqueeze(-1);
            float[] means = [.. ((states * isToken).sum(1) / lengths).cpu().contiguous().data<float>()];
            foreach (var (i, place) in batch.Places.Index())
                vectors[place] = means[(i * Dimensions)..((i + 1) * Dimensions)];
        }
        return vectors;
    }
}
