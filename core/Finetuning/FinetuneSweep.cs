using Electra.Configuration;
using Electra.Native;
using Electra.Running;
using Electra.Statistics;
using Electra.Storage;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Finetuning;

/// <summary>
/// The runs of all candidates of a sweep, task by task, in one queue. What was found follows from the results alone: a search that was
/// stopped goes on, and several processes share it.
/// </summary>
/// <param name="run">The whole.</param>
/// <param name="experiment">Makes one run.</param>
internal sealed class FinetuneSweep(Run<FinetuneConfig> run, Func<Run<FinetuneConfig>, Task<int>> experiment) : IDisposable
{
    private readonly FinetuneConfig config = run.Config;
    private readonly RunConsole console = run.Console;
    private readonly Dictionary<string, FinetuneStart> starts = [];
    private readonly List<string> failures = [];
    private readonly Launcher? launcher = RunRanks.Spreading(run.Config.Compute);
    private readonly List<CandidateRun> wanted = [];

    /// <summary>A run of a candidate.</summary>
    private sealed record CandidateRun(SweepCandidate Candidate, FinetuneJob Job, long Updates)
    {
        public string Name => $"{Job.Name}  {Candidate.Config.Swept!.Shown}";

        public bool IsFinished() => Job.IsFinished(Candidate.Config);
    }

    /// <summary>The group of the winner on a task, that with new seeds where it was trained again; null where there is none yet.</summary>
    public static string? Winner(FinetuneConfig config, string task)
    {
        string[] made =
        [
            .. FinetuneResult
                .All(config.Folder, leftOut: _ => { })
                .Where(result => result.Task == task && result.Swept?.Sweep == config.Group)
                .Select(result => result.Group)
                .Distinct(),
        ];
        if (made.Length == 0)
            return null;
        var scores = ScoreSet.Read<FinetuneConfig>([config.Folder], made);
        return SweepTables.Ranked(scores, config.Group, task) is [var winner, ..]
            ? made.FirstOrDefault(group => group == SweepCandidate.ConfirmedGroup(winner)) ?? winner
            : null;
    }

    /// <summary>Makes the runs that are not finished, and shows all.</summary>
    /// <exception cref="UserErrorException">A run failed, or a value is not one that its key can have.</exception>
    public void Make()
    {
        if (config.Joint)
            throw new UserErrorException(
                "joint: checkpoint names several checkpoints of one pre-training, which are compared on each task on its own. Name one of "
                    + "each pre-training"
            );
        var candidates = config.Sweep.Count > 0 ? SweepCandidate.All(config) : SweepCandidate.OfMilestones(config);
        Describe(candidates);
        if (config.SweepHalving == 0)
            Work(candidates, config.Tasks, waits: config.SweepConfirm > 0);
        else
            foreach (var task in config.Tasks)
                Halve(candidates, task);
        if (config.SweepConfirm > 0 && failures.Count == 0)
            foreach (var task in config.Tasks)
                Confirm(candidates, task);
        if (launcher is not { Rank: > 0 }) // rank 0 shows what all made
            Report();
        RunQueue.Require(failures, launcher);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var start in starts.Values)
            start.Dispose();
    }

    private void Describe(IReadOnlyList<SweepCandidate> candidates)
    {
        console.Heading(config.Sweep.Count > 0 ? "Sweep" : "Checkpoints");
        console.Table([
            .. candidates[0].Config.Swept!.Values.Keys.Select(key =>
                (key, (object?)string.Join(", ", candidates.Select(one => one.Config.Swept!.Values[key]).Distinct()))
            ),
            (
                "candidates",
                $"{candidates.Count}"
                    + (config.Sweep.Count == 0 ? "" : config.SweepSamples > 0 ? ", drawn" : ", all combinations")
            ),
            ("runs of each", $"{config.Runs.Count} of {Plural.Of(config.Tasks.Count, "task")}"),
        ]);
        foreach (var candidate in candidates)
            Start(candidate);
    }

    /// <summary>Checkpoint and rows of a candidate: candidates that differ in neither share them.</summary>
    private FinetuneStart Start(SweepCandidate candidate)
    {
        var one = candidate.Config;
        string[] parts = [.. one.Checkpoint, $"{one.FromScratch}", Config.ResolvedYaml(one.Encoding), Config.ResolvedYaml(one.Data)];
        var key = string.Join('\n', parts);
        if (!starts.TryGetValue(key, out var start))
            starts[key] = start = FinetuneStart.Open(one, starts.Count == 0 ? console : console.Quiet(), run.Stopping);
        return start;
    }

    /// <summary>Makes the runs of some candidates on some tasks.</summary>
    /// <param name="candidates">The candidates.</param>
    /// <param name="tasks">The tasks.</param>
    /// <param name="waits">Whether runs that other processes make are waited for, because what is next depends on them.</param>
    private void Work(IReadOnlyList<SweepCandidate> candidates, IReadOnlyList<string> tasks, bool waits = false)
    {
        CandidateRun[] runs =
        [
            .. from candidate in candidates
            let start = Start(candidate)
            from job in FinetuneJob.All(candidate.Config, start, run.Script)
            where tasks.Contains(job.TaskNames[0])
            select new CandidateRun(candidate, job, FinetuneStart.Updates(candidate.Config, job)),
        ];
        wanted.AddRange(runs);
        failures.AddRange(Work(runs, waits));
    }

    private IReadOnlyCollection<string> Work(CandidateRun[] runs, bool waits)
    {
        var compute = Compute.Open(config.WorkerCompute, config.Training.Precision);
        int workers = FinetuneLoop.Workers(config, compute, console);
        var queue = new RunQueue(console, "fine-tuning", workers, run.Stopping)
        {
            PrepareWorker = () => set_num_threads(compute.Threads),
            HowToGoOn = FinetuneLoop.HowToGoOn(config),
            Launcher = launcher,
            MakesOver = config.Resume == ResumeMode.Never,
            AwaitsOthers = waits,
        };
        return queue.Work([
            .. runs.Select(one => new QueuedRun(one.Name, one.Job.Folder, one.Updates, one.IsFinished, progress => Make(one, progress))),
        ]);
    }

    private void Make(CandidateRun one, QueueProgress progress)
    {
        var job = one.Job;
        var alone = one.Candidate.Config with { Tasks = job.TaskNames, Runs = [job.Run], Seeds = [job.Seed] };
        experiment(run.Inner(alone, console.Quiet(one.Name), progress.Stopping, progress)).GetAwaiter().GetResult();
    }

    /// <summary>All candidates with few epochs, the best part of them with more, and the last with all.</summary>
    private void Halve(IReadOnlyList<SweepCandidate> candidates, string task)
    {
        foreach (var (round, epochs) in Rounds(candidates.Count, Epochs(candidates[0], task), config.SweepHalving).Index())
        {
            console.Heading($"{task}, round {round + 1}: {Plural.Of(candidates.Count, "candidate")}");
            SweepCandidate[] shortened = [.. candidates.Select(one => epochs is { } few ? one.InRound(few) : one)];
            Work(shortened, [task], waits: true);
            if (epochs is null)
                return;
            var ranked = SweepTables.Ranked(Scores([.. shortened.Select(one => one.Group)]), config.Group, task);
            if (ranked.Count == 0) // all of them failed
                return;
            var kept = ranked.Take((ranked.Count + config.SweepHalving - 1) / config.SweepHalving).ToList();
            candidates = [.. candidates.Zip(shortened).Where(pair => kept.Contains(pair.Second.Group)).Select(pair => pair.First)];
        }
    }

    private int Epochs(SweepCandidate candidate, string task) =>
        FinetuneStart.Epochs(candidate.Config, Start(candidate).Tasks.First(data => data.Task.Name == task).Task);

    /// <summary>The epochs of each round; null of the last: all.</summary>
    internal static IReadOnlyList<int?> Rounds(int candidates, int epochs, int factor)
    {
        var rounds = new List<int?> { null };
        for (; candidates > 1 && epochs / factor > 0; candidates = (candidates + factor - 1) / factor)
            rounds.Insert(0, epochs /= factor);
        return rounds;
    }

    private void Confirm(IReadOnlyList<SweepCandidate> candidates, string task)
    {
        var ranked = SweepTables.Ranked(Scores(Groups), config.Group, task);
        if (ranked.Count == 0)
            return;
        var winner = candidates.First(one => one.Group == ranked[0]);
        console.Heading($"{task}, the winner with new seeds");
        Work([winner.Confirmed(config.SweepConfirm)], [task], waits: true);
    }

    private IReadOnlyCollection<string> Groups => wanted.Select(one => one.Candidate.Group).ToHashSet();

    /// <summary>The scores of those of some groups that have any.</summary>
    private ScoreSet Scores(IReadOnlyCollection<string> of)
    {
        string[] made = [.. FinetuneResult.All(config.Folder, of, console.Warning).Select(result => result.Group).Distinct()];
        return made.Length == 0 ? ScoreSet.Of([], []) : ScoreSet.Read<FinetuneConfig>([config.Folder], made);
    }

    private void Report()
    {
        var scores = Scores(Groups);
        bool areCheckpoints = config.Sweep.Count == 0;
        ReportTable[] tables = [.. areCheckpoints ? CheckpointTables.Of(scores) : SweepTables.Of(scores)];
        if (tables.Length == 0)
            return;
        // A candidate that diverges, or that another process makes, is no worse a candidate.
        string[] missing = [.. wanted.Where(one => !FinetuneResult.IsIn(one.Job.Folder)).Select(one => one.Name)];
        string[] notes =
        [
            .. Protocols.Notes(scores),
            .. scores.Undefinedness(),
            .. missing.Length == 0 ? Array.Empty<string>()
                : [
                    $"{missing.Length} of {Plural.Of(wanted.Count, "run")} are not finished and not in the table: "
                        + $"{string.Join("; ", missing)}.",
                ],
        ];
        tables[0] = tables[0] with { Notes = [.. tables[0].Notes, .. notes] };
        StatisticsReport.Print(tables, console);
        string File(string ending) => Path.Combine(Paths.Output(config.Folder), $"{config.Group}_{ending}");
        var (name, title) = areCheckpoints ? ("checkpoints", "Checkpoints") : ("sweep", "Sweep");
        AtomicFile.WriteAllText(
            File($"{name}.md"),
            $"# {title} of {config.Group}\n\n{string.Join("\n", tables.Select(table => table.Markdown()))}"
                + (areCheckpoints ? $"\n![curve]({config.Group}_{name}.png)\n" : "")
        );
        console.Heading("What next");
        if (areCheckpoints)
        {
            AtomicFile.WriteAllText(File($"{name}.csv"), tables[0].Csv());
            CheckpointTables.Draw(scores, config.Group, File($"{name}.png"));
            console.Line($"  the curve, and its numbers   {Paths.Shown(File($"{name}.png"))}, .csv");
        }
        else
            console.Line($"  predictions by the winner    {ScriptCommand.Of("predict.csx", run.Arguments)}");
        console.Line($"  this table                   {Paths.Shown(File($"{name}.md"))}");
    }
}
