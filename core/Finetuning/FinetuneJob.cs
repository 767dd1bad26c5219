using Electra.Checkpoints.HuggingFace;
using Electra.Configuration;
using Electra.Data.Tasks;
using Electra.Running;
using Electra.Storage;
using Electra.Training;

namespace Electra.Finetuning;

/// <summary>A run that is to be made.</summary>
/// <param name="Data">The task, with its rows.</param>
/// <param name="Model">The pre-trained model that it begins with.</param>
/// <param name="Run">The run's number.</param>
/// <param name="Seed">What everything random in it follows from.</param>
/// <param name="Folder">The full path of its folder.</param>
/// <param name="Script">The script that makes it.</param>
internal sealed record FinetuneJob(TaskData Data, StartModel Model, int Run, int Seed, string Folder, ScriptText Script)
{
    /// <summary>What to do where the folder holds something else.</summary>
    public const string OtherExperimentAdvice =
        "Give this one a group of its own (group=…), or do the runs of that group over (resume=never).";

    /// <summary>The file of scores by class.</summary>
    public const string ReportFile = "dev_report.md";

    /// <summary>What a run writes when it is finished.</summary>
    private static readonly string[] Written =
    [
        FinetuneResult.FileName,
        DevPredictions.FileName,
        DevPredictions.OfSeveralLabels,
        DevPredictions.OfWords,
        .. Answers.DevFiles,
        ReportFile,
        ModelCard.FileName,
        "model.safetensors",
        .. TokenizerFiles.Names,
        .. SentenceTransformerFiles.Names,
    ];

    /// <summary>The run's name in the log.</summary>
    public string Name => $"{Data.Task.Name} {(Model.Label is { } label ? $"{label} {Run}" : $"{Run}")}";

    /// <summary>Names the rows that the run learns from and is measured on.</summary>
    public string Rows => Fingerprint.Of(string.Join('\n', Data.Dev.Prepend(Data.Train).Select(split => split.Fingerprint)));

    /// <summary>The configuration of this run alone: what its <c>config.yaml</c> says.</summary>
    public FinetuneConfig Alone(FinetuneConfig config) =>
        config with
        {
            Checkpoint = [Model.Source],
            Tasks = [Data.Task.Name],
            Runs = [Run],
            Seeds = [Seed],
            Training = config.Training with { Keep = config.Keep(Data.Task.Name) },
        };

    /// <summary>What must be the same where the run goes on from a saved state.</summary>
    public RunIdentity Identity(FinetuneConfig config) =>
        new(Folder, Script, config.WhatIsLearned(this), saved => Learned(saved, config), Rows, OtherExperimentAdvice);

    /// <summary>What a state says that was saved, by an older version too: that kept the last weights always.</summary>
    private static IReadOnlyDictionary<string, string> Learned(string saved, FinetuneConfig config) =>
        Config
            .LearnedValues(saved, config)
            .ToDictionary(value => value.Key, value => value is ("training.keep", "null") ? "last" : value.Value);

    /// <summary>The runs of a configuration, task by task and model by model.</summary>
    public static IEnumerable<FinetuneJob> All(FinetuneConfig config, FinetuneStart start, ScriptText script) =>
        from data in start.Tasks
        from model in start.Models
        from run in config.Runs.Index()
        select new FinetuneJob(
            data,
            model,
            run.Item,
            config.SeedOf(run.Index),
            FinetuneResult.Folder(config.Folder, config.Group, data.Task.Name, run.Item, model.Label),
            script
        );

    /// <summary>Whether the run is finished, and is the one that is asked for.</summary>
    /// <exception cref="UserErrorException">The folder holds a finished run of another experiment, script, seed or rows.</exception>
    public bool IsFinished(FinetuneConfig config)
    {
        if (config.Resume == ResumeMode.Never || !FinetuneResult.IsIn(Folder))
            return false;
        var saved = FinetuneConfig.OfRun(Folder, OtherExperimentAdvice);
        var result = FinetuneResult.Load(Folder);
        // The configuration of an older version does not say what the run kept.
        saved = saved with { Training = saved.Training with { Keep = result.Choice is null ? KeptWeights.Last : KeptWeights.Best } };
        SameExperiment.Require(
            ConfigValues.Of(saved.WhatIsLearned(this with { Seed = saved.SeedOf(0) })),
            config.WhatIsLearned(this),
            Folder,
            OtherExperimentAdvice
        );
        Script.RequireSame(Folder, OtherExperimentAdvice);
        if (result.Rows is { } rows)
            RequireSameRows(rows);
        return true;
    }

    /// <summary>Rows that have changed since make another run.</summary>
    /// <exception cref="UserErrorException">They have.</exception>
    private void RequireSameRows(string rows)
    {
        if (rows != Rows)
            throw new UserErrorException(
                $"the run in {Paths.Shown(Folder)} was made with other rows: "
                    + $"the task's files, or the way they are read, have changed since. {OtherExperimentAdvice}"
            );
    }

    /// <summary>
    /// Makes the folder ready: what belongs to a run that is to be done over goes, and what a killed process was writing.
    /// </summary>
    public void Prepare(FinetuneConfig config)
    {
        TemporaryName.RemoveLeft(Folder);
        // What stands in the place of a file is found now, and not when the run is to be saved.
        foreach (var name in Written)
            InputFile.CheckIfThere(Path.Combine(Folder, name));
        if (config.Resume == ResumeMode.Never)
        {
            // The result first: without it the others are those of no finished run.
            foreach (var path in Written.Select(name => Path.Combine(Folder, name)))
                if (Directory.Exists(Path.GetDirectoryName(path)))
                    File.Delete(path);
            var states = StateKeeper<FinetunePosition>.FolderOf(Folder);
            if (Directory.Exists(states))
                Directory.Delete(states, recursive: true);
        }
    }
}
