using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Electra.Data.Readers;
using Electra.Finetuning;
using Electra.Finetuning.Prediction;
using Electra.Running;
using Electra.Storage;
using Electra.Tensors;

namespace Electra.Scoring;

/// <summary>Scores of sentences, as <c>predict.score</c> asks for them: of lines, of minimal pairs, or of lists of hypotheses.</summary>
public static class SentenceScores
{
    private static readonly string[] Added = ["score", "mean", "tokens"];

    /// <summary>
    /// Scores what the configuration names. A line becomes <c>score&lt;tab&gt;mean&lt;tab&gt;tokens&lt;tab&gt;line</c>, or an object with
    /// these three fields added.
    /// </summary>
    /// <param name="run">The experiment; its <c>predict</c> says what is scored, by what, and where scores go.</param>
    /// <param name="compute">Where to compute.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="UserErrorException">The model does not give such scores, a file is not there or not of the form expected, or
    /// a sentence cannot be scored.</exception>
    public static int Write(Run<FinetuneConfig> run, Compute compute)
    {
        // bfloat16 has three digits: too few to compare sentences by.
        if (run.Config.Training.Precision == Precision.Auto)
            compute = compute with { Precision = Precision.Float32 };
        return run.Config.Predict switch
        {
            { Pairs.Count: > 0 } => MinimalPairs.Write(run, compute),
            { Rerank.IsAsked: true } => Reranking.Write(run, compute),
            _ => WriteLines(run, compute),
        };
    }

    /// <summary>The one model of a configuration.</summary>
    internal static SentenceScorer Only(Run<FinetuneConfig> run, Compute compute) =>
        StartModel.All(run.Config) is [var only]
            ? Open(run, only.Source, compute)
            : throw new UserErrorException(
                "checkpoint names several models, and sentences are scored with one; predict.pairs takes several"
            );

    internal static SentenceScorer Open(Run<FinetuneConfig> run, string source, Compute compute) =>
        SentenceScorer.Open(source, run.Config.Predict.Score, compute, run.Console, run.Stopping, run.Config.Predict.BatchSize);

    private static int WriteLines(Run<FinetuneConfig> run, Compute compute)
    {
        var (options, console) = (run.Config.Predict, run.Console);
        bool isStandardOutput = LineAnswers.IsStandardOutput(options.Output);
        if (isStandardOutput)
            console.LeaveStandardOutput();
        var field = options.Field != "" ? options.Field
            : SourceFile.FormatOf(options.Input) == SourceFormat.JsonLines ? "text"
            : null;
        using var scorer = Only(run, compute);
        console.Line(
            field is null ? $"a sentence in, {string.Join("<tab>", Added)}<tab>sentence out"
                : $"an object with the field {field} in, the object with {string.Join(", ", Added)} out"
        );
        bool isConversation = options.Input == StandardInput.Name && isStandardOutput;
        int count = LineAnswers.Write(
            options,
            (lines, source, before) => Answers(scorer, field, lines, source, before, run.Stopping),
            "scoring lines",
            isConversation ? null : console,
            run.Stopping
        );
        console.EndProgress();
        if (!isStandardOutput)
            console.Line($"{Paths.Shown(Paths.Output(options.Output))}: {count:N0} lines");
        return 0;
    }

    /// <summary>The lines with their scores, up to the first that has none.</summary>
    internal static Answered Answers(
        SentenceScorer scorer,
        string? field,
        IReadOnlyList<string> lines,
        string source,
        int before,
        CancellationToken cancellation
    )
    {
        var sentences = new List<long[]>();
        UserErrorException? wrong = null;
        foreach (var (i, line) in lines.Index())
            try
            {
                sentences.Add(Placed($"{source}:{before + i + 1}", place => scorer.Encode(Sentence(line, field, place))));
            }
            catch (UserErrorException e)
            {
                wrong = e;
                break;
            }
        var scores = scorer.Score(sentences, cancellation);
        return new([.. scores.Select((score, i) => field is null ? $"{Tabbed(score)}\t{lines[i]}" : WithScore(lines[i], score))], wrong);
    }

    /// <summary>Does something with a sentence; what is wrong with it is said with its place.</summary>
    internal static T Placed<T>(string place, Func<string, T> of)
    {
        try
        {
            return of(place);
        }
        catch (UserErrorException e) when (!e.Message.StartsWith(place, StringComparison.Ordinal))
        {
            throw new UserErrorException($"{place}: {e.Message}", e);
        }
    }

    private static string Sentence(string line, string? field, string place)
    {
        if (field is null)
            return line;
        using var json = JsonLines.Parse(line, place);
        return JsonLines.Field(json, new AskedFields(field) { TextOnly = true, Advice = "predict.field names the one with the sentence." },
            field, place);
    }

    private static string Tabbed(SentenceScore score) =>
        string.Create(CultureInfo.InvariantCulture, $"{score.Sum:F6}\t{score.Mean:F6}\t{score.Tokens}");

    /// <summary>An object with the scores after its own fields; fields of these names that were there give way.</summary>
    private static string WithScore(string line, SentenceScore score)
    {
        using var json = TolerantJson.Parse(line);
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            foreach (var field in json.RootElement.EnumerateObject().Where(field => !Added.Contains(field.Name)))
                field.WriteTo(writer);
            writer.WriteNumber(Added[0], Math.Round(score.Sum, 6));
            writer.WriteNumber(Added[1], Math.Round(score.Mean, 6));
            writer.WriteNumber(Added[2], score.Tokens);
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
