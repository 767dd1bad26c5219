using System.ComponentModel.DataAnnotations;
using Electra.Configuration;
using Electra.Data.Tasks;
using Electra.Model;
using Electra.Native;
using Electra.Optimization;
using Electra.Running;
using Electra.Storage;
using Electra.Tensors;
using Electra.Training;

namespace Electra.Finetuning;

/// <summary>
/// An experiment in fine-tuning: one checkpoint, some tasks, some runs of each. What <c>scripts/predict.csx</c> does with the runs is in it
/// too.
/// </summary>
/// <remarks>
/// The defaults are the published settings of a size (paper, table 7; richarddwang/electra_pytorch, <c>finetune.py</c>).
/// </remarks>
public sealed partial record FinetuneConfig : IExperimentConfig<FinetuneConfig>, ISharedRun
{
    /// <summary>Whose choices the defaults are: <c>electra_pytorch</c> or <c>google</c>.</summary>
    [ExecutionOnly]
    public Recipe Recipe { get; init; }

    /// <summary>The published size that the defaults of training come from: <c>small</c>, <c>base</c> or <c>large</c>.</summary>
    [ExecutionOnly]
    public ModelSize Size { get; init; }

    /// <summary>The name of the runs together: each is saved as <c>group_task_run</c>.</summary>
    [
        Required,
        RegularExpression(
            "[A-Za-z0-9][A-Za-z0-9._-]*",
            ErrorMessage = "a name of letters, digits, '.', '_' and '-' that begins with a letter or digit"
        )
    ]
    public string Group { get; init; } = "electra";

    /// <summary>
    /// The model to fine-tune: one of this kit (<c>checkpoints/pretrain/small_11081_100</c>), a folder of Hugging Face's form, a file
    /// of weights, an archive of one model (<c>electra_small.zip</c>), or a name on the hub
    /// (<c>google/electra-small-discriminator</c>). Several, as a list or a pattern (<c>checkpoints/pretrain/demo_*_100</c>), are seeds of
    /// one pre-training: every task and run is made with each.
    /// </summary>
    public IReadOnlyList<string> Checkpoint { get; init; } = [];

    /// <summary>
    /// The seed of the checkpoint's pre-training, where it is not a run of this kit, whose seed is known; null: the model's name stands
    /// for it.
    /// </summary>
    [ExecutionOnly, RegularExpression("[A-Za-z0-9.-]+", ErrorMessage = "a number or a name of letters, digits, '.' and '-'")]
    public string? PretrainSeed { get; init; }

    /// <summary>
    /// Keep the checkpoint's shape and vocabulary, and begin with random weights: what a task teaches without pre-training.
    /// </summary>
    public bool FromScratch { get; init; }

    /// <summary>
    /// The tasks, by name: GLUE's, <c>docs-kind</c>, <c>docs-returns</c>, <c>docs-distance</c>, <c>docs-names</c> and
    /// <c>docs-answers</c> from the SDK's documentation, and those
    /// of one's own (<c>data.own</c>).
    /// </summary>
    [MinLength(1)]
    public IReadOnlyList<string> Tasks { get; init; } = [.. GlueTasks.All.Where(task => task.Model == task.Name).Select(task => task.Name)];

    /// <summary>
    /// Whether a run learns all tasks in one model, an encoder with a head for each: every update is a batch of one task, and the tasks
    /// mix within each epoch. Each task leaves its results and a model of its own. False: each run learns one task.
    /// </summary>
    public bool Joint { get; init; }

    /// <summary>
    /// How often such a run learns each task: in proportion to its rows to this power. 1: every row once an epoch; 0: all tasks alike; 0.5
    /// is usual where one task has far more rows.
    /// </summary>
    [Range(0.0, 1.0)]
    public double JointMixing { get; init; } = 1;

    /// <summary>The numbers of the runs of each task: <c>0..9</c>.</summary>
    [MinLength(1), Range(0, 1_000_000)]
    public IReadOnlyList<int> Runs { get; init; } = [.. Enumerable.Range(0, 10)];

    /// <summary>The seed of each run, in the order of the runs; none: drawn, a function of <c>seed</c> and the run's number.</summary>
    [Range(0, int.MaxValue)]
    public IReadOnlyList<int> Seeds { get; init; } = [];

    /// <summary>Seeds the runs' seeds, where these are not listed.</summary>
    [Range(0, int.MaxValue)]
    public int Seed { get; init; } = 11081;

    /// <summary>Where the rows of tasks lie.</summary>
    public TaskSourceOptions Data { get; init; } = new();

    /// <summary>How rows become token ids.</summary>
    public EncodingOptions Encoding { get; init; } = new();

    /// <summary>How long to train, on how much at once, at what rate.</summary>
    public FinetuneOptions Training { get; init; } = new();

    /// <summary>Adam's settings.</summary>
    public AdamOptions Optimizer { get; init; } = new() { WeightDecay = 0 };

    /// <summary>Where runs are saved.</summary>
    [ExecutionOnly, Required]
    public string Folder { get; init; } = "checkpoints/glue";

    /// <summary>Runs that are trained at the same time, each with its share of the CPU's threads.</summary>
    [ExecutionOnly, Range(1, 256)]
    public int Workers { get; init; } = 1;

    /// <summary>Minutes between saved states that a run can resume from; 0: only when it is stopped.</summary>
    [ExecutionOnly, Range(0.0, 1e6)]
    public double SaveMinutes { get; init; } = 10;

    /// <summary>What is written while training.</summary>
    [ExecutionOnly]
    public LoggingOptions Logging { get; init; } = new() { Every = 50 };

    /// <summary>Device and threads.</summary>
    [ExecutionOnly]
    public ComputeOptions Compute { get; init; } = new();

    /// <summary>Where encoded rows are kept.</summary>
    [ExecutionOnly, Required]
    public string Datasets { get; init; } = "datasets";

    /// <summary>
    /// Whether finished runs are left as they are, and others go on where they stopped (<c>auto</c>), or all are done over (<c>never</c>).
    /// </summary>
    [ExecutionOnly]
    public ResumeMode Resume { get; init; }

    /// <summary>What <c>scripts/predict.csx</c> predicts, and with which runs.</summary>
    [ExecutionOnly]
    public PredictOptions Predict { get; init; } = new();

    /// <inheritdoc/>
    public string Name => Group;

    /// <summary>None: each run has a folder of its own.</summary>
    public string? RunFolder => null;

    RunShare ISharedRun.Share => RunShare.Spread;

    string ISharedRun.SharedYaml => "";

    /// <summary>The seed of the i-th of <see cref="Runs"/>.</summary>
    public int SeedOf(int index) => Seeds.Count > 0 ? Seeds[index] : (int)(RandomKey.FromSeed(Seed)[Runs[index]].Value >> 33);

    /// <summary>Which weights the runs of a task leave; runs of several tasks leave the best where all are one's own.</summary>
    internal KeptWeights Keep(string task) =>
        Training.Keep ?? ((Joint ? Tasks : [task]).All(Data.Own.ContainsKey) ? KeptWeights.Best : KeptWeights.Last);

    /// <summary>The threads of each worker.</summary>
    public ComputeOptions WorkerCompute =>
        Compute with
        {
            Threads = Math.Max(1, (Compute.Threads > 0 ? Compute.Threads : Processors.Count) / Workers),
        };

    /// <summary>
    /// What the learned weights of a run depend on beside its rows, as YAML: its own task and seed, whatever the others of the
    /// configuration are.
    /// </summary>
    internal string WhatIsLearned(FinetuneJob job)
    {
        var alone = job.Alone(this);
        return Config.LearnedYaml(
            alone with
            {
                // A saved configuration has one of its own.
                Checkpoint = Checkpoint is [var only] && !StartModel.IsPattern(only) ? Checkpoint : [job.Model.Source],
                Seed = new FinetuneConfig().Seed,
                Data = alone.Data with { Own = alone.Data.Own.Where(own => job.TaskNames.Contains(own.Key)).ToDictionary() },
            }
        );
    }

    /// <summary>The configuration that the run in a folder was made with.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="advice">What the user can do without it.</param>
    /// <exception cref="UserErrorException">It is not there, or damaged.</exception>
    internal static FinetuneConfig OfRun(string folder, string advice)
    {
        try
        {
            return Config.Load<FinetuneConfig>(Path.Combine(folder, Experiment.ConfigFile));
        }
        catch (UserErrorException e)
        {
            throw new UserErrorException(
                $"{e.Message}\nNothing else says what the run in {Paths.Shown(folder)} was made with. {advice}",
                e
            );
        }
    }

    /// <inheritdoc/>
    static FinetuneConfig IExperimentConfig<FinetuneConfig>.Defaults(ConfigNode given)
    {
        var size = given.Read("size", ModelSize.Small);
        var config = new FinetuneConfig
        {
            Size = size,
            Group = size.ToString().ToLowerInvariant(),
            Encoding = FinetuneOptions.PublishedEncoding(size),
            Training = FinetuneOptions.Published(size),
        };
        return given.Read("recipe", Recipe.ElectraPytorch) == Recipe.Google ? config.AsGoogle() : config;
    }

    /// <summary>As google-research/electra fine-tunes (<c>configure_finetuning.py</c>, <c>classification_tasks.py</c>).</summary>
    private FinetuneConfig AsGoogle() =>
        this with
        {
            Recipe = Recipe.Google,
            Data = Data with { ContradictionFirst = true },
            Encoding = Encoding with { MaxLength = 128, SwapBeforeTruncation = true },
            Training = Training with { LearningRate = 1e-4, RoundWarmup = false, SumLoss = true, UnitRange = true },
            Optimizer = Optimizer with { WeightDecay = 0.01, Clipping = Clipping.TensorFlow },
        };

    /// <inheritdoc/>
    public IEnumerable<string> Warnings() => Compute.Warnings(Workers);

    /// <inheritdoc/>
    IEnumerable<ConfigProblem> IExperimentConfig<FinetuneConfig>.Check()
    {
        if ((Checkpoint.Count == 0 && Predict.Model == "") || Checkpoint.Contains(""))
            yield return new ConfigProblem("checkpoint", "is missing: the model to fine-tune, such as checkpoints/pretrain/demo_36_100");
        foreach (var (key, problem) in Training.Decay.Problems(Training.Schedule))
            yield return new ConfigProblem($"training.decay.{key}", problem);
        if (Checkpoint.Distinct().Count() != Checkpoint.Count)
            yield return new ConfigProblem("checkpoint", "has a model twice");
        bool areSeveral = Checkpoint.Count > 1 || Checkpoint.Any(StartModel.IsPattern);
        if (areSeveral && PretrainSeed is not null)
            yield return new ConfigProblem("pretrain_seed", "is the seed of one model, and checkpoint names several");
        if (areSeveral && FromScratch)
            yield return new ConfigProblem("from_scratch", "forgets the weights, in which the several checkpoints differ: name one");
        if (Seeds.Count > 0 && Seeds.Count < Runs.Count)
            yield return new ConfigProblem(
                "seeds",
                $"are {Seeds.Count} for {Plural.Of(Runs.Count, "run")}: give each run its seed, or none to have them drawn"
            );
        if (Seeds.Take(Runs.Count).GroupBy(seed => seed).FirstOrDefault(same => same.Count() > 1) is { } twice)
            yield return new ConfigProblem("seeds", $"has {twice.Key} twice: two runs of one seed would be the same run");
        if (Runs.Distinct().Count() != Runs.Count)
            yield return new ConfigProblem("runs", "has a number twice");
        if (Tasks.Distinct().Count() != Tasks.Count)
            yield return new ConfigProblem("tasks", "has a task twice");
        if (!Joint && JointMixing != 1)
            yield return new ConfigProblem("joint_mixing", "is about several tasks in one model (joint: true)");
        if (Joint && Sweep.Count > 0)
            yield return new ConfigProblem("joint", "cannot be swept over: a sweep finds the best values of each task on its own");
        foreach (var (key, problem) in Data.Problems())
            yield return new ConfigProblem($"data.{key}", problem);
        var names = TaskSources.Names(Data);
        foreach (var problem in Predict.Problems("predict", names).Concat(Choosing.Problems(this)).Concat(SweepChecks.Problems(this)))
            yield return problem;
        foreach (var task in Tasks)
            if (!names.Contains(task))
                yield return new ConfigProblem(
                    "tasks",
                    $"cannot have {task}{(Spelling.Nearest(task, names) is { } nearest ? $"; did you mean {nearest}?" : "")} (there are "
                        + $"{string.Join(", ", names)}, and your own under data.own)"
                );
            else if (GlueTasks.Find(task) is { } glue && glue.Model != glue.Name)
                yield return new ConfigProblem(
                    "tasks",
                    $"cannot have {task}: it has no training rows, and scripts/predict.csx predicts it with {glue.Model}'s model"
                );
    }
}
