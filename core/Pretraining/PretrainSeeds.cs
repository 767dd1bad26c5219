using Electra.Configuration;
using Electra.Native;
using Electra.Running;
using Electra.Statistics;
using Electra.Storage;
using Electra.Tensors;
using Electra.Training;

namespace Electra.Pretraining;

/// <summary>The runs of <see cref="PretrainConfig.Seeds"/>: each is what a single run with its seed is, in the same folder.</summary>
/// <param name="run">The whole.</param>
/// <param name="experiment">Makes one.</param>
internal sealed class PretrainSeeds(Run<PretrainConfig> run, Func<Run<PretrainConfig>, Task<int>> experiment)
{
    /// <summary>Up to which width of the discriminator several runs on one thread each are sooner done than one on all.</summary>
    private const int WidestAtOnce = 256;

    /// <summary>Token positions times weights of the layers from which on runs take long enough for the threads to be divided.</summary>
    private const double WorthDividing = 1e11;

    private readonly PretrainConfig config = run.Config;
    private readonly RunConsole console = run.Console;
    private int exitCode;

    /// <summary>Makes those that are not finished, and shows all.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> Make()
    {
        var seeds = config.Seeds!;
        if (config.DryRun || config.Only != RunPart.All) // one seed shows what there is to see
            return RunRanks.IsNotFirst(config)
                ? 0
                : await run.With(config with { Seed = seeds[0], Seeds = null }, experiment, quiet: false);
        int atOnce = Compute.Open(config.Compute, config.Training.Precision).IsCuda ? 1 : AtOnce(config);
        PretrainConfig[] all = [.. seeds.Select(seed => Alone(config, seed, atOnce))];
        console.Heading("Runs");
        console.Table(
            ("seeds", string.Join(", ", seeds)),
            ("at the same time", $"{atOnce}, on {all[0].Compute.Threads} {(all[0].Compute.Threads == 1 ? "thread" : "threads")} each")
        );
        var queue = new RunQueue(console, "pre-training", atOnce, run.Stopping)
        {
            HowToGoOn = $"The same command{(config.Resume == ResumeMode.Never ? " without resume=never" : "")} resumes from here.",
            Launcher = RunRanks.Spreading(config.Compute),
            MakesOver = config.Resume == ResumeMode.Never,
        };
        var failures = queue.Work([
            .. all.Select(alone => new QueuedRun(
                alone.RunName,
                Paths.Output(alone.RunFolder!),
                alone.Training.Steps,
                () => IsFinished(alone),
                progress => Make(alone, progress, atOnce)
            )),
        ]);
        Report(all);
        RunQueue.Require(failures, queue.Launcher);
        return exitCode;
    }

    /// <summary>
    /// How many runs are trained at the same time on a CPU; on a GPU one, for they would share its random numbers. A function of the
    /// configuration, so that a batch that was stopped goes on with the same number of threads.
    /// </summary>
    internal static int AtOnce(PretrainConfig config)
    {
        int most = Math.Min(config.Seeds!.Count, Threads(config));
        if (config.RunsAtOnce > 0)
            return Math.Min(most, config.RunsAtOnce);
        var (model, training) = (config.Model, config.Training);
        double work = (double)training.Steps * training.BatchSize * config.Examples.MaxLength
            * model.Layers * model.HiddenSize * (4 * model.HiddenSize + 2 * model.IntermediateSize);
        return model.HiddenSize <= WidestAtOnce && (training.Budget is not null || work >= WorthDividing) ? most : 1;
    }

    private static int Threads(PretrainConfig config) => config.Compute.Threads > 0 ? config.Compute.Threads : Processors.Count;

    /// <summary>The configuration of one run: what its <c>config.yaml</c> says, the threads that it computes on among it.</summary>
    private static PretrainConfig Alone(PretrainConfig config, int seed, int atOnce)
    {
        var alone = config with
        {
            Seed = seed,
            Seeds = null,
            Compute = config.Compute with { Threads = Math.Max(1, Threads(config) / atOnce) },
        };
        return Config.Parse<PretrainConfig>(Config.ResolvedYaml(alone), $"the configuration of seed {seed}");
    }

    private bool IsFinished(PretrainConfig alone)
    {
        var folder = Paths.Output(alone.RunFolder!);
        if (config.Resume == ResumeMode.Never || !PretrainResult.IsIn(folder))
            return false;
        PretrainCheckpoints.RequireSame(folder, alone, run.Script);
        return PretrainResult.Load(folder).MeasuredWith == alone.MeasuredWith;
    }

    private void Make(PretrainConfig alone, QueueProgress progress, int atOnce)
    {
        var inner = run.Inner(alone, console.Quiet(alone.RunName), progress.Stopping, progress);
        try
        {
            int code = experiment(inner).GetAwaiter().GetResult();
            if (code != 0)
                exitCode = code;
        }
        catch (UserErrorException e)
        {
            throw new UserErrorException($"{alone.RunName}: {e.Message}", e);
        }
        if (PretrainResult.IsIn(inner.Folder) && PretrainResult.Load(inner.Folder) is var result)
            console.Milestone($"{alone.RunName,-10}  done: {Achieved(result)}  ({result.Seconds:F0} s)");
        run.SavingTime *= atOnce;
    }

    private static string Achieved(PretrainResult result) =>
        !result.Scores.TryGetValue("auc", out double auc) ? $"perplexity {result.Scores["perplexity"]:N1}"
        : !result.Scores.ContainsKey(TokenBaseline.Figure) ? $"AUC {auc:F3}"
        : result.Rise is { } rise ? $"AUC {auc:F3}, uses context since update {rise:N0}"
        : $"AUC {auc:F3}, has not begun to use context";

    /// <summary>What stats.csx says of these seeds.</summary>
    private void Report(IReadOnlyList<PretrainConfig> all)
    {
        string[] folders = [.. all.Select(alone => Paths.Output(alone.RunFolder!))];
        if (!folders.Any(PretrainResult.IsIn))
            return;
        console.Heading("Results on held-out text");
        var set = PretrainSet.Of<PretrainConfig>(folders, [config.Name]);
        set.Describe(console);
        StatisticsReport.Print(PretrainTables.Of(set, new StatisticsConfig()), console, detail: false);
        int[] unaware = [.. set.Runs.Where(run => run.KnowsRise && run.Rise is null).Select(run => run.Seed)];
        if (unaware.Length > 0)
            console.Warning(
                $"{unaware.Length} of {set.Runs.Count} {(unaware.Length == 1 ? "has" : "have")} not begun to use context: "
                    + $"seed{(unaware.Length == 1 ? "" : "s")} {string.Join(", ", unaware)}. {PretrainSummary.OnPlateau}"
            );
        var (root, models) = (config.Checkpoints.Folder, $"checkpoint={config.Checkpoints.Folder}/{config.Name}_*_100");
        console.Heading("What next");
        console.Line($"  tables and curves of all   {ScriptCommand.Of("stats.csx", root, $"group={config.Name}")}");
        console.Line($"  fine-tune each             {ScriptCommand.Of("finetune.csx", [.. PretrainSummary.Tasks(config), models])}");
    }
}
