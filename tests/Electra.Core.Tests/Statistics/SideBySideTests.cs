using Electra.Configuration;
using Electra.Finetuning;
using Electra.Pretraining;
using Electra.Running;
using Electra.Statistics;

namespace Electra.Tests.Statistics;

public sealed class SideBySideTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    private void Pretrained(string name, int seed, double auc, string measuredWith, double? flops = 1.25e13)
    {
        var path = Directory.CreateDirectory(folder.File($"pretrain/{name}_{seed}")).FullName;
        File.WriteAllText(Path.Combine(path, "config.yaml"), Config.ResolvedYaml(new PretrainConfig { Name = name, Seed = seed }));
        new PretrainResult
        {
            Name = name,
            Seed = seed,
            Updates = 100,
            Scores = new Dictionary<string, double> { ["auc"] = auc, ["masked_accuracy"] = 0.25, ["recall"] = 0.5 },
            MeasuredWith = measuredWith,
            Flops = flops,
        }.Save(path);
    }

    private PretrainSet Pretraining(params string[] groups) => PretrainSet.Read<PretrainConfig>([folder.File("pretrain")], groups);

    private static ScoreSet Scores(params IEnumerable<(string Group, string Task, int Seed, double Value)> scores) =>
        ScoreSet.Of([.. scores.Select(s => new Score(s.Group, s.Task, 0, s.Value, s.Seed, $"{s.Seed}"))], []);

    [Fact]
    public void A_group_has_a_row_with_its_figures_and_the_scores_of_what_was_fine_tuned_from_it()
    {
        foreach (var seed in new[] { 1, 2, 3 })
            Pretrained("demo", seed, 0.8 + 0.01 * seed, "own generator, 15% masked");
        var scores = Scores(("demo", "rte", 1, 60), ("demo", "rte", 2, 62), ("demo", "rte", 3, 64), ("scratch", "rte", 1, 55));
        var table = SideBySide.Table(Pretraining(), scores);
        Assert.Equal(["Model", "Seeds", "FLOPs", "AUC", "masked-token accuracy", "RTE"], table.Header);
        Assert.Equal(["demo", "3", "1.3e+13", "0.820 ± 0.010", "0.250 ± 0.000", "62.0 ± 2.0"], table.Rows[0]);
        Assert.Equal(["scratch", "–", "–", "–", "–", "55.0"], table.Rows[1]);
        Assert.Contains("Measured: demo with own generator, 15% masked.", table.Notes);
    }

    [Fact]
    public void Figures_of_other_measures_say_so_and_seeds_that_were_measured_in_different_ways_have_no_mean()
    {
        Pretrained("demo", 1, 0.8, "own generator, 15% masked");
        Pretrained("demo", 2, 0.9, "own generator, 25% masked");
        Pretrained("other", 1, 0.7, "generator of judge, 15% masked", flops: null);
        var table = SideBySide.Table(Pretraining("other", "demo"), Scores());
        Assert.Equal(["other", "1", "–", "0.700", "0.250", "generator of judge, 15% masked"], table.Rows[0]);
        Assert.Equal(
            ["demo", "2", "1.3e+13", "–", "–", "own generator, 15% masked (seed 1); own generator, 25% masked (seed 2)"],
            table.Rows[1]
        );
        Assert.Contains("only those that were measured with the same compare", table.Notes[1]);
    }

    [Fact]
    public void Folders_of_both_kinds_ask_for_it_and_a_comparison_of_two_is_refused()
    {
        Pretrained("demo", 1, 0.8, "own generator, 15% masked");
        var csv = folder.File("scores.csv");
        File.WriteAllText(csv, "model,task,run,score\ndemo,rte,0,60\n");
        Assert.True(SideBySide.IsAskedOf([folder.File("pretrain"), csv]));
        Assert.False(SideBySide.IsAskedOf([folder.File("pretrain")]));
        Assert.False(SideBySide.IsAskedOf([csv]));
        var config = new StatisticsConfig { Scores = [folder.File("pretrain"), csv], Out = folder.File("out") };
        var console = new StringWriter();
        SideBySide.Write<PretrainConfig, FinetuneConfig>(config, new RunConsole(console, terminal: null));
        Assert.Contains("|demo|1|1.3e+13|0.800|0.250|60.0|", File.ReadAllText(folder.File("out/side_by_side.md")));
        Assert.Contains("demo,1,1.3e+13,0.800,0.250,60.0", File.ReadAllText(folder.File("out/side_by_side.csv")));
        var refused = Assert.Throws<UserErrorException>(() =>
            SideBySide.Write<PretrainConfig, FinetuneConfig>(
                config with { Compare = ["demo", "other"] },
                new RunConsole(console, terminal: null)
            )
        );
        Assert.Contains("compare tests two groups of one kind of run", refused.Message);
    }
}
