using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Data.Tasks;
using Electra.Finetuning;
using Electra.Model;
using Electra.Tensors;
using Electra.Tokenization;
using Microsoft.Extensions.AI;

namespace Electra.Predictors;

/// <summary>
/// A model that makes vectors of texts: as its folder says where it is one of sentence-transformers', or a run of this kit with
/// <c>kind: embedding</c>; else the mean of the last hidden states of a text's tokens, [CLS] and [SEP] among them. A text that is longer
/// than the model reads loses its end. May be asked from many threads.
/// </summary>
/// <remarks>A model that was not trained for it gives vectors that all lie close: only the order of their cosines says something.</remarks>
public sealed class TextEmbedder : IEmbeddingGenerator<string, Embedding<float>>
{
    private readonly string source;
    private readonly ElectraTokenizer tokenizer;
    private readonly EncodingOptions encoding;
    private readonly TextPooling pooling;
    private readonly Turns<ElectraClassifier> turns;

    private static readonly TaskDefinition Texts = new()
    {
        Kind = Data.Tasks.Embedding.OfScores,
        Name = "texts",
        DisplayName = "texts",
        TextColumns = ["text"],
        Metrics = [],
        ReportedMetric = "",
    };

    private TextEmbedder(string source, PretrainedModel weights, Compute compute)
    {
        (this.source, tokenizer, Dimensions) = (source, weights.Tokenizer, weights.Config.HiddenSize);
        _ = weights.UnusedRows; // the vocabulary fits
        encoding = new EncodingOptions { MaxLength = weights.MaxTokens };
        pooling = weights.Pooling ?? TextPooling.OfOthers;
        Prompts = pooling.Prompts();
        var model = ElectraClassifier.Create(weights.Config.ToModel(), pooling.Head, headDropout: 0, seed: null, compute, trainable: false);
        turns = new(model);
        try
        {
            if (weights.Fill(model.Store).Missing is { Count: > 0 } missing)
                throw new UserErrorException($"{source} lacks weights of its encoder: {WeightNames.Shown([.. missing], 3)}");
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>How long a vector is.</summary>
    public int Dimensions { get; }

    /// <summary>What stands before a text, by its role (<c>query</c>, <c>passage</c>); the model's folder says it.</summary>
    public IReadOnlyDictionary<string, string> Prompts { get; }

    /// <summary>Opens a model; a head that it has is left out.</summary>
    /// <param name="source">A run of this kit, a folder of Hugging Face's form, or a name on the hub.</param>
    /// <param name="compute">Where to compute, and the precision; by default <c>device: auto</c>, float32.</param>
    /// <param name="progress">Told of a download.</param>
    /// <param name="cancellation">Stops a download.</param>
    /// <exception cref="UserErrorException">
    /// There is no such model, it cannot be read, or it makes its vectors in a way that is not known here.
    /// </exception>
    public static TextEmbedder Open(
        string source,
        Compute? compute = null,
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default
    )
    {
        using var weights = PretrainedModel.Open(source, ModelPart.Discriminator, progress, cancellation);
        return weights is { Pooling: null, NotRead: { } more }
            ? throw new UserErrorException($"{source} is {more}: the vectors that it was trained for cannot be computed")
            : new TextEmbedder(source, weights, compute ?? Compute.Open(new ComputeOptions(), Precision.Float32));
    }

    /// <summary>The vector of a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="role">One of <see cref="Prompts"/>; null: what the model's folder names as the usual one, if any.</param>
    /// <param name="cancellation">Stops.</param>
    public float[] Embed(string text, string? role = null, CancellationToken cancellation = default) =>
        Embed([text], role, 1, cancellation)[0];

    /// <summary>The vectors of texts.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="role">One of <see cref="Prompts"/>; null: what the model's folder names as the usual one, if any.</param>
    /// <param name="batchSize">Texts that are computed at once.</param>
    /// <param name="cancellation">Stops.</param>
    /// <returns>The vectors in the order of the texts.</returns>
    /// <exception cref="UserErrorException">
    /// There is no such role, the model does not pool prompts with the texts, or a vector is not finite.
    /// </exception>
    public IReadOnlyList<float[]> Embed(
        IEnumerable<string> texts,
        string? role = null,
        int batchSize = 32,
        CancellationToken cancellation = default
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        var prompt = Prompt(role ?? pooling.UsualPrompt());
        TaskRow[] rows =
        [
            .. texts.Select(text => new TaskRow([prompt + (text ?? throw new ArgumentNullException(nameof(texts)))], [float.NaN])),
        ];
        if (rows.Length == 0)
            return [];
        var examples = EncodedRows.Of(Texts, rows, tokenizer, encoding, new RowCounts());
        float[] values = turns.Take(
            model => TaskScorer.Score(model, examples, batchSize, "embedding", progress: null, cancellation),
            cancellation
        );
        return [.. Metrics.Finite(values, source).Chunk(Dimensions)];
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

    private string Prompt(string? role)
    {
        if (role is null)
            return "";
        if (!Prompts.TryGetValue(role, out var prompt))
            throw new UserErrorException(
                $"{source} has no prompt for the role {role}: {(Prompts.Count == 0 ? "it has none" : string.Join(", ", Prompts.Keys))}"
            );
        return prompt == "" || pooling.ReadsPrompt
            ? prompt
            : throw new UserErrorException(
                $"{source} leaves the tokens of prompts out of its vectors (include_prompt: false), and such vectors cannot be computed"
            );
    }
}
