using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using Electra.Finetuning;
using Electra.Scoring;
using Electra.Tensors;

namespace Electra.Tests.Scoring;

/// <summary>Scores through scripts/predict.csx, as a user asks for them.</summary>
public sealed class ScoreScriptTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public ScoreScriptTests()
    {
        ZipFile.ExtractToDirectory(TestData.Fixture("golden/s_tiny.zip"), folder.File("pair"));
        Write("in.txt", "The captain stood upon the deck.\n\nYes\n");
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Lines_of_a_file_and_of_standard_input_get_sum_mean_and_tokens()
    {
        using var scorer = SentenceScorer.Open(folder.File("pair"), SentenceScoreKind.Pll, Compute.Reference);
        string[] lines = ["The captain stood upon the deck.", "", "Yes"];
        string[] expected =
        [
            .. lines.Zip(scorer.Score(lines), (line, score) =>
                string.Create(CultureInfo.InvariantCulture, $"{score.Sum:F3}\t{score.Mean:F3}\t{score.Tokens}\t{line}")),
        ];
        Assert.Equal(expected, Rounded((await Score("predict.score=pll", $"predict.input={folder.File("in.txt")}")).Succeeded().Output));

        using var run = Start("predict.score=pll", "predict.input=-");
        await run.Type("The captain stood upon the deck.\n\nYes\n");
        run.EndInput();
        Assert.Equal(expected, Rounded((await run.Finish()).Succeeded().Output));

        static string[] Rounded(string output) =>
        [
            .. output.TrimEnd().Split('\n').Select(line => line.TrimEnd('\r').Split('\t')).Select(fields =>
                $"{Number(fields[0]):F3}\t{Number(fields[1]):F3}\t{fields[2]}\t{fields[3]}"),
        ];
        static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task Json_lines_keep_their_fields_and_a_wrong_line_is_named_after_those_before_it()
    {
        Write("in.jsonl", "{\"id\": 7, \"s\": \"Yes\", \"score\": \"old\"}\n{\"id\": 8}\n");
        var run = await Score(
            "predict.score=discriminator", "predict.field=s", $"predict.input={folder.File("in.jsonl")}"
        );
        run.Refused("in.jsonl:2: there is no field s. The fields are id. predict.field names the one with the sentence.");
        using var json = JsonDocument.Parse(Assert.Single(run.Lines));
        Assert.Equal(["id", "s", "score", "mean", "tokens"], json.RootElement.EnumerateObject().Select(field => field.Name));
        Assert.Equal(json.RootElement.GetProperty("score").GetDouble(), json.RootElement.GetProperty("mean").GetDouble());
        Assert.InRange(json.RootElement.GetProperty("score").GetDouble(), -1, 0);
    }

    [Fact]
    public async Task Pairs_give_a_table_that_the_statistics_read_and_equal_scores_are_wrong()
    {
        Write("pairs/word_order.jsonl", """
            {"sentence_good": "The captain stood upon the deck.", "sentence_bad": "Deck the upon stood captain the."}
            {"sentence_good": "Yes", "sentence_bad": "yes"}
            """);
        Write("pairs/made.tsv", "sentence_good\tsentence_bad\nIt was the best of times.\tIt was the best of of of times.\n");
        var run = (await Score(
            "predict.score=pll",
            "group=tiny",
            $"predict.pairs={folder.File("pairs")}",
            $"predict.output={folder.File("pairs.csv")}"
        )).Succeeded();
        run.Said("made", "word_order", "50.0", "all files");
        Assert.Equal(
            ["model,task,run,score,pretrain_seed", "tiny,made,0,100,pair", "tiny,word_order,0,50,pair"],
            File.ReadAllLines(folder.File("pairs.csv"))
        );
        var stats = await ScriptRunner.Run(folder, ScriptRunner.Kit("stats.csx"), "--", folder.File("pairs.csv"));
        stats.Succeeded().Said("word_order");
    }

    [Fact]
    public async Task Lists_are_ordered_with_weights_that_were_chosen_on_others()
    {
        const string Lists = """
            id	score	text	reference
            1	-1.0	the captain stood upon the deck	the captain stood upon the deck
            1	-0.5	the captain stood a pond the deck	the captain stood upon the deck
            2	-3	it was the best of times	it was the best of times
            2	-2.5	it was the beast of dimes	it was the best of times

            """;
        Write("dev.tsv", Lists);
        var run = (await Score(
            "predict.score=pll",
            $"predict.rerank={{tune: {folder.File("dev.tsv")}, lists: {folder.File("dev.tsv")}}}",
            $"predict.output={folder.File("best.tsv")}"
        )).Succeeded();
        run.Said("predict.rerank.weights=[1, ", "both", "0 of 12 (0.0%)", "4 of 12 (33.3%)");
        Assert.Equal(
            ["id rank text", "1 1 the captain stood upon the deck", "1 2 the captain stood a pond the deck"],
            File.ReadLines(folder.File("best.tsv")).Take(3).Select(line => line.Split('\t')).Select(row => $"{row[0]} {row[1]} {row[5]}")
        );

        // What is wrong with either table is said before a sentence is scored, and neither is written over.
        Write("test.tsv", Lists.Replace("-2.5", "sure"));
        string[] both = ["predict.score=pll", $"predict.rerank={{tune: {folder.File("dev.tsv")}, lists: {folder.File("test.tsv")}}}"];
        var wrong = await Score([.. both, $"predict.output={folder.File("best.tsv")}"]);
        wrong.Refused("test.tsv:5: score cannot be \"sure\"");
        Assert.DoesNotContain("wrong words", wrong.Output);
        Write("test.tsv", Lists);
        (await Score([.. both, $"predict.output={folder.File("dev.tsv")}"])).Refused("dev.tsv is the file that is read");
    }

    [Fact]
    public async Task What_does_not_fit_together_is_refused_by_key()
    {
        (await Score("predict.score=pll")).Refused("predict.score has nothing to score");
        (await Score("predict.field=x")).Refused("predict.field is about scores of sentences");
        (await Score("predict.score=energy", $"predict.input={folder.File("in.txt")}")).Refused("whose outputs are not energies");
        Write("pairs.tsv", "good\tbad\na\tb\n");
        (await Score("predict.score=pll", $"predict.pairs={folder.File("pairs.tsv")}")).Refused(
            "pairs.tsv:1: there is no column sentence_good. The columns",
            "predict.pair_columns names"
        );
        (await Score("predict.score=pll", "predict.rerank={lists: a.tsv}")).Refused("predict.rerank.tune is missing");
    }

    private void Write(string name, string text)
    {
        var path = folder.File(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text.ReplaceLineEndings("\n"));
    }

    private Task<ScriptResult> Score(params string[] overrides) => Start(overrides).Finish();

    private RunningScript Start(params string[] overrides)
    {
        Write("tiny.yaml", $"checkpoint: {folder.File("pair")}\ncompute: {{threads: 1}}\n");
        return ScriptRunner.Start(folder, [ScriptRunner.Kit("predict.csx"), "--", folder.File("tiny.yaml"), .. overrides]);
    }
}
