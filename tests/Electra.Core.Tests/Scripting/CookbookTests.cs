using System.Globalization;

namespace Electra.Tests.Scripting;

/// <summary>A tiny experiment, pre-trained once for all tests of the cookbook.</summary>
public sealed class CookbookRuns : IAsyncLifetime
{
    internal TinyPretraining Tiny { get; } = new();

    public async ValueTask InitializeAsync() => await Tiny.Done("training.steps=100", "checkpoints.every=0");

    public ValueTask DisposeAsync()
    {
        Tiny.Dispose();
        return ValueTask.CompletedTask;
    }
}

/// <summary>Every entry of scripts/README.md is run as it stands there.</summary>
public sealed class CookbookTests(CookbookRuns runs) : IClassFixture<CookbookRuns>
{
    private const string OwnHead = "A head of your own with its loss: sentence order",
        Grid = "A grid of learning rates and seeds, as a table",
        OwnMetric = "A metric of your own at every evaluation",
        LabelSmoothing = "Fine-tuning with label smoothing";

    private readonly TinyPretraining tiny = runs.Tiny;

    public static TheoryData<string> Edits =>
        [.. CookbookEntry.All.Where(entry => entry.Script == "scripts/pretrain.csx").Select(entry => entry.Title)];

    public static TheoryData<string> OwnScripts => [.. CookbookEntry.All.Where(entry => entry.Script is null).Select(entry => entry.Title)];

    [Fact]
    public void There_are_a_dozen_entries_each_a_few_lines()
    {
        Assert.True(CookbookEntry.All.Count >= 12);
        Assert.All(
            CookbookEntry.All,
            entry =>
                Assert.True(
                    (entry.Script is null ? entry.Lines.Length : entry.Changes) < (entry.Title == OwnHead ? 25 : 12),
                    $"{entry.Title}: {entry.Changes}"
                )
        );
    }

    [Theory]
    [MemberData(nameof(Edits))]
    public async Task An_edit_of_pre_training_runs(string title)
    {
        var name = Name(title);
        var run = (await Pretrain(title, name)).Succeeded();
        if (title == Grid)
        {
            var table = run.Lines.SkipWhile(line => !line.StartsWith("learning rate", StringComparison.Ordinal)).Skip(1).ToList();
            Assert.Equal(6, table.Count);
            Assert.DoesNotContain("step ", run.Output);
            Assert.All(
                new[] { "0.0005_1", "0.001_2", "0.002_2_100" },
                made => Assert.True(Directory.Exists(tiny.File($"runs/{name}-{made}")))
            );
            return;
        }
        Assert.True(double.IsFinite(Last(name, "loss")));
        if (title == OwnHead)
            Assert.InRange(Last(name, "sentence_order_loss"), 0.2, 2);
        if (title == OwnMetric)
            Assert.InRange(Last(name, "held_out/auc_of_likely_tokens"), 0, 1);
    }

    [Fact, Trait("Category", "Long")]
    public async Task A_head_of_ones_own_is_resumed_with_its_model()
    {
        const string Steps = "training.steps=400", Every = "checkpoints.every=0"; // many more than a third of a second allows
        (await Pretrain(OwnHead, "whole", Steps, Every)).Succeeded();
        (await Pretrain(OwnHead, "stopped", Steps, Every, "training.max_minutes=0.005")).Succeeded();
        (await Pretrain(OwnHead, "stopped", Steps, Every)).Succeeded().Said("Resuming from step");
        foreach (var metric in new[] { "sentence_order_loss", "loss" })
            Assert.Equal(Last("whole", metric), Last("stopped", metric));
    }

    [Fact]
    public async Task An_edit_of_fine_tuning_runs()
    {
        using var own = new TinyFinetuning();
        File.WriteAllText(own.File("mine.csx"), Entry(LabelSmoothing).Text());
        (await ScriptRunner.Run(own.Folder, "mine.csx", "--", own.Config, "tasks=[colour]", "runs=0")).Succeeded();
    }

    [Theory]
    [MemberData(nameof(OwnScripts))]
    public async Task A_script_that_asks_a_trained_model_runs(string title)
    {
        var entry = Entry(title);
        Assert.Equal(
            2,
            entry.Lines.Count(line =>
                line.StartsWith("using ", StringComparison.Ordinal) || line.StartsWith("var ", StringComparison.Ordinal)
            )
        );
        File.WriteAllText(
            tiny.File($"{Name(title)}.csx"),
            entry.Text()
                .Replace("checkpoints/pretrain/demo_36_100", tiny.File("runs/tiny_11081_100"))
                .Replace("checkpoints/glue/demo_docs-kind_0", TestData.Fixture("golden/r_tiny_multilabel"))
                .Replace("checkpoints/glue/demo_docs-names_0", TestData.Fixture("golden/t_tiny_model"))
                .Replace("checkpoints/glue/demo_docs-answers_0", TestData.Fixture("golden/q_tiny_model"))
        );
        var run = (await ScriptRunner.Run(tiny.Folder, $"{Name(title)}.csx")).Succeeded();
        if (title.Contains("five best"))
            Assert.Equal(5, run.Lines.Length);
        if (title.Contains("similarity"))
            Assert.InRange(double.Parse(run.Lines[0], CultureInfo.InvariantCulture), -1, 1);
    }

    /// <summary>In a folder of the checkout, whose build settings hold for it as they would in scripts/.</summary>
    [Fact, Trait("Category", "Long")]
    public async Task The_file_based_app_runs_as_it_stands()
    {
        var sdk = await new RunningScript("dotnet", ["--version"], TestData.Repository).Finish();
        Assert.SkipUnless(int.Parse(sdk.Output.Split('.')[0], CultureInfo.InvariantCulture) >= 10, $"needs .NET 10's SDK: {sdk.Output}");
        var app = Path.Combine(AppContext.BaseDirectory, "app", "suspects.cs");
        Directory.CreateDirectory(Path.GetDirectoryName(app)!);
        var text = CookbookEntry.FileBasedApp.Text().Replace("checkpoints/pretrain/demo_36_100", tiny.File("runs/tiny_11081_100"));
        File.WriteAllText(app, text);

        var run = (await new RunningScript("dotnet", ["run", "-c", "Release", app], TestData.Repository).Finish()).Succeeded();
        Assert.All(run.Lines, line => Assert.Matches(@"^\S+: \d+\s?%$", line));
    }

    [Fact]
    public async Task Sentences_from_a_pipe_are_answered_line_by_line()
    {
        using var run = ScriptRunner.Start(
            tiny.Folder,
            ScriptRunner.Kit("try.csx"),
            "--",
            tiny.File("runs/tiny_11081_100"),
            "best=2",
            "threshold=0"
        );
        await run.Type("The old [MASK] sees the river.\n\nThe Cat sees\n");
        run.EndInput();
        var done = await run.Finish();
        Assert.Equal((0, 2), (done.ExitCode, done.Lines.Length));
        Assert.Matches(@"^The old \{\[MASK\] → \S+ \d+%, \S+ \d+%\} sees the river\.$", done.Lines[0]);
        Assert.Matches(@"\{Cat\? \d+% → ", done.Lines[1]);
    }

    private static CookbookEntry Entry(string title) => CookbookEntry.All.Single(entry => entry.Title == title);

    private static string Name(string title) => string.Concat(title.ToLowerInvariant().Where(char.IsAsciiLetter));

    private Task<ScriptResult> Pretrain(string title, string name, params string[] words)
    {
        File.WriteAllText(tiny.File($"{name}.csx"), Entry(title).Text());
        return ScriptRunner.Run(tiny.Folder, [$"{name}.csx", "--", tiny.Config, $"name={name}", .. words]);
    }

    private double Last(string name, string metric) => RunFolders.Values(tiny.Of(name), metric)[^1];
}
