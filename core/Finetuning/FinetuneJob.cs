using Electra.Experiments;
using Electra.Files;
using Electra.Finetuning.Data;
using Electra.Pretraining;

namespace Electra.Finetuning;

/// <summary>A run that is to be made.</summary>
/// <param name="Data">The task, with its rows.</param>
/// <param name="Run">The run's number.</param>
/// <param name="Seed">What everything random in it follows from.</param>
/// <param name="Folder">The full path of its folder.</param>
internal sealed record FinetuneJob(TaskData Data, int Run, int Seed, string Folder)
{
    /// <summary>What to do where the folder holds something else.</summary>
    public const string OtherExperimentAdvice = "Give this one a group of its own (group=…), or do the runs of that group over (resume=never).";

    /// <summary>The run's name in the log.</summary>
    public string Name => $"{Data.Task.Name} {Run}";

    /// <summary>The configuration of this run alone: what its <c>config.yaml</c> says.</summary>
    public FinetuneConfig Alone(FinetuneConfig config) => config with { Tasks = [Data.Task.Name], Runs = [Run], Seeds = [Seed] };

    /// <summary>The runs of a configuration, task by task.</summary>
    public static IEnumerable<FinetuneJob> All(FinetuneConfig config, FinetuneStart start) =>
        from data in start.Tasks
        from run in config.Runs.Index()
        select new FinetuneJob(data, run.Item, config.SeedOf(run.Index), FinetuneResult.Folder(config.Folder, config.Group, data.Task.Name, run.Item));

    /// <summary>Whether the run is finished, and is the one that is asked for.</summary>
    /// <exception cref="UserErrorException">The folder holds a finished run of another experiment.</exception>
    public bool IsFinished(FinetuneConfig config)
    {
        if (config.Resume == ResumeMode.Never || !FinetuneResult.IsIn(Folder))
            return false;
        var saved = Config.Load<FinetuneConfig>(Path.Combine(Folder, Experiment.ConfigFile));
        SameExperiment.Require(saved.WhatIsLearned(this), config.WhatIsLearned(this), Folder, OtherExperimentAdvice);
        return true;
    }

    /// <summary>Makes the folder ready: what belongs to a run that is to be done over goes, and what a killed process was writing.</summary>
    public void Prepare(FinetuneConfig config, string script)
    {
        TemporaryName.RemoveLeft(Folder);
        if (config.Resume == ResumeMode.Never)
            foreach (var left in new[] { FinetuneResult.FileName, "state" }.Select(name => Path.Combine(Folder, name)).Where(Path.Exists))
                if (Directory.Exists(left))
                    Directory.Delete(left, recursive: true);
                else
                    File.Delete(left);
        Experiment.WriteConfig(Folder, Alone(config), script);
    }
}
