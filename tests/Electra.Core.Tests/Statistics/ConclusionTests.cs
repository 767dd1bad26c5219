using Electra.Finetuning;
using Electra.Running;
using Electra.Statistics;
using Electra.Statistics.Inference;

namespace Electra.Tests.Statistics;

public sealed class ConclusionTests : IDisposable
{
    private const int Rows = 200;

    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    /// <summary>A finished run whose first predictions are right; the label of a row is its number's parity.</summary>
    private void Finished(
        string group,
        string? seed,
        int run,
        int right,
        int rows = Rows,
        bool keepsPredictions = true,
        string? label0 = null
    )
    {
        var path = Directory.CreateDirectory(folder.File($"glue/{group}_rte_{run}")).FullName;
        double accuracy = right / (double)rows;
        new FinetuneResult
        {
            Group = group,
            Task = "rte",
            Run = run,
            Seed = run,
            PretrainSeed = seed,
            Checkpoint = "a model",
            Metric = "accuracy",
            Score = accuracy,
            Scores = new Dictionary<string, double> { ["accuracy"] = accuracy },
            Epochs = [],
            Seconds = 1,
        }.Save(path);
        if (!keepsPredictions)
            return;
        string Name(int i) => i == 0 && label0 is not null ? label0 : i % 2 == 0 ? "no" : "yes";
        File.WriteAllLines(
            Path.Combine(path, "dev_predictions.tsv"),
            Enumerable
                .Range(0, rows)
                .Select(i => $"dev\t{i}\t{Name(i)}\t{(i < right ? Name(i) : Name(i + 1))}\t0\t0")
                .Prepend("split\trow\tlabel\tprediction\toutput:no\toutput:yes")
        );
    }

    private void Seeds(string group, int seeds, int runs, int right)
    {
        for (int seed = 1; seed <= seeds; seed++)
            for (int run = 0; run < runs; run++)
                Finished(group, $"{seed}", 10 * seed + run, right + seed % 3 + 2 * run);
    }

    private IReadOnlyList<ReportTable> Tables(StatisticsConfig? config = null) =>
        StatisticsReport.Tables(
            ScoreSet.Read<FinetuneConfig>([folder.File("glue")]),
            config ?? new() { Compare = ["a", "b"], Resamples = 1000 }
        );

    private string Lead(StatisticsConfig? config = null) => string.Join("\n", Tables(config)[0].Notes);

    private string Refused(StatisticsConfig? config = null) => Assert.Throws<UserErrorException>(() => Tables(config)).Message;

    [Fact]
    public void The_report_leads_with_the_sentence_that_a_paper_would_print()
    {
        Seeds("a", 6, 2, 120);
        Seeds("b", 6, 2, 150);
        Assert.StartsWith("RTE: b is better than a by 15.0 points (95%: ", Lead());
        Assert.Contains("6 seeds, paired, 200 examples; p = ", Lead());
        Assert.DoesNotContain("two models", Lead());
        Assert.StartsWith("RTE: b is better than a", Lead(new() { Compare = ["b", "a"], Resamples = 1000 }));
        // Printed without being asked for: the conclusion, the scores, and what seeds and runs vary.
        Assert.Equal(
            ["b against a", "Scores per task", "Seeds of pre-training and runs of fine-tuning"],
            Tables().Where(table => !table.IsDetail).Select(table => table.Title)
        );
    }

    [Fact]
    public void A_mean_over_several_seeds_has_the_interval_of_the_seeds()
    {
        Seeds("a", 4, 3, 120);
        var row = Tables(new()).Single(table => table.Title == "Scores per task").Rows[0];
        var seeds = Sample.Of(61.5, 62, 61, 61.5); // right + seed % 3 + 2, of 200
        Assert.Equal(["a", "RTE", "4", "12", "61.50"], row.Take(5));
        Assert.Equal($"{seeds.Confidence95!.Value.Low:F2}", row[9]);
    }

    [Fact]
    public void Small_samples_are_not_dressed_up()
    {
        Seeds("a", 2, 1, 120);
        Seeds("b", 2, 1, 160);
        Assert.Contains("cannot be told apart by so few seeds", Lead());
        Assert.Contains("nearly worthless", Lead());
        Assert.Contains("cannot give an exact p below 0.5", Lead());
    }

    [Fact]
    public void A_single_run_has_no_interval()
    {
        Finished("a", null, 0, 120);
        Finished("b", null, 0, 150);
        Assert.StartsWith("RTE: b − a = +15.0 points (1 run, 200 examples). One run on a side has no interval", Lead());
    }

    [Fact]
    public void Runs_from_one_model_each_say_nothing_of_another_pre_training()
    {
        for (int run = 0; run < 4; run++)
        {
            Finished("a", "1", run, 120 + run);
            Finished("b", "1", run, 150 - run);
        }
        Assert.Contains("4 runs, paired", Lead());
        Assert.Contains("This holds for these two models (a, b)", Lead());
    }

    [Fact]
    public void Groups_without_a_common_seed_are_not_paired()
    {
        Finished("a", "1", 0, 120);
        Finished("a", "2", 1, 121);
        Finished("b", "3", 0, 120);
        Finished("b", "4", 1, 121);
        Assert.Equal(
            "a and b have no seed of pre-training in common on rte: 1, 2 against 3, 4. test=welch compares them all the same",
            Refused(new() { Compare = ["a", "b"], Test = ComparisonTest.Paired })
        );
        Finished("b", "2", 2, 125);
        var lead = Lead(new() { Compare = ["a", "b"], Test = ComparisonTest.Paired });
        Assert.Contains("(1 seed, paired, 200 examples). One seed on a side has no interval", lead);
        Assert.Contains("Left out of the pairs: seed 3 of b.", lead);
    }

    [Fact]
    public void Other_development_sets_are_refused()
    {
        Finished("a", null, 0, 120);
        Finished("b", null, 0, 120, rows: 190);
        Assert.Contains("has 190 rows of dev, and ", Refused());
        Assert.Contains("glue/a_rte_0/dev_predictions.tsv 200 of dev", Refused());
        Finished("b", null, 0, 120, label0: "yes");
        Assert.Contains("b_rte_0/dev_predictions.tsv, row 0: the label is yes, and in ", Refused());
    }

    [Fact]
    public void Without_predictions_the_interval_is_that_of_the_runs()
    {
        for (int run = 0; run < 4; run++)
        {
            Finished("a", null, run, 120 + run * run);
            Finished("b", null, run, 150 - run, keepsPredictions: run != 2);
        }
        Assert.Contains("b is better than a", Lead());
        Assert.DoesNotContain("examples;", Lead());
        Assert.Contains("The interval counts no development examples: ", Lead());
        Assert.Contains("b_rte_2 holds no dev_predictions.tsv.", Lead());
        File.WriteAllText(folder.File("glue/b_rte_2/dev_predictions.conll"), "");
        Assert.Contains("dev_predictions.tsv, but dev_predictions.conll; examples are drawn where each has one class", Lead());
    }

    [Fact]
    public void A_damaged_file_of_predictions_is_named_with_its_line()
    {
        Finished("a", null, 0, 120);
        Finished("b", null, 0, 120);
        var file = folder.File("glue/b_rte_0/dev_predictions.tsv");
        string[] lines = File.ReadAllLines(file);
        lines[7] = lines[7].Replace("yes", "maybe").Replace("no", "maybe");
        File.WriteAllLines(file, lines);
        Assert.EndsWith("dev_predictions.tsv:8: there is no class \"maybe\"; there are no, yes", Refused());
    }

    [Fact]
    public void Failed_runs_are_counted_named_and_shown_with_and_without()
    {
        for (int run = 0; run < 4; run++)
            Finished("a", "3", run, run == 2 ? 100 : 150);
        var failed = Tables(new()).Single(table => table.Title == "Failed runs");
        Assert.Equal(
            ["a", "RTE", "1 of 4", "50.00", "68.75", "12.50", "75.00", "0.00", "run 2"],
            Assert.Single(failed.Rows)
        );
        Assert.Contains("Among them are runs that are not above always answering the commonest class: 1 of 4 of a on RTE.", Lead(new()));
        // Of several seeds each is named; where all have failed there is nothing to name.
        for (int run = 4; run < 8; run++)
            Finished("a", "4", run, run < 6 ? 100 : 150);
        Finished("b", "3", 0, 90);
        Assert.Equal(
            ["seed 3: run 2; seed 4: runs 4, 5", "all"],
            Tables(new()).Single(table => table.Title == "Failed runs").Rows.Select(row => row[^1])
        );
        Assert.Contains("class: 3 of 8 of a on RTE, 1 of 1 of b on RTE.", Lead());
    }

    [Fact]
    public void Groups_that_are_not_compared_have_a_sentence_each()
    {
        Seeds("a", 3, 2, 120);
        Finished("b", null, 0, 130);
        Finished("c", null, 0, 130);
        Finished("c", null, 1, 134);
        Assert.Equal(
            [
                "a: RTE 61.0 ± 0.5 (95%: 59.76 to 62.24; 3 seeds, 6 runs).",
                "b: RTE 65.0 (1 run: no interval).",
                "c: RTE 66.0 ± 1.41 (95%: 53.29 to 78.71; 2 runs).",
                "Two of the groups are compared by compare=[a, b].",
            ],
            Tables(new())[0].Notes
        );
    }

    [Theory]
    [InlineData("accuracy", 0.6)]
    [InlineData("f1", 0.75)]
    [InlineData("mcc", 0.0)]
    [InlineData("spearman", 0.0)]
    public void The_score_of_a_constant_answer_depends_on_the_metric(string metric, double expected) =>
        Assert.Equal(expected, FailedRuns.OfConstant(metric, [1, 1, 1, 0, 0])!.Value, 1e-12);

    [Fact]
    public void A_file_of_scores_keeps_the_seeds_of_pre_training()
    {
        Seeds("a", 3, 2, 120);
        var scores = ScoreSet.Read<FinetuneConfig>([folder.File("glue")]);
        File.WriteAllText(folder.File("scores.csv"), ScoreCsv.Write(scores));
        var again = ScoreSet.Read<FinetuneConfig>([folder.File("scores.csv")]);
        Assert.Equal(scores.All.Select(score => score.PretrainSeed), again.All.Select(score => score.PretrainSeed));
        Assert.Equal(3, SeedRuns.Of(again.Of("a", "rte")).Count);
    }
}
