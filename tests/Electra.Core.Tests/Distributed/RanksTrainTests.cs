namespace Electra.Tests.Distributed;

/// <summary>
/// scripts/pretrain.csx on ranks of Open MPI: what it learns is what one process learns, and how it ends is one end of all.
/// </summary>
public sealed class RanksTrainTests(RanksTrainTests.OneRank one) : IClassFixture<RanksTrainTests.OneRank>
{
    private const int Steps = 12;

    /// <summary>A run of one process, and the others of its data beside it.</summary>
    public sealed class OneRank : IDisposable
    {
        private readonly Lazy<Task> whole;

        public OneRank() => whole = new(async () => (await Tiny.Run(Words("one"))).Succeeded());

        internal TinyPretraining Tiny { get; } = new();

        public Task Ready() => whole.Value;

        public void Dispose() => Tiny.Dispose();
    }

    private static string[] Words(string name, params string[] more) =>
        [$"name={name}", "training.precision=float32", $"training.steps={Steps}", "evaluation.every=6", "evaluation.examples=64", .. more];

    private RunningScript Start(int ranks, string name, params string[] more) =>
        OpenMpi.StartScript(ranks, one.Tiny.Folder, [one.Tiny.Script, "--", one.Tiny.Config, .. Words(name, more)]);

    private Task<ScriptResult> Run(int ranks, string name, params string[] more) => Start(ranks, name, more).Finish();

    private string State(string name, int step) => one.Tiny.Of(name, $"states/step_{step}/tensors.safetensors");

    private void AssertLearnedAlike(string name, double tolerance = 1e-6)
    {
        string[] metrics = ["loss", "generator_loss", "discriminator_loss", "held_out/loss", "held_out/auc", "held_out/token_auc"];
        foreach (var metric in metrics)
        {
            var (expected, actual) = (RunFolders.Values(one.Tiny.Of("one"), metric), RunFolders.Values(one.Tiny.Of(name), metric));
            Assert.Equal(expected.Length, actual.Length);
            Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, tolerance * Math.Abs(pair.First)));
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Losses_and_held_out_scores_are_those_of_one_rank(int ranks)
    {
        OpenMpi.Require();
        await one.Ready();
        var result = (await Run(ranks, $"ranks{ranks}")).Succeeded().Said($"{ranks} ranks, connected by Open MPI");
        AssertLearnedAlike($"ranks{ranks}");
        // Rank 0 alone says what all would.
        Assert.Single(result.Lines, line => line.StartsWith("step         1 ", StringComparison.Ordinal));
        Assert.Single(result.Lines, line => line.StartsWith("corpus ", StringComparison.Ordinal));
        Assert.Equal(Files("one"), Files($"ranks{ranks}"));
    }

    /// <summary>What a run left, but for TensorBoard's files, whose names have the time.</summary>
    private IEnumerable<string> Files(string name) =>
        Directory
            .GetFiles(one.Tiny.Of(name), "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(one.Tiny.Of(name), file))
            .Where(file => !Path.GetFileName(file).StartsWith("events.", StringComparison.Ordinal))
            .Order();

    [Fact, Trait("Category", "Long")]
    public async Task Two_ranks_are_the_same_twice_and_resume_to_the_same_end_and_others_to_rounding()
    {
        OpenMpi.Require();
        await one.Ready();
        (await Run(2, "again1")).Succeeded();
        (await Run(2, "again2")).Succeeded();
        RunFolders.AssertSameBytes(State("again1", Steps), State("again2", Steps));
        foreach (var (name, ranks) in new[] { ("to2", 2), ("to1", 0), ("to4", 4) })
        {
            var stopped = Start(2, name, "checkpoints.every=1");
            await stopped.WaitForLine("step         5 ");
            stopped.Send("USR1"); // mpirun hands it to every rank
            (await stopped.Finish()).Ended(75).Said("Stopped as asked", "The same command resumes from here");
            const string Every = "checkpoints.every=1";
            var resumed = ranks == 0 ? await one.Tiny.Run(Words(name, Every)) : await Run(ranks, name, Every);
            resumed.Succeeded().Said("Resuming from step");
            if (ranks == 2)
                RunFolders.AssertSameBytes(State("again1", Steps), State(name, Steps));
            AssertLearnedAlike(name);
        }
    }

    [Theory, Trait("Category", "Long")]
    [InlineData("USR1", 75)]
    [InlineData("TERM", 143)]
    public async Task A_signal_to_one_rank_stops_all_at_one_step(string signal, int code)
    {
        using var run = await Training($"one{signal}", 2, "checkpoints.every=0");
        Command.Send(signal, ProcessOf(run, rank: 1));
        (await run.Finish()).Ended(code).Said("another rank was told to stop", "Stopped as asked");
        Assert.Single(Directory.GetDirectories(one.Tiny.Of($"one{signal}", "states")));
    }

    [Fact, Trait("Category", "Long")]
    public async Task A_rank_that_is_killed_ends_all_and_the_run_goes_on_from_its_last_state()
    {
        using var run = await Training("killed", 2, "checkpoints.every=1");
        Command.Send("KILL", ProcessOf(run, rank: 1));
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var result = await run.Finish();
        Assert.NotEqual(0, result.ExitCode);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 30);
        var resumed = await one.Tiny.Run(
            Words("killed", "training.steps=100000", "checkpoints.percents=[100]", "evaluation.every=0", "training.max_minutes=0.01")
        );
        resumed.Succeeded().Said("Resuming from step");
    }

    [Fact, Trait("Category", "Long")]
    public async Task A_rank_that_hangs_is_noticed_by_the_others()
    {
        using var run = await Training("hangs", 2, "compute.timeout_minutes=0.5"); // which bounds the start as well
        int other = ProcessOf(run, rank: 1);
        Command.Send("STOP", other);
        try
        {
            var result = await run.Finish();
            Assert.NotEqual(0, result.ExitCode);
            Assert.Contains("error: rank 0 of 2 on", result.Error + result.Output);
            Assert.Contains("has waited 30 seconds for the others", result.Error + result.Output);
        }
        finally
        {
            Command.Send("KILL", other);
        }
    }

    [Fact]
    public async Task Ranks_that_were_asked_for_different_runs_end_with_the_keys_that_differ()
    {
        OpenMpi.Require();
        string[] program = ["dotnet", ScriptRunner.Assembly, "--cache-path", ScriptRunner.KitCache, one.Tiny.Script, "--", one.Tiny.Config];
        using var run = OpenMpi.Start(
            1,
            one.Tiny.Folder.Path,
            [.. program, .. Words("unequal"), ":", "-np", "1", .. program, .. Words("unequal", "training.learning_rate=0.5")]
        );
        var result = await run.Finish();
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("rank 1 of 2 on", result.Error);
        Assert.Contains("training.learning_rate is 0.5, and 0.001 on rank 0", result.Error);
        Assert.DoesNotContain("   at ", result.Error);
        Assert.DoesNotContain("MPI_ABORT", result.Error);
    }

    /// <summary>As on two machines: each rank has a home and a working directory of its own.</summary>
    private RunningScript StartOnTwoMachines(params string[] words)
    {
        string[] Program(string machine) =>
        [
            "env",
            $"HOME={one.Tiny.File(machine)}",
            "dotnet",
            ScriptRunner.Assembly,
            "--cache-path",
            ScriptRunner.KitCache,
            one.Tiny.Script,
            "--",
            one.Tiny.Config,
            "corpus=text.txt",
            $"datasets={one.Tiny.File($"{machine}/datasets")}",
            .. words,
        ];
        string[] second = [":", "--wdir", one.Tiny.File("second"), "-np", "1", .. Program("second")];
        return OpenMpi.Start(1, one.Tiny.Folder.Path, [.. Program("first"), .. second], "--wdir", one.Tiny.File("first"));
    }

    private void GiveText(string machine, string text)
    {
        Directory.CreateDirectory(one.Tiny.File(machine));
        File.WriteAllText(one.Tiny.File($"{machine}/text.txt"), text);
    }

    [Fact]
    public async Task Ranks_that_have_different_text_end_with_what_differs()
    {
        OpenMpi.Require();
        var text = File.ReadAllText(one.Tiny.File("text.txt"));
        GiveText("first", text);
        GiveText("second", text.Replace("small", "tiny", StringComparison.Ordinal));
        var result = await StartOnTwoMachines(Words("texts")).Finish();
        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"rank 1 of 2 on {Environment.MachineName}: error: all ranks of a run must learn from the same text", result.Error);
        Assert.Contains("text is ", result.Error);
        Assert.Contains("tokenizer is ", result.Error);
        Assert.DoesNotContain("   at ", result.Error);
        Assert.False(File.Exists(one.Tiny.Of("texts", "metrics.jsonl")));
    }

    [Fact, Trait("Category", "Long")]
    public async Task Other_machines_need_not_see_the_folder_of_the_run()
    {
        OpenMpi.Require();
        foreach (var machine in new[] { "first", "second" })
            GiveText(machine, File.ReadAllText(one.Tiny.File("text.txt")));
        string[] words = Words("apart", "checkpoints.folder=~/runs");
        (await StartOnTwoMachines(words).Finish()).Succeeded();
        Assert.False(Directory.Exists(one.Tiny.File("second/runs")));
        (await StartOnTwoMachines(words).Finish()).Succeeded().Said("This run is complete");
        Directory.Delete(one.Tiny.File("first/runs/apart_11081/states"), recursive: true);
        (await StartOnTwoMachines(words).Finish()).Succeeded().Said("it is measured by its model");
        Assert.False(Directory.Exists(one.Tiny.File("second/runs")));
    }

    [Fact]
    public async Task A_rank_whose_others_never_start_says_so_and_ends()
    {
        OpenMpi.Require();
        string[] program = ["dotnet", ScriptRunner.Assembly, "--cache-path", ScriptRunner.KitCache, one.Tiny.Script, "--", one.Tiny.Config];
        string[] other = [":", "-np", "1", "sleep", "600"];
        var result = await OpenMpi
            .Start(1, one.Tiny.Folder.Path, [.. program, .. Words("alone", "compute.timeout_minutes=0.05"), .. other])
            .Finish();
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("has waited 3 seconds for the others (start)", result.Error + result.Output);
    }

    [Fact]
    public async Task What_all_ranks_fail_for_is_said_once()
    {
        OpenMpi.Require();
        var result = await Run(2, "few", "training.batch_size=1");
        Assert.Equal(1, result.ExitCode);
        Assert.Single(result.Error.Split('\n'), line => line.Contains("one of 1 has too few rows for 2 ranks"));
        Assert.DoesNotContain("MPI_ABORT", result.Error);
    }

    private async Task<RunningScript> Training(string name, int ranks, params string[] more)
    {
        OpenMpi.Require();
        var run = Start(ranks, name, ["training.steps=100000", "checkpoints.percents=[100]", "evaluation.every=0", .. more]);
        await run.WaitForLine("step         5 ");
        return run;
    }

    /// <summary>The process of a rank that mpirun started.</summary>
    private static int ProcessOf(RunningScript mpirun, int rank) =>
        Directory
            .GetDirectories("/proc")
            .Select(Path.GetFileName)
            .Where(name => name!.All(char.IsAsciiDigit))
            .Select(name => int.Parse(name!, System.Globalization.CultureInfo.InvariantCulture))
            .First(process =>
                Says(process, "status", $"\nPPid:\t{mpirun.Id}\n") && Says(process, "environ", $"\0OMPI_COMM_WORLD_RANK={rank}\0"));

    private static bool Says(int process, string file, string text)
    {
        try
        {
            return $"\0{File.ReadAllText($"/proc/{process}/{file}")}".Contains(text, StringComparison.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
