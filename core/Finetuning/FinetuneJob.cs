using Electra.Checkpoints.HuggingFace;
using Electra.Configuration;
using Electra.Data.Tagging;
using Electra.Data.Tasks;
using Electra.Running;
using Electra.Storage;
using Electra.Training;

namespace Electra.Finetuning;

/// <summary>A task of a run.</summary>
/// <param name="Data">The task, with its rows.</param>
/// <param name="Folder">The full path of the folder of its results.</param>
internal sealed record JobTask(TaskData Data, string Folder);

/// <summary>A run that is to be made.</summary>
/// <param name="Tasks">What it learns: a task, or several in one model.</param>
/// <param name="Model">The pre-trained model that it begins with.</param>
/// <param name="Run">The run's number.</param>
/// <param name="Seed">What everything random in it follows from.</param>
/// <param name="Script">The script that makes it.</param>
internal sealed record FinetuneJob(IReadOnlyList<JobTask> Tasks, StartModel Model, int Run, int Seed, ScriptText Script)
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
    public string Name => $"{string.Join('+', TaskNames)} {(Model.Label is { } label ? $"{label} {Run}" : $"{Run}")}";

    /// <summary>The names of its tasks.</summary>
    public IReadOnlyList<string> TaskNames => [.. Tasks.Select(task => task.Data.Task.Name)];

    /// <summary>The full path of its folder: that of its first task.</summary>
    public string Folder => Tasks[0].Folder;

    /// <summary>Names the rows that the run learns from and is measured on.</summary>
    public string Rows =>
        Fingerprint.Of(
            string.Join('\n', Tasks.SelectMany(task => task.Data.Dev.Prepend(task.Data.Train)).Select(split => split.Fingerprint))
        );

    /// <summary>The configuration of this run alone: what its <c>config.yaml</c> says.</summary>
    public FinetuneConfig Alone(FinetuneConfig config) =>
        config with
        {
            Checkpoint = [Model.Source],
            Tasks = TaskNames,
            Runs = [Run],
            Seeds = [Seed],
            Data = WithSchemes(config.Data),
            Training = config.Training with { Keep = config.Keep(TaskNames[0]) },
        };

    /// <summary>With the schemes of tags that were told from training files.</summary>
    private TaskSourceOptions WithSchemes(TaskSourceOptions options)
    {
        var told = Tasks
            .Select(task => task.Data.Task)
            .Where(task => options.Own.TryGetValue(task.Name, out var own) && own.Scheme == TagScheme.Auto)
            .ToDictionary(task => task.Name, task => task.Scheme);
        return told.Count == 0
            ? options
            : options with
            {
                Own = options.Own.ToDictionary(
                    own => own.Key,
                    own => told.TryGetValue(own.Key, out var scheme) ? own.Value with { Scheme = scheme } : own.Value
                ),
            };
    }

    /// <summary>What must be the same where the run goes on from a saved state.</summary>
    public RunIdentity Identity(FinetuneConfig config) =>
        new(Folder, Script, config.WhatIsLearned(this), saved => Learned(saved, config), Rows, OtherExperimentAdvice);

    /// <summary>What a state says that was saved, by an older version too: that kept the last weights always.</summary>
    private static IReadOnlyDictionary<string, string> Learned(string saved, FinetuneConfig config) =>
        Config
            .LearnedValues(saved, config)
            .ToDictionary(value => value.Key, value => value is ("training.keep", "null") ? "last" : value.Value);

    /// <summary>The runs of a configuration, task by task (unless all are learned in one model) and model by model.</summary>
    public static IEnumerable<FinetuneJob> All(FinetuneConfig config, FinetuneStart start, ScriptText script) =>
        from tasks in config.Joint ? [start.Tasks] : start.Tasks.Select(IReadOnlyList<TaskData> (data) => [data])
        from model in start.Models
        from run in config.Runs.Index()
        select new FinetuneJob(
            [
                .. tasks.Select(data => new JobTask(
                    data,
                    FinetuneResult.Folder(config.Folder, config.Group, data.Task.Name, run.Item, model.Label)
                )),
            ],
            model,
            run.Item,
            config.SeedOf(run.Index),
            script
        );

    /// <summary>Whether the run is finished, and is the one that is asked for.</summary>
    /// <exception cref="UserErrorException">A folder holds a finished run of another experiment, script, seed or rows.</exception>
    public bool IsFinished(FinetuneConfig config)
    {
        if (config.Resume == ResumeMode.Never)
            return false;
        string[] finished = [.. Tasks.Select(task => task.Folder).Where(FinetuneResult.IsIn)];
        foreach (var folder in finished)
            RequireSame(folder, config);
        return finished.Length == Tasks.Count;
    }

    /// <summary>What a folder holds must be of this run.</summary>
    private void RequireSame(string folder, FinetuneConfig config)
    {
        var saved = FinetuneConfig.OfRun(folder, OtherExperimentAdvice);
        var result = FinetuneResult.Load(folder);
        // The configuration of an older version does not say what the run kept.
        saved = saved with { Training = saved.Training with { Keep = result.Choice is null ? KeptWeights.Last : KeptWeights.Best } };
        SameExperiment.Require(
            ConfigValues.Of(saved.WhatIsLearned(this with { Seed = saved.SeedOf(0) })),
            config.WhatIsLearned(this),
            folder,
            OtherExperimentAdvice
        );
        Script.RequireSame(folder, OtherExperimentAdvice);
        if (result.Rows is { } rows && rows != Rows)
            throw new UserErrorException(
                $"the run in {Paths.Shown(folder)} was made with other rows: "
                    + $"the task's files, or the way they are read, have changed since. {OtherExperimentAdvice}"
            );
    }

    /// <summary>
    /// Makes the folders ready: what belongs to a run that is to be done over goes, and what a killed process was writing.
    /// </summary>
    public void Prepare(FinetuneConfig config)
    {
        foreach (var task in Tasks)
            Prepare(task.Folder, config);
    }

    private static void Prepare(string folder, FinetuneConfig config)
    {
        TemporaryName.RemoveLeft(folder);
        // What stands in the place of a file is found now, and not when the run is to be saved.
        foreach (var name in Written)
            InputFile.CheckIfThere(Path.Combine(folder, name));
        if (config.Resume == ResumeMode.Never)
        {
            // The result first: without it the others are those of no finished run.
            foreach (var path in Written.Select(name => Path.Combine(folder, name)))
                if (Directory.Exists(Path.GetDirectoryName(path)))
                    File.Delete(path);
            var states = StateKeeper<FinetunePosition>.FolderOf(folder);
            if (Directory.Exists(states))
                Directory.Delete(states, recursive: true);
        }
    }
}
