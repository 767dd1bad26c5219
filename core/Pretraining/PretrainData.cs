
using Electra.Data;
using Electra.Data.Corpora;
using Electra.Data.Examples;
using Electra.Distributed;
using Electra.Running;
using Electra.Storage;
using Electra.Tokenization;

namespace Electra.Pretraining;

/// <summary>What a run trains and is measured on.</summary>
public sealed class PretrainData : IDisposable
{
    /// <summary>The share of dropped tokens from which on it is warned of.</summary>
    private const double DroppedWarningShare = 0.25;

    private const int MeasuredBatch = 32;

    /// <summary>The share of tokens in rows of one example each below which packing is mentioned.</summary>
    private const double PaddingHintShare = 0.5;

    private readonly IReadOnlyList<PreparedExamples> byPhase;
    private readonly IReadOnlyList<ExampleRows> rowsByPhase;

    private PretrainData(ElectraTokenizer tokenizer, IReadOnlyList<(PreparedExamples Examples, ExampleRows Rows)> phases)
    {
        Tokenizer = tokenizer;
        (byPhase, rowsByPhase) = ([.. phases.Select(phase => phase.Examples)], [.. phases.Select(phase => phase.Rows)]);
        (Examples, rows) = phases.MaxBy(phase => phase.Examples.Train.MaxLength);
    }

    /// <summary>The rows of <see cref="Examples"/>.</summary>
    private readonly ExampleRows rows;

    /// <summary>The tokenizer the examples were made with.</summary>
    public ElectraTokenizer Tokenizer { get; }

    /// <summary>Examples to train on and held-out ones; of a run with phases the longest.</summary>
    internal PreparedExamples Examples { get; }

    /// <summary>Names the examples of all phases.</summary>
    internal string ExamplesFingerprint => string.Join(' ', byPhase.Distinct().Select(examples => examples.Train.Fingerprint));

    /// <summary>The examples of all phases, to train on and held out, in words: the same where all are.</summary>
    internal string Identity =>
        string.Join(
            ", ",
            byPhase
                .Distinct()
                .SelectMany(examples => new[] { (examples.Train, ""), (examples.HeldOut, " held out") })
                .Select(part => $"{part.Item1.Count:N0} examples{part.Item2} ({part.Item1.Fingerprint})")
        );

    /// <summary>Where the run left another, whose text it goes on with.</summary>
    internal PretrainBranch? Branch { get; set; }

    /// <summary>Tokenizes a corpus and cuts it into examples, or opens what an earlier run prepared.</summary>
    /// <param name="corpus">The documents.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="config">The run's settings.</param>
    /// <param name="console">Told what the work will take before it begins, and then how far it is.</param>
    /// <param name="cancellation">Stops preparation; the next run goes on from there.</param>
    /// <exception cref="UserErrorException">There is no text or less than one batch of it, or the disk has too little room.</exception>
    public static PretrainData Prepare(Corpus corpus, ElectraTokenizer tokenizer, PretrainConfig config,
        RunConsole? console = null, CancellationToken cancellation = default)
    {
        var phases = LengthPhases.Of(config.Training, config.Examples.MaxLength);
        var prepared = new Dictionary<int, (PreparedExamples Examples, ExampleRows Rows)>();
        foreach (var phase in phases.All)
        {
            if (!prepared.TryGetValue(phase.MaxLength, out var made))
            {
                made.Examples = PrepareLength(corpus, tokenizer, config, phase.MaxLength, console, cancellation);
                prepared[phase.MaxLength] = made = (made.Examples, new ExampleRows(made.Examples.Train, config.Examples.Packing));
            }
            if (made.Rows.Count < phase.BatchSize)
                throw new UserErrorException(
                    $"the corpus gives {made.Examples.Train.Count} examples of up to {phase.MaxLength} tokens"
                        + (made.Rows.IsPacked ? $" in {made.Rows.Count} rows" : "")
                        + ", fewer than one batch "
                        + $"(training.batch_size: {phase.BatchSize}). "
                        + "More text, shorter examples (examples.max_length) or a smaller batch would do."
                );
        }
        if (corpus.RowsWithoutText > 0)
            console?.Line($"{corpus.RowsWithoutText:N0} rows of the corpus have no text (null, empty or missing), and are passed over.");
        var data = new PretrainData(tokenizer, [.. phases.All.Select(phase => prepared[phase.MaxLength])]);
        if (data.Examples.Train.Counts.UnknownShare == 1 && !config.Objective.Masking.MaskUnknown)
            throw new UserErrorException(
                $"every token of the corpus {corpus.Name} is [UNK], so that nothing can be masked: "
                    + $"the vocabulary does not fit the text{data.UnknownExample(corpus)}."
            );
        return data;
    }

    /// <summary>The examples of one length.</summary>
    private static PreparedExamples PrepareLength(
        Corpus corpus,
        ElectraTokenizer tokenizer,
        PretrainConfig config,
        int maxLength,
        RunConsole? console,
        CancellationToken cancellation
    )
    {
        const string Stage = "making examples";
        var vocabulary = tokenizer.Vocabulary;
        var settings = (config.Examples with { MaxLength = maxLength }).OfPreparation;
        var description = $"{corpus.Id} {tokenizer.Fingerprint}";
        var folder = Path.Combine(
            Paths.Output(config.Datasets),
            corpus.Id,
            $"examples-{settings.MaxLength}-{Fingerprint.Of($"{ExamplePreparation.Method} {description} {settings.Name}")}"
        );
        var source = new ExampleSource(
            corpus.Documents(console, cancellation, Stage),
            tokenizer.Encode,
            new ExampleVocabulary(vocabulary.Count, vocabulary.ClsId, vocabulary.SepId, vocabulary.PadId, vocabulary.UnkId),
            description);
        if (corpus.DropsDownloads)
        {
            var downloads = new UsedDownloads(corpus, Path.Combine(folder, "downloads.json"));
            source = source with
            {
                DocumentsAfter = (documents, characters) => downloads.DocumentsAfter(documents, characters, console, cancellation, Stage),
                Prepared = downloads.Remove,
            };
        }
        if (console is not null && ExamplePreparation.IsToBegin(source, settings, folder))
            PreparationEstimate
                .Measure(corpus, source, settings, config.Workers, console, cancellation)
                ?.Tell(console, folder, corpus.DropsDownloads);
        return ExamplePreparation.Prepare(source, settings, folder, config.Workers, console, cancellation);
    }

    /// <summary>What masking must know of the vocabulary.</summary>
    public MaskingTokens MaskingTokens(MaskingOptions masking)
    {
        var vocabulary = Tokenizer.Vocabulary;
        var ids = Enumerable.Range(0, vocabulary.Count);
        bool[] special = [.. ids.Select(id => vocabulary.IsSpecial(id) && !(masking.MaskUnknown && id == vocabulary.UnkId))];
        return new MaskingTokens(vocabulary.Count, vocabulary.MaskId, special)
        {
            MaxLength = Examples.Train.MaxLength,
            PadId = vocabulary.PadId,
            Continues = [.. ids.Select(vocabulary.Continues)],
            Separators = [.. ids.Select(id => id == vocabulary.ClsId || id == vocabulary.SepId)],
        };
    }

    /// <summary>The batch of update <paramref name="step"/> in the parts that are computed at once: a function of seed and step.</summary>
    public IReadOnlyList<TokenBatch> TrainingBatches(PretrainConfig config, long step) =>
        TrainingBatches(config, step, SingleProcess.Instance);

    /// <summary>The share of a rank in it: rows that follow each other.</summary>
    internal IReadOnlyList<TokenBatch> TrainingBatches(PretrainConfig config, long step, ICommunicator ranks)
    {
        long[] all = TrainingRows(config, step);
        int first = Begin(ranks.Rank), end = Begin(ranks.Rank + 1);
        int Begin(int rank) => (int)((long)all.Length * rank / ranks.WorldSize);
        int part = config.Training.MicroBatchSize > 0 ? config.Training.MicroBatchSize : all.Length;
        int phase = Phases(config).IndexAt(step);
        return
        [
            .. all[first..end]
                .Chunk(part)
                .Select(
                    (indices, i) =>
                        rowsByPhase[phase].Batch(indices, config.Objective.PaddingTokenType, firstRow: first + ((long)i * part)) with
                        {
                            MaxLength = byPhase[phase].Train.MaxLength,
                        }
                ),
        ];
    }

    /// <summary>Which examples of the store update <paramref name="step"/> is made of.</summary>
    public long[] TrainingExamples(PretrainConfig config, long step)
    {
        var own = rowsByPhase[Phases(config).IndexAt(step)];
        return [.. TrainingRows(config, step).SelectMany(row => own[row].ToArray())];
    }

    /// <summary>How many rows were read before update <paramref name="step"/>, counted in those of its phase.</summary>
    internal long RowsBefore(PretrainConfig config, long step) =>
        Phases(config).RowsBefore(step, [.. rowsByPhase.Select(rows => rows.Count)], Branch?.Step ?? 0, Branch?.Rows ?? 0);

    /// <summary>How many tokens the updates before <paramref name="step"/> had.</summary>
    internal long TokensBefore(PretrainConfig config, long step)
    {
        long tokens = 0;
        for (long k = 0; k < step; k++)
            tokens += TrainingExamples(config, k).Sum(example => (long)byPhase[Phases(config).IndexAt(k)].Train.Lengths(example).Length);
        return tokens;
    }

    private long[] TrainingRows(PretrainConfig config, long step)
    {
        var phases = Phases(config);
        int phase = phases.IndexAt(step);
        var stream = rowsByPhase[phase].Shuffled(config.Seed);
        stream.Position = RowsBefore(config, step);
        return stream.Next(phases.All[phase].BatchSize);
    }

    private static LengthPhases Phases(PretrainConfig config) => LengthPhases.Of(config.Training, config.Examples.MaxLength);

    /// <summary>The first held-out examples in batches; training examples where nothing is held out.</summary>
    public IEnumerable<TokenBatch> HeldOutBatches(PretrainConfig config)
    {
        var store = Examples.HeldOut.Count > 0 ? Examples.HeldOut : Examples.Train;
        return store.InOrder(MeasuredBatch, config.Evaluation.Examples, config.Objective.PaddingTokenType);
    }

    /// <summary>The first training examples in batches, to be read and not to be trained on.</summary>
    internal IEnumerable<TokenBatch> TrainingText(PretrainConfig config, int examples) =>
        Examples.Train.InOrder(MeasuredBatch, examples, config.Objective.PaddingTokenType);

    /// <summary>Prints what there is to learn from.</summary>
    public void Describe(Corpus corpus, RunConsole console)
    {
        console.EndProgress();
        var (summary, vocabulary) = (Examples.Summary, Tokenizer.Vocabulary);
        console.Table(
            [("corpus", $"{corpus.Name}: {summary.Documents:N0} documents, {summary.Characters / 1e6:N1} million characters"),
            .. corpus.Files == "" ? [] : new (string, object?)[] { ("files", corpus.Files) },
            ("tokens", $"{summary.All.TextTokens:N0} in examples, {summary.DroppedTokens:N0} dropped ({summary.DroppedShare:0.0%})"),
            ("vocabulary", $"{vocabulary.Count:N0} tokens; {summary.All.UnknownShare:0.00%} of the text is [UNK]; {Tokenizer.Settings}"),
            (
                "examples",
                $"{summary.Train.Examples:N0} to train on, {summary.HeldOut.Examples:N0} held out, {summary.All.MeanLength:F0} tokens on "
                    + "average"
            ),
            .. rows.IsPacked ? new (string, object?)[] { ("packing", rows.Summary) } : [],
        ]);
        if (summary.All.UnknownShare >= UnknownWords.WarningShare)
            console.Warning(
                $"{summary.All.UnknownShare:0.0%} of the text is [UNK], and nothing can be learned of it: "
                    + $"the vocabulary does not fit the text{UnknownExample(corpus)}"
            );
        if (summary.DroppedShare >= DroppedWarningShare)
        {
            var dropped =
                $"{summary.DroppedShare:0.0%} of the tokens are in no example: "
                + $"of a line that is longer than an example ({Examples.Train.MaxLength} tokens) the rest is left out, as in the original";
            if (corpus.MakesLines)
                console.Line($"{dropped}.");
            else
                console.Warning(
                    $"{dropped}. Where each line is a document, say so: corpus.documents=line. "
                        + "Otherwise lines of one sentence, or a larger examples.max_length, lose less"
                );
        }
        if (!rows.IsPacked && rows.Efficiency < PaddingHintShare)
            console.Line(
                $"The examples are short: of rows of {Examples.Train.MaxLength} tokens they fill {rows.Efficiency:0%}. With "
                    + "examples.packing=best_fit several share a row."
            );
        if (summary.HeldOut.Examples == 0)
            console.Warning(
                "no document is held out (examples.held_out): what is called held-out below is measured on examples that are trained on"
            );
    }

    /// <summary>A word that is [UNK], and why; empty where none is among the first documents, or these would have to be downloaded
    /// again.</summary>
    private string UnknownExample(Corpus corpus)
    {
        const int Documents = 100;
        var example = corpus.DropsDownloads
            ? null
            : corpus
                .Documents()
                .Take(Documents)
                .Select(document => UnknownWords.Example(document, Tokenizer))
                .FirstOrDefault(found => found is not null);
        return example is null ? "" : $" ({example})";
    }

    /// <summary>Prints what the examples are, some of them as text: the end of a run with <c>only=data</c>.</summary>
    public void Summarize(RunConsole console) => DataSummary.Print(this, console);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var examples in byPhase.Distinct())
            examples.Dispose();
    }
}
