using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Data;
using Electra.Data.Tasks;
using Electra.Finetuning;
using Electra.Model;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Tokenization;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Scoring;

/// <summary>
/// Says how likely, or how acceptable, sentences are to a model as it was pre-trained. A sentence is one segment,
/// <c>[CLS] sentence [SEP]</c>, and is read without dropout.
/// </summary>
public sealed class SentenceScorer : IDisposable
{
    private readonly TrainedEncoder model;
    private readonly SentenceScoreKind kind;
    private readonly string source;
    private readonly int batchSize;

    private SentenceScorer(string source, TrainedEncoder model, ElectraTokenizer tokenizer, SentenceScoreKind kind, int batchSize) =>
        (this.source, this.model, Tokenizer, this.kind, this.batchSize) = (source, model, tokenizer, kind, batchSize);

    /// <summary>The tokenizer that sentences are read with.</summary>
    public ElectraTokenizer Tokenizer { get; }

    private Vocabulary Vocabulary => Tokenizer.Vocabulary;

    /// <summary>Opens a model.</summary>
    /// <param name="source">A model of this kit, a folder of Hugging Face's form, a file of weights or a name on the hub.</param>
    /// <param name="kind">What sentences are scored by.</param>
    /// <param name="compute">Where to compute, and the precision; by default <c>device: auto</c>, float32.</param>
    /// <param name="progress">Told of a download.</param>
    /// <param name="cancellation">Stops a download.</param>
    /// <param name="batchSize">Sequences that are computed at once.</param>
    /// <exception cref="UserErrorException">There is no such model, it cannot be read, or it is not one that gives such scores.</exception>
    public static SentenceScorer Open(
        string source,
        SentenceScoreKind kind,
        Compute? compute = null,
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default,
        int batchSize = 64
    )
    {
        ArgumentOutOfRangeException.ThrowIfEqual((int)kind, (int)SentenceScoreKind.None, nameof(kind));
        bool isMasked = kind is SentenceScoreKind.Pll or SentenceScoreKind.PllWord;
        using var weights = PretrainedModel.Open(
            source,
            isMasked ? ModelPart.Generator : ModelPart.Discriminator,
            progress,
            cancellation
        );
        Require(weights, kind, isMasked);
        var model = new TrainedEncoder(weights, compute ?? Compute.Open(new ComputeOptions(), Precision.Float32));
        return new SentenceScorer(source, model, weights.Tokenizer, kind, batchSize);
    }

    /// <summary>Scores sentences.</summary>
    /// <param name="sentences">The sentences; those of the same tokens get the same score, to the last bit.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="UserErrorException">A sentence is too long, or has a [MASK], or a score is not finite.</exception>
    public IReadOnlyList<SentenceScore> Score(IReadOnlyList<string> sentences, CancellationToken cancellation = default) =>
        Score([.. sentences.Select(Encode)], cancellation);

    /// <summary>The token ids of a sentence.</summary>
    /// <exception cref="UserErrorException">It is too long, or has a [MASK].</exception>
    internal long[] Encode(string sentence)
    {
        ArgumentNullException.ThrowIfNull(sentence);
        long[] ids =
        [
            Vocabulary.ClsId,
            .. Tokenizer.EncodeToTokens(sentence, out _).Select(token => (long)token.Id),
            Vocabulary.SepId,
        ];
        if (ids.Length > model.MaxPositions)
            throw new UserErrorException(
                $"the sentence has {ids.Length - 2:N0} tokens, and {source} reads at most {model.MaxPositions - 2:N0}: score its parts"
            );
        return ids.Contains(Vocabulary.MaskId)
            ? throw new UserErrorException($"the sentence has a {Vocabulary.Names.Mask}, whose token is not known and has no score")
            : ids;
    }

    /// <summary>Scores sentences as <see cref="Encode"/> gives them.</summary>
    internal IReadOnlyList<SentenceScore> Score(IReadOnlyList<long[]> sentences, CancellationToken cancellation)
    {
        var texts = sentences.Select(ids => string.Join(' ', ids)).ToList();
        var numbers = texts.Distinct().Index().ToDictionary(text => text.Item, text => text.Index);
        var sums = new double[numbers.Count];
        // The longest first: sequences of a batch are about as long. A copy for each token is made when its batch is.
        var rows = sentences
            .Zip(texts)
            .DistinctBy(pair => pair.Second)
            .OrderByDescending(pair => pair.First.Length)
            .SelectMany(pair => Rows(numbers[pair.Second], pair.First));
        using var _ = no_grad();
        foreach (var batch in rows.Chunk(batchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            float[] scores = Metrics.Finite(Scores(batch).cpu().data<float>().ToArray(), source);
            int next = 0;
            foreach (var row in batch)
                for (int i = 0; i < row.Places.Length; i++)
                    sums[row.Sentence] += scores[next++];
        }
        return [.. sentences.Zip(texts, (ids, text) => new SentenceScore(sums[numbers[text]], Places(ids).Count()))];
    }

    /// <inheritdoc/>
    public void Dispose() => model.Dispose();

    /// <summary>What is read to score a sentence: itself, or a copy for each token with that masked.</summary>
    private IEnumerable<Row> Rows(int sentence, long[] ids)
    {
        int[] places = [.. Places(ids)];
        if (kind is SentenceScoreKind.Energy or SentenceScoreKind.Discriminator)
            return places.Length == 0 ? [] : [new Row(sentence, ids, places, [])];
        return places.Select(place =>
        {
            var masked = ids.ToArray();
            masked[place] = Vocabulary.MaskId;
            if (kind == SentenceScoreKind.PllWord)
                for (int later = place + 1; Vocabulary.Continues((int)ids[later]); later++)
                    masked[later] = Vocabulary.MaskId;
            return new Row(sentence, masked, [place], [ids[place]]);
        });
    }

    private IEnumerable<int> Places(long[] ids) =>
        Enumerable.Range(0, ids.Length).Where(i => ids[i] != Vocabulary.ClsId && ids[i] != Vocabulary.SepId);

    /// <summary>The scores at the places of some rows, one after the other, float32.</summary>
    private Tensor Scores(Row[] rows)
    {
        var compute = model.Compute;
        int[] lengths = [.. rows.Select(row => row.Ids.Length)];
        int length = lengths.Max();
        var batch = TokenBatch.Of(lengths, length, Vocabulary.PadId, paddingType: 0, (int i, Span<int> ids, out int lengthA) =>
        {
            for (int j = 0; j < lengths[i]; j++)
                ids[j] = (int)rows[i].Ids[j];
            return lengthA = lengths[i];
        });
        var put = Staging.Put(
            compute,
            batch.Ids,
            batch.TokenTypes,
            [.. lengths.Select(count => (long)count)],
            [.. rows.SelectMany((row, i) => row.Places.Select(place => ((long)i * length) + place))],
            [.. rows.SelectMany(row => row.Targets)]
        );
        var attention = AttentionMask.FromLengths(lengths, length, compute, put[2]);
        var logits = model.Logits(put[0].view(rows.Length, length), put[1].view(rows.Length, length), attention, put[3]);
        return kind switch
        {
            SentenceScoreKind.Energy => -logits,
            SentenceScoreKind.Discriminator => logsigmoid(-logits),
            _ => log_softmax(logits, -1).gather(1, put[4].unsqueeze(1)).squeeze(1),
        };
    }

    private static void Require(PretrainedModel weights, SentenceScoreKind kind, bool isMasked)
    {
        var (source, head) = (weights.Source, weights.Head);
        if (isMasked && head != ModelHead.Generator)
            throw new UserErrorException(
                $"{source} is not a masked language model: it has no weights generator_predictions.*"
                    + (head == ModelHead.Discriminator ? ". A discriminator scores with predict.score=discriminator" : "")
            );
        if (!isMasked && head != ModelHead.Discriminator)
            throw new UserErrorException(
                $"{source} is not a discriminator: it has no weights discriminator_predictions.*"
                    + (head == ModelHead.Generator ? ". A masked language model scores with predict.score=pll" : "")
            );
        bool isElectric = weights.Config.Objective == ElectricObjective.Name;
        if (kind == SentenceScoreKind.Energy && !isElectric)
            throw new UserErrorException(
                $"{source} is a discriminator of ELECTRA, whose outputs are not energies: predict.score=discriminator. Energies are those "
                    + "of a model that was trained with objective.kind=electric, whose config.json says \"objective\": \"electric\""
            );
        if (kind == SentenceScoreKind.Discriminator && isElectric)
            throw new UserErrorException(
                $"{source} was trained with objective.kind=electric: its outputs are energies, predict.score=energy"
            );
    }

    /// <summary>A sequence that is read, and the places of it that count.</summary>
    private sealed record Row(int Sentence, long[] Ids, int[] Places, long[] Targets);
}
