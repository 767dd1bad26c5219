using Electra.Statistics;
using SkiaSharp;

namespace Electra.Tests.Statistics;

public sealed class ScoreTablesTests
{
    private const string Glue = "cola sst2 mrpc stsb qqp mnli qnli rte";

    /// <summary>
    /// Runs whose mean is <paramref name="mean"/> and whose deviation is <paramref name="deviation"/>: mean − deviation, mean, mean +
    /// deviation.
    /// </summary>
    private static IEnumerable<Score> Runs(string group, string task, double mean, double deviation) =>
        Enumerable.Range(0, 3).Select(run => new Score(group, task, run, mean + (run - 1) * deviation));

    private static ScoreSet Set(params IEnumerable<Score>[] scores)
    {
        List<Score> all = [.. scores.SelectMany(s => s)];
        return new ScoreSet([.. all.Select(s => s.Group).Distinct()], all, []);
    }

    private static ScoreSet Whole(string group, double shift = 0) =>
        Set([.. Glue.Split(' ').Select((task, i) => Runs(group, task, 60 + i + shift, 0.5 + i / 10.0))]);

    [Fact]
    public void Each_task_shows_the_numbers_that_its_runs_were_made_with()
    {
        var table = ScoreTables.PerTask(Set(Runs("small", "rte", 67.46, 1.93)));
        Assert.Equal(["small", "RTE", "3", "67.46", "1.93", "69.39", "65.53", "67.46"], table.Rows.Single().Take(8));
        Assert.Equal("67.46", table.Rows.Single()[^1]);
    }

    [Fact]
    public void The_two_aggregations_are_kept_apart_and_named()
    {
        var table = ScoreTables.Averages(Whole("small"));
        Assert.Equal(["Model", "Tasks", "Runs a task", "Mean of runs", "Best of n per task"], table.Header);
        // Means 60 … 67; the best runs are 0.5 … 1.2 above them.
        Assert.Equal(["small", "8", "3", "63.50", "64.35"], table.Rows.Single());
    }

    [Fact]
    public void Table_1_has_the_originals_columns_and_the_published_rows_first()
    {
        var lines = OriginalTables.Table1(Whole("mine")).Markdown().Split('\n');
        Assert.Equal("|Model|CoLA|SST|MRPC|STS|QQP|MNLI|QNLI|RTE|Avg. of Avg.|", lines[2]);
        Assert.Equal("|ELECTRA-Small-OWT|56.8|88.3|87.4|86.8|88.3|78.9|87.9|68.5|80.36|", lines[4]);
        Assert.Equal("|ELECTRA-Small-OWT (electra_pytorch)|58.72|88.03|86.04|86.16|88.63|80.4|87.45|67.46|80.36|", lines[5]);
        Assert.Equal("|mine|60.00|61.00|62.00|63.00|64.00|65.00|66.00|67.00|63.50|", lines[6]);
    }

    [Fact]
    public void Table_4_is_over_models_each_with_the_best_of_its_runs()
    {
        // Best of runs: 64.35, 65.35 and 66.35.
        var table = OriginalTables.Table4(new ScoreSet(["a", "b", "c", "other"],
            [.. Whole("a").All, .. Whole("b", 1).All, .. Whole("c", 2).All, .. Runs("other", "rte", 60, 1)], []));
        Assert.Equal(["Model", "Mean", "Std", "Max", "Min", "#models"], table.Header);
        Assert.Equal(["81.38", "0.57", "82.23", "80.42", "14"], table.Rows[0].Skip(1));
        Assert.Equal(["3 groups", "65.35", "1.00", "66.35", "64.35", "3"], table.Rows[1]);
        Assert.Contains("Left out, for their tasks are others: other", table.Notes.Single());
    }

    [Fact]
    public void Table_5_has_the_originals_layout()
    {
        var lines = OriginalTables.Table5(Whole("mine")).Markdown().Split('\n');
        Assert.Equal("|Model|CoLA|SST|MRPC|STS|QQP|MNLI|QNLI|RTE|", lines[2]);
        Assert.Equal("|---|---|---|---|---|---|---|---|---|", lines[3]);
        Assert.Equal("|ELECTRA-Small-OWT (electra_pytorch)|1.30|0.49|0.7|0.29|0.1|0.15|0.33|1.93|", lines[4]);
        Assert.Equal("|mine|0.50|0.60|0.70|0.80|0.90|1.00|1.10|1.20|", lines[5]);
    }

    [Fact]
    public void Tasks_of_ones_own_follow_glues_and_leave_its_average_alone()
    {
        var mixed = Set(Runs("a", "sentiment", 90, 1), Runs("a", "rte", 60, 1), Runs("a", "wnli", 50, 1), Runs("b", "sentiment", 91, 1));
        var table = OriginalTables.Table1(mixed);
        Assert.Equal("RTE WNLI sentiment".Split(' '), table.Header.SkipLast(1).TakeLast(3));
        Assert.Equal(["", "60.00", "50.00", "90.00", "60.00 (1 task)"], table.Rows[2].TakeLast(5));
        Assert.Equal(["", "", "", "91.00", "91.00 (1 task)"], table.Rows[3].TakeLast(5));
    }

    [Fact]
    public void Two_groups_are_compared_task_by_task_and_corrected_together()
    {
        var table = ScoreTables.Compared(
            new ScoreSet(["a", "b"], [.. Whole("a").All, .. Whole("b", 2).All.Where(s => s.Run < 2)], []),
            "a",
            "b"
        );
        Assert.Equal("b against a", table.Title);
        Assert.Equal(9, table.Rows.Count);
        Assert.Equal(["CoLA", "Welch", "3, 2", "60.00", "61.75", "+1.75"], table.Rows[0].Take(6));
        Assert.Equal("average", table.Rows[^1][0]);
        Assert.Contains("p (Holm)", table.Header);
        Assert.Contains("34%", table.Notes.Single());
        Assert.Contains(
            "did you mean b?",
            Assert
                .Throws<UserErrorException>(() => ScoreTables.Compared(Set(Runs("a", "rte", 1, 1), Runs("b", "rte", 1, 1)), "a", "bb"))
                .Message
        );
        Assert.Contains(
            "no task in common: RTE against CoLA",
            Assert
                .Throws<UserErrorException>(() => ScoreTables.Compared(Set(Runs("a", "rte", 1, 1), Runs("b", "cola", 1, 1)), "a", "b"))
                .Message
        );
    }

    [Fact]
    public void The_picture_has_a_panel_for_each_task_and_a_colour_for_each_group()
    {
        using var folder = TestData.Temporary();
        ScorePlot.Draw(
            new ScoreSet(["a", "b"], [.. Whole("a").All, .. Whole("b", 1).All, new Score("b", "mine", 0, 50)], []),
            folder.File("scores.png")
        );

        using var picture = SKBitmap.Decode(folder.File("scores.png"));
        Assert.Equal(4 * 420, picture.Width);
        var colors = picture.Pixels.GroupBy(p => p).ToDictionary(p => p.Key, p => p.Count());
        Assert.All(new[] { "#0072B2", "#D55E00", "#333333" }, color => Assert.True(colors[SKColor.Parse(color)] > 500, color));
    }

    [Fact]
    public void The_best_of_n_is_drawn_and_written_over_n()
    {
        using var folder = TestData.Temporary();
        var scores = new ScoreSet(["one", "a", "b"], [new Score("one", "rte", 0, 55), .. Whole("a").All, .. Whole("b", 1).All], []);
        var curves = BestOfCurves.Of(scores);
        Assert.Equal(16, curves.Count); // a single run has no curve
        // Of 66.4, 67 and 67.6... the best of one is the mean, of all three the largest.
        var rte = curves.Single(curve => (curve.Group, curve.Task) == ("a", "rte"));
        Assert.Equal([1, 2, 3], rte.Points.Select(point => point.N));
        Assert.Equal(67, rte.Points[0].Unbiased, 1e-9);
        Assert.Equal(68.2, rte.Points[2].Unbiased, 1e-9);
        Assert.True(rte.Points[2].PlugIn < 68.2);

        var lines = BestOfCurves.Csv(curves).Split('\n');
        Assert.Equal("model,task,n,unbiased,plug_in,std", lines[0]);
        Assert.Equal(16 * 3, lines.Length - 2);
        Assert.StartsWith("a,cola,1,60,60,", lines[1]);

        BestOfCurves.Draw(curves, scores.Groups, folder.File("best_of_n.png"));
        using var picture = SKBitmap.Decode(folder.File("best_of_n.png"));
        Assert.Equal(4 * 420, picture.Width);
        // The colours of the groups in every picture: of the second and the third.
        var colors = picture.Pixels.GroupBy(p => p).ToDictionary(p => p.Key, p => p.Count());
        Assert.All(new[] { "#D55E00", "#009E73" }, color => Assert.True(colors[SKColor.Parse(color)] > 500, color));
        Assert.DoesNotContain(SKColor.Parse("#0072B2"), colors.Keys);
    }

    [Theory]
    [InlineData(1, "with 1 run a task.")]
    [InlineData(3, "with 3 runs a task.")]
    public void The_runs_of_a_task_are_counted_in_words(int runs, string said) =>
        Assert.Contains(said, OriginalTables.Table4(Set(Runs("a", "rte", 60, 1).Take(runs))).Notes.Single());

    [Theory]
    [InlineData(99.5, 0.5, 0, 100)]
    [InlineData(0.4, 0.4, 0, 100)]
    [InlineData(100, 0, 0, 100)]
    [InlineData(-99.5, 0.5, -100, 100)]
    public void No_score_is_drawn_at_a_tick_that_a_score_cannot_have(double mean, double deviation, double lowest, double highest)
    {
        using var plot = ScorePlot.Panel(Set(Runs("a", "mine", mean, deviation)), "mine", 420);
        plot.RenderInMemory(420, 380);
        var ticks = plot.Axes.Left.TickGenerator.Ticks;
        Assert.NotEmpty(ticks);
        Assert.All(ticks, tick => Assert.InRange(tick.Position, lowest, highest));
        // What is drawn has room all the same.
        var limits = plot.Axes.GetLimits();
        Assert.True(limits.Bottom < mean - deviation && limits.Top > mean + deviation);
    }

    [Fact]
    public void A_title_that_is_too_long_is_drawn_smaller()
    {
        using var font = new SKFont(SKTypeface.Default, 30);
        var size = Electra.Running.Figure.Fitting(font, new string('m', 100), 500);
        font.Size = size;
        Assert.InRange(font.MeasureText(new string('m', 100)), 450, 501);
        Assert.Equal(size, Electra.Running.Figure.Fitting(font, "m", 500));
    }
}
