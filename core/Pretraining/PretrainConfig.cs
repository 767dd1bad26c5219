using System.ComponentModel.DataAnnotations;
using Electra.Configuration;
using Electra.Data.Corpora;
using Electra.Data.Examples;
using Electra.Model;
using Electra.Optimization;
using Electra.Running;
using Electra.Tensors;
using Electra.Training;

namespace Electra.Pretraining;

/// <summary>An experiment in pre-training: everything that a YAML file and the command line can say.</summary>
/// <remarks>Two runs that agree in all keys but those that are <see cref="ExecutionOnlyAttribute"/> learn the same.</remarks>
public sealed record PretrainConfig : IExperimentConfig<PretrainConfig>, IManyRuns<PretrainConfig>, ISharedRun
{
    /// <summary>Whose choices the defaults are: <c>electra_pytorch</c> or <c>google</c>.</summary>
    public Recipe Recipe { get; init; }

    /// <summary>The published size that the defaults of model and training come from: <c>small</c>, <c>base</c> or <c>large</c>.</summary>
    public ModelSize Size { get; init; }

    /// <summary>The run's name: with the seed it names the folders that the run writes.</summary>
    [
        Required,
        RegularExpression(
            "[A-Za-z0-9][A-Za-z0-9._-]*",
            ErrorMessage = "a name of letters, digits, '.', '_' and '-' that begins with a letter or digit"
        )
    ]
    public string Name { get; init; } = "electra";

    /// <summary>Seeds everything random: initial weights, order of examples, masks, samples, dropout.</summary>
    [Range(0, int.MaxValue)]
    public int Seed { get; init; } = 11081;

    /// <summary>Several seeds, each a run of its own, in place of <c>seed</c>: <c>1..8</c>, or a list; null: one run.</summary>
    [ExecutionOnly, MinLength(1), Range(0, int.MaxValue)]
    public IReadOnlyList<int>? Seeds { get; init; }

    /// <summary>Where the text comes from: files, folders, globs, or a corpus by name.</summary>
    public CorpusOptions Corpus { get; init; } = new();

    /// <summary>The vocabulary: a vocab.txt, or how to train one on the corpus.</summary>
    public VocabularyOptions Vocabulary { get; init; } = new();

    /// <summary>How documents are cut into examples.</summary>
    public ExampleSettings Examples { get; init; } = new();

    /// <summary>The shapes of generator and discriminator.</summary>
    public ElectraConfig Model { get; init; } = new();

    /// <summary>
    /// A discriminator to go on from instead of fresh weights: a run's model, a folder, archive or file of weights, or a model on the hub;
    /// empty: fresh weights. The vocabulary is the model's own where none is given. Steps are counted from 0 again, so that
    /// <c>training.learning_rate</c> is the highest rate of the new steps; google-research/electra counts on, and needs rate · total /
    /// remaining steps to begin with a rate.
    /// </summary>
    public string Init { get; init; } = "";

    /// <summary>
    /// The generator to go on from, without <c>init</c> where it has embeddings of its own; empty: the one beside the discriminator where
    /// both are in one place, else a fresh one.
    /// </summary>
    public string InitGenerator { get; init; } = "";

    /// <summary>
    /// A saved state of another run to go on from, with its weights, moments and number of updates, which <c>training.steps</c> counts too:
    /// <c>checkpoints/pretrain/base_1/states/step_5000</c>, or the run, for its newest. The model's shape and vocabulary must be the same;
    /// anything else may differ. This run has a name of its own, and the other stays as it is. Empty: the run begins at update 0.
    /// </summary>
    public string BranchFrom { get; init; } = "";

    /// <summary>
    /// Whether the generator learns. One that does not keeps the weights that it begins with (<c>init_generator</c>), bit for bit, and
    /// embeddings of its own; only the discriminator has a loss (Dong et al. 2024, "Fast-ELECTRA").
    /// </summary>
    public bool TrainGenerator { get; init; } = true;

    /// <summary>Masking, sampling, losses.</summary>
    public ObjectiveOptions Objective { get; init; } = new();

    /// <summary>Adam's settings.</summary>
    public AdamOptions Optimizer { get; init; } = new();

    /// <summary>How long to train, on how much at once, at what rate.</summary>
    public TrainingOptions Training { get; init; } = new();

    /// <summary>Measuring on held-out text.</summary>
    [ExecutionOnly]
    public EvaluationOptions Evaluation { get; init; } = new();

    /// <summary>What is saved, and when.</summary>
    [ExecutionOnly]
    public CheckpointOptions Checkpoints { get; init; } = new();

    /// <summary>What is written while training.</summary>
    [ExecutionOnly]
    public LoggingOptions Logging { get; init; } = new();

    /// <summary>Device and threads.</summary>
    [ExecutionOnly]
    public ComputeOptions Compute { get; init; } = new();

    /// <summary>
    /// Runs of <c>seeds</c> that are trained at the same time, each with its share of the CPU's threads, as many as
    /// <c>compute.threads</c> at most; 0: as many as are soonest done. The number of threads changes the last bits of a run.
    /// </summary>
    [ExecutionOnly, Range(0, 256)]
    public int RunsAtOnce { get; init; }

    /// <summary>Threads that make examples, beside the one that reads and writes; 1: that one does all; 0: one for each
    /// processor.</summary>
    [ExecutionOnly, Range(0, 1024)]
    public int Workers { get; init; }

    /// <summary>Where prepared examples and vocabularies are kept.</summary>
    [ExecutionOnly, Required]
    public string Datasets { get; init; } = "datasets";

    /// <summary>Whether to go on where this run stopped: <c>auto</c> or <c>never</c>.</summary>
    [ExecutionOnly]
    public ResumeMode Resume { get; init; }

    /// <summary>Check everything, train two steps, save nothing.</summary>
    [ExecutionOnly]
    public bool DryRun { get; init; }

    /// <summary>
    /// What to do: <c>data</c> prepares the examples and says what they are; <c>evaluation</c> measures models that are saved, those of
    /// <c>evaluation.models</c> or the run's own, on its held-out text. Neither trains anything.
    /// </summary>
    [ExecutionOnly]
    public RunPart Only { get; init; }

    /// <summary><c>name_seed</c>.</summary>
    public string RunName => $"{Name}_{Seed}";

    /// <inheritdoc/>
    public string? RunFolder => DryRun || Only != RunPart.All || Seeds is not null ? null : Path.Combine(Checkpoints.Folder, RunName);

    /// <inheritdoc/>
    public bool IsSavedByRun => true;

    bool IManyRuns<PretrainConfig>.AreMany => Seeds is not null && Only != RunPart.Evaluation;

    Task<int> IManyRuns<PretrainConfig>.Make(Run<PretrainConfig> run, Func<Run<PretrainConfig>, Task<int>> experiment) =>
        new PretrainSeeds(run, experiment).Make();

    RunShare ISharedRun.Share =>
        Only == RunPart.Evaluation ? RunShare.First
        : Seeds is not null ? RunShare.Spread
        : RunShare.Together;

    string ISharedRun.SharedYaml =>
        // What belongs to a process or to its machine.
        Config.ResolvedYaml(this with { Compute = new(), Workers = 0, Datasets = "datasets" });

    /// <summary>What held-out text is made with: figures of two runs can be compared where it is the same.</summary>
    internal string MeasuredWith =>
        (
            Objective.Kind == ObjectiveKind.Mlm ? ""
            : Objective.Kind == ObjectiveKind.Electric ? "own cloze model, "
            : Evaluation.Generator == "" ? "own generator, "
            : $"generator of {EqualWork.NameOf(Evaluation.Generator)}, "
        ) + FormattableString.Invariant($"{Evaluation.Masking ?? Objective.Masking.Probability:0.##%} masked")
        + (Evaluation.Masking is null ? Objective.Masking.InUnits : "");

    /// <inheritdoc/>
    static PretrainConfig IExperimentConfig<PretrainConfig>.Defaults(ConfigNode root)
    {
        var published = Recipes.Defaults(root.Read("recipe", Recipe.ElectraPytorch), root.Read("size", ModelSize.Small));
        var phases = root.Read<IReadOnlyList<PhaseOptions>>("training.phases", []);
        // A run's own config.yaml has both, and one is empty.
        var init = new[] { "init", "init_generator" }.Select(key => root.Read(key, "")).FirstOrDefault(from => from != "", "");
        var embeddings =
            root.Read("objective.kind", ObjectiveKind.Electra) == ObjectiveKind.Gdes ? GeneratorEmbeddings.Disentangled
            : root.Read("train_generator", true) ? GeneratorEmbeddings.Shared
            : GeneratorEmbeddings.Copied;
        return published with
        {
            Vocabulary = new() { File = init, Init = init },
            Model = published.Model with { Generator = new() { Embeddings = embeddings } },
            Training = published.Training.For(root),
            Examples = published.Examples with
            {
                MaxLength = phases.Select(phase => phase.MaxLength).DefaultIfEmpty(published.Examples.MaxLength).Max(),
            },
        };
    }

    /// <inheritdoc/>
    public IEnumerable<string> Warnings() => Compute.Warnings();

    /// <inheritdoc/>
    IEnumerable<ConfigProblem> IExperimentConfig<PretrainConfig>.Check()
    {
        foreach (var (key, problem) in (Objective.Kind == ObjectiveKind.Mlm ? Model.WithoutGenerator : Model).Problems())
            yield return new ConfigProblem($"model.{key}", problem);
        foreach (var problem in ObjectiveKeys.Problems(this))
            yield return problem;
        if (Seeds is not null && Seeds.GroupBy(seed => seed).FirstOrDefault(same => same.Count() > 1) is { } twice)
            yield return new ConfigProblem("seeds", $"has {twice.Key} twice: a seed is one run");
        foreach (var problem in GeneratorProblems.Of(this))
            yield return problem;
        if (Vocabulary is { File: not "", Size: not null } && Vocabulary.File != Vocabulary.Init)
            yield return new ConfigProblem(
                "vocabulary.size",
                $"is of a vocabulary that is trained, and vocabulary.file names one that is there ({Vocabulary.File}). "
                    + $"Give one of the two: vocabulary={{size: {Vocabulary.Size}}} trains one"
            );
        if (Objective is { Kind: ObjectiveKind.Electric, Prior: NoisePrior.Google } && Examples.Packing != ExamplePacking.None)
            yield return new ConfigProblem(
                "objective.prior",
                "cannot be google where examples share rows (examples.packing): it reads of [CLS] what stands before it in the row"
            );
        if (Examples.MaxLength > Model.MaxPositions)
            yield return new ConfigProblem(
                "examples.max_length",
                $"cannot be {Examples.MaxLength}: so many tokens do not fit into {Model.MaxPositions} positions (model.max_positions)"
            );
        if (Objective.Temperature.HalfLife is not null && Training.Budget is not null)
            yield return new ConfigProblem(
                "objective.temperature.half_life",
                "is a share of the updates, and training.budget ends the run by the clock: give training.steps, or a temperature that stays"
            );
        foreach (var (key, problem) in Objective.Masking.Problems())
            yield return new ConfigProblem($"objective.masking.{key}", problem);
        if (BranchFrom != "" && Init != "")
            yield return new ConfigProblem("branch_from", "brings its own weights, and init names others: give one of the two");
        foreach (var (key, problem) in Training.Problems())
            yield return new ConfigProblem($"training.{key}", problem);
        if (Training.Budget is not null && Objective.Temperature.HalfLife is not null)
            yield return new ConfigProblem(
                "objective.temperature.half_life",
                "is a share of a number of updates (training.steps), which a run with a budget does not have"
            );
        foreach (var problem in LengthPhases.Problems(Training, Examples.MaxLength, Model.MaxPositions))
            yield return new ConfigProblem("training.phases", problem);
        foreach (double percent in Checkpoints.Percents.Where(percent => percent is <= 0 or > 100))
            yield return new ConfigProblem(
                "checkpoints.percents",
                $"cannot have {percent}: a percentage of the run is greater than 0 and at most 100"
            );
    }
}

/// <summary>What is saved, and when.</summary>
public sealed record CheckpointOptions
{
    /// <summary>Where runs are saved.</summary>
    [Required]
    public string Folder { get; init; } = "checkpoints/pretrain";

    /// <summary>Milestones in percent of the steps, whose models are kept; the end is always one.</summary>
    public IReadOnlyList<double> Percents { get; init; } = [6.25, 12.5, 25, 50, 100];

    /// <summary>Steps between saved states that a run can resume from; 0: only when it stops and at milestones.</summary>
    [Range(0, long.MaxValue)]
    public long Every { get; init; } = 5_000;

    /// <summary>How many such states are kept.</summary>
    [Range(1, 1000)]
    public int KeepLast { get; init; } = 2;
}

/// <summary>How much of a run to do.</summary>
public enum RunPart
{
    /// <summary>All of it.</summary>
    All,

    /// <summary>The data alone.</summary>
    Data,

    /// <summary>Measuring what is saved.</summary>
    Evaluation,
}
