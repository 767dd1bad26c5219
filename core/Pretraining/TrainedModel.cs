using System.Text;
using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Tensors;
using Electra.Tokenization;

namespace Electra.Pretraining;

/// <summary>A token with a probability.</summary>
/// <param name="Token">The token as the vocabulary has it; <c>##</c> continues a word.</param>
/// <param name="Place">Where it stands in the text that was asked about.</param>
/// <param name="Probability">That it was replaced (the discriminator's answers), or that it stands there (the generator's).</param>
public sealed record ScoredToken(string Token, Range Place, double Probability);

/// <summary>A trained model, ready to be asked: which tokens of a text its discriminator suspects, what its generator would say.</summary>
/// <remarks>
/// Everything is computed without dropout, and in float32 unless another precision is asked for. A text is one segment,
/// <c>[CLS] text [SEP]</c>; one that is longer than the model's positions is an error, never cut.
/// </remarks>
public sealed class TrainedModel : IDisposable
{
    private readonly string source;
    private readonly TrainedEncoder? discriminator, generator;
    private string? notRead;

    private TrainedModel(string source, ElectraTokenizer tokenizer, TrainedEncoder? discriminator, TrainedEncoder? generator) =>
        (this.source, Tokenizer, this.discriminator, this.generator) = (source, tokenizer, discriminator, generator);

    /// <summary>The tokenizer that texts are read with.</summary>
    public ElectraTokenizer Tokenizer { get; }

    /// <summary>Whether there is a discriminator to ask.</summary>
    public bool HasDiscriminator => discriminator is { Head: ModelHead.Discriminator };

    /// <summary>Whether there is a generator to ask.</summary>
    public bool HasGenerator => generator is not null;

    /// <summary>Opens a model.</summary>
    /// <param name="source">
    /// What a run left (<c>checkpoints/pretrain/demo_36_100</c>: both models), a folder of Hugging Face's form or a file of weights, or a
    /// name on the hub, as <see cref="PretrainedModel"/> takes it.
    /// </param>
    /// <param name="generator">Where the generator is, if it is not with the discriminator: <c>google/electra-small-generator</c>.</param>
    /// <param name="compute">Where to compute, and the precision; by default <c>device: auto</c>, float32.</param>
    /// <param name="progress">Told of a download.</param>
    /// <param name="cancellation">Stops a download.</param>
    /// <exception cref="UserErrorException">There is no such model, it cannot be read, or the two have different vocabularies.</exception>
    public static TrainedModel Open(string source, string? generator = null, Compute? compute = null,
        IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default)
    {
        compute ??= Compute.Open(new ComputeOptions(), Precision.Float32);
        TrainedEncoder? reader = null, predictor = null;
        try
        {
            using var first = PretrainedModel.Open(source, ModelPart.Discriminator, progress, cancellation);
            using var second = generator is not null ? PretrainedModel.Open(generator, ModelPart.Generator, progress, cancellation)
                : first.IsOfPair ? first.OfPair(ModelPart.Generator, progress, cancellation)
                : null;
            if (second is { Head: not ModelHead.Generator })
                throw new UserErrorException($"{second.Source} is not a generator: it has no weights generator_predictions.*");
            if (second is not null && second.Tokenizer.Fingerprint != first.Tokenizer.Fingerprint)
                throw new UserErrorException($"{second.Source} and {source} have different vocabularies: they were not trained together");
            bool isGenerator = first.Head == ModelHead.Generator && second is null;
            reader = isGenerator ? null : new TrainedEncoder(first, compute);
            predictor = isGenerator ? new TrainedEncoder(first, compute) : second is null ? null : new TrainedEncoder(second, compute);
            return new TrainedModel(source, first.Tokenizer, reader, predictor) { notRead = first.NotRead };
        }
        catch
        {
            reader?.Dispose();
            predictor?.Dispose();
            throw;
        }
    }

    /// <summary>For every token of a text the probability that it was replaced, as the discriminator sees it.</summary>
    /// <exception cref="UserErrorException">There is no discriminator, or the text is too long.</exception>
    public IReadOnlyList<ScoredToken> Detect(string text)
    {
        if (!HasDiscriminator)
            throw new UserErrorException($"{source} has no discriminator (weights discriminator_predictions.*)"
                + (HasGenerator ? $": its generator fills the {Tokenizer.Vocabulary.Names.Mask} of a text" : ""));
        if (discriminator!.IsEnergyModel)
            throw new UserErrorException($"{source} was trained with objective.kind=electric: its outputs are energies, which score whole "
                + "sentences (predict.score=energy), and not probabilities that a token was replaced");
        var tokens = Encode(text, discriminator);
        var probabilities = discriminator.Heads(Ids(tokens), logits => logits.sigmoid());
        return [.. tokens.Select((token, i) => new ScoredToken(token.Token, token.Place, probabilities[i + 1]))];
    }

    /// <summary>The tokens of a text that the discriminator takes for replaced.</summary>
    /// <param name="text">A text.</param>
    /// <param name="threshold">From which probability on.</param>
    /// <exception cref="UserErrorException">There is no discriminator, or the text is too long.</exception>
    public IReadOnlyList<ScoredToken> Suspects(string text, double threshold = 0.5) =>
        [.. Detect(text).Where(token => token.Probability > threshold)];

    /// <summary>The generator's best predictions for the one <c>[MASK]</c> of a text, the most probable first.</summary>
    /// <param name="text">A text with one mask.</param>
    /// <param name="best">How many.</param>
    /// <exception cref="UserErrorException">There is no generator, not one mask, or the text is too long.</exception>
    public IReadOnlyList<ScoredToken> Fill(string text, int best = 5) => FillAll(text, best) is [var only] ? only
        : throw new UserErrorException($"the text has more than one {Tokenizer.Vocabulary.Names.Mask}: FillAll takes any number");

    /// <summary>The generator's best predictions for each <c>[MASK]</c> of a text, each by itself, the most probable first.</summary>
    /// <param name="text">A text with masks.</param>
    /// <param name="best">How many for each.</param>
    /// <exception cref="UserErrorException">There is no generator, no mask, or the text is too long.</exception>
    public IReadOnlyList<IReadOnlyList<ScoredToken>> FillAll(string text, int best = 5)
    {
        if (generator is null)
            throw new UserErrorException($"{source} has no generator, which predicts masked tokens: name one beside it, "
                + "as google/electra-small-generator beside google/electra-small-discriminator");
        var vocabulary = Tokenizer.Vocabulary;
        var tokens = Encode(text, generator);
        int[] masks = [.. Enumerable.Range(0, tokens.Count).Where(i => tokens[i].Id == vocabulary.MaskId)];
        if (masks.Length == 0)
            throw new UserErrorException($"the text has no {vocabulary.Names.Mask}, the place that the generator is to fill: {text}");
        best = Math.Min(best, vocabulary.Count);
        // Some models have more rows of embeddings than tokens.
        var predicted = generator.Heads(Ids(tokens), [.. masks.Select(i => (long)i + 1)],
            logits => logits.narrow(1, 0, vocabulary.Count).softmax(1));
        return [.. masks.Select((mask, i) => predicted.AsSpan(i * vocabulary.Count, vocabulary.Count).ToArray().Index()
            .OrderByDescending(prediction => prediction.Item).Take(best)
            .Select(prediction => new ScoredToken(vocabulary[prediction.Index], tokens[mask].Place, prediction.Item)).ToList())];
    }

    /// <summary>A vector for a text: the mean of the last hidden states of its tokens, <c>[hidden]</c>.</summary>
    /// <exception cref="UserErrorException">
    /// The text has no tokens, or is too long; or the model was trained for vectors of another kind, which are not computed here.
    /// </exception>
    public float[] Embed(string text)
    {
        if (notRead is not null)
            throw new UserErrorException($"{source} is {notRead}: the vectors that it was trained for cannot be computed");
        var encoder = discriminator ?? generator!;
        var tokens = Encode(text, encoder);
        return tokens.Count > 0 ? encoder.Mean(Ids(tokens)) : throw new UserErrorException("a text without tokens has no vector");
    }

    /// <summary>The cosine of the vectors of two texts, from −1 to 1.</summary>
    /// <remarks>
    /// Pre-training does not ask for sentences that mean the same to lie close: all values are high, and only their order says something.
    /// </remarks>
    public double Similarity(string a, string b)
    {
        var (x, y) = (Embed(a), Embed(b));
        double Dot(float[] u, float[] v) => u.Zip(v, (p, q) => (double)p * q).Sum();
        return Dot(x, y) / Math.Sqrt(Dot(x, x) * Dot(y, y));
    }

    /// <summary>
    /// A text in which masks are filled, and suspected tokens are marked, with what the generator would say in their place:
    /// <c>the {[MASK] → cat 61%, dog 20%} sees the {moon? 83% → river 40%}</c>.
    /// </summary>
    /// <param name="text">A text.</param>
    /// <param name="best">How many of the generator's predictions are shown for a token.</param>
    /// <param name="threshold">From which probability on a token is suspected.</param>
    /// <exception cref="UserErrorException">The text is too long, or the model lacks what the text asks for.</exception>
    public string Annotate(string text, int best = 5, double threshold = 0.5)
    {
        ArgumentNullException.ThrowIfNull(text);
        var mask = Tokenizer.Vocabulary.Names.Mask;
        bool hasMasks = text.Contains(mask, StringComparison.Ordinal);
        var marks = hasMasks ? FillAll(text, best).Select(filled => (filled[0].Place, Shown: $"{mask}{Predictions(filled)}"))
            : Suspects(text, threshold).Select(token => (token.Place,
                Shown: $"{text[token.Place]}? {token.Probability:0%}{(HasGenerator ? Predictions(Instead(token)) : "")}"));
        var (annotated, done) = (new StringBuilder(), 0);
        foreach (var (place, shown) in marks)
        {
            annotated.Append(text.AsSpan(done, Math.Max(0, place.Start.Value - done))).Append('{').Append(shown).Append('}');
            done = Math.Max(done, place.End.Value);
        }
        return annotated.Append(text.AsSpan(done)).ToString();

        IReadOnlyList<ScoredToken> Instead(ScoredToken token) =>
            FillAll($"{text[..token.Place.Start]}{mask}{text[token.Place.End..]}", best)[0];
        static string Predictions(IEnumerable<ScoredToken> filled) =>
            " → " + string.Join(", ", filled.Select(token => $"{token.Token} {token.Probability:0%}"));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        discriminator?.Dispose();
        generator?.Dispose();
    }

    private List<(int Id, string Token, Range Place)> Encode(string text, TrainedEncoder encoder)
    {
        ArgumentNullException.ThrowIfNull(text);
        var tokens = Tokenizer.EncodeToTokens(text, out _);
        int most = encoder.MaxPositions - 2;
        if (tokens.Count > most)
            throw new UserErrorException($"the text has {tokens.Count:N0} tokens, and {source} reads at most {most:N0}: ask about a part");
        return [.. tokens.Select(token => (token.Id, token.Value, token.Offset))];
    }

    private long[] Ids(IEnumerable<(int Id, string, Range)> tokens) =>
        [Tokenizer.Vocabulary.ClsId, .. tokens.Select(token => (long)token.Id), Tokenizer.Vocabulary.SepId];
}
