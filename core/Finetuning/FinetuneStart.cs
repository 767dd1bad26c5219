
using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Data.Tasks;
using Electra.Model;
using Electra.Running;
using Electra.Tensors;
using Electra.Tokenization;

namespace Electra.Finetuning;

/// <summary>What every run of a configuration begins with: the checkpoint, and the encoded rows of each task.</summary>
public sealed class FinetuneStart : IDisposable
{
    private readonly FinetuneConfig config;
    private readonly PretrainedModel checkpoint;
    private readonly IReadOnlyDictionary<StartModel, PretrainedModel> opened;
    private readonly Lock reading = new();
    private readonly List<TaskData> tasks = [];

    private FinetuneStart(FinetuneConfig config, IReadOnlyDictionary<StartModel, PretrainedModel> opened) =>
        (this.config, this.opened, checkpoint) = (config, opened, opened.First().Value);

    /// <summary>The tasks with their rows, in the order of the configuration.</summary>
    internal IReadOnlyList<TaskData> Tasks => tasks;

    /// <summary>The tokenizer of the checkpoint, or of all where there are several.</summary>
    public ElectraTokenizer Tokenizer => checkpoint.Tokenizer;

    /// <summary>The models that runs begin with.</summary>
    internal IReadOnlyList<StartModel> Models => [.. opened.Keys];

    /// <summary>The encoder's shape: that of the (first) checkpoint, with the dropout of the configuration.</summary>
    public ElectraConfig Shape => ShapeOf(checkpoint);

    private ElectraConfig ShapeOf(PretrainedModel model) => model.Config.ToModel() is var shape ? shape with
    {
        HiddenDropout = config.Training.HiddenDropout ?? shape.HiddenDropout,
        AttentionDropout = config.Training.AttentionDropout ?? shape.AttentionDropout,
    } : shape;

    /// <summary>Opens the checkpoint, and encodes the rows of all tasks or opens what was encoded before.</summary>
    /// <param name="config">The experiment.</param>
    /// <param name="console">Told what is there, and of slow work.</param>
    /// <param name="cancellation">Stops it; nothing half-done is kept.</param>
    /// <exception cref="UserErrorException">The checkpoint or a task cannot be read, or they do not fit together.</exception>
    public static FinetuneStart Open(FinetuneConfig config, RunConsole console, CancellationToken cancellation)
    {
        var opened = new OrderedDictionary<StartModel, PretrainedModel>();
        FinetuneStart start;
        try
        {
            foreach (var model in StartModel.All(config))
                opened[model] = PretrainedModel.Open(model.Source, progress: console, cancellation: cancellation);
            start = new FinetuneStart(config, opened);
        }
        catch
        {
            foreach (var model in opened.Values)
                model.Dispose();
            throw;
        }
        try
        {
            start.Prepare(console, cancellation);
            return start;
        }
        catch
        {
            start.Dispose();
            throw;
        }
    }

    /// <summary>
    /// A classifier for a task, the encoder as in the checkpoint (random where the configuration says so), the head fresh.
    /// </summary>
    /// <param name="task">The task.</param>
    /// <param name="seed">Seeds all that is fresh.</param>
    /// <param name="compute">Where to put it, and the precision to compute in.</param>
    /// <exception cref="UserErrorException">The checkpoint's weights cannot be read.</exception>
    public ElectraClassifier Create(TaskDefinition task, long seed, Compute compute) =>
        Create(opened.Keys.First(), [task], seed, compute)[0];

    /// <summary>A classifier for each of some tasks, with one encoder, as in one of several checkpoints.</summary>
    internal IReadOnlyList<ElectraClassifier> Create(
        StartModel checkpoint,
        IReadOnlyList<TaskDefinition> tasks,
        long seed,
        Compute compute
    )
    {
        var weights = opened[checkpoint];
        var models = ElectraClassifier.CreateJoint(
            ShapeOf(weights),
            [
                .. tasks.Select(task => task.Kind.Head(task) with { Prefix = tasks.Count == 1 ? "" : $"heads/{task.Name}/" }),
            ],
            config.Training.HeadDropout,
            seed,
            compute
        );
        if (config.FromScratch)
            return models;
        try
        {
            // Runs side by side share the file.
            lock (reading)
            {
                weights.Fill(models[0].EncoderWeights());
                foreach (var (model, _) in models.Zip(tasks).Where(one => Discriminates(one.Second)))
                    weights.Fill(model.HeadWeights());
            }
            models[0].Store.PublishValues();
            return models;
        }
        catch
        {
            models[0].Dispose();
            throw;
        }
    }

    /// <summary>Passes over the training rows of a task; over those of all tasks, where they are learned in one model.</summary>
    public int Epochs(TaskDefinition task) => config.Joint ? Epochs(config, tasks) : Epochs(config, task);

    /// <summary>The same under another configuration.</summary>
    internal static int Epochs(FinetuneConfig config, TaskDefinition task) =>
        config.Training.Epochs > 0 ? config.Training.Epochs : task.Epochs;

    /// <summary>What belongs to one task alone does not count for several in one model: they have the fewest epochs of any.</summary>
    internal static int Epochs(FinetuneConfig config, IEnumerable<TaskData> tasks) => tasks.Min(data => Epochs(config, data.Task));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var task in tasks)
            task.Dispose();
        foreach (var model in opened.Values)
            model.Dispose();
    }

    private void Prepare(RunConsole console, CancellationToken cancellation)
    {
        foreach (var model in opened.Values)
            RequireFitting(model);
        var shape = Shape;
        var unused =
            checkpoint.UnusedRows == 0
                ? ""
                : $", {checkpoint.UnusedRows} rows of embeddings beyond the vocabulary, which are kept and never used";
        console.Table(
            (
                "checkpoint",
                string.Join(", ", Models.Select(model => model.Source))
                    + (config.FromScratch ? " (its shape and vocabulary; the weights are random)" : "")
            ),
            (
                "encoder",
                $"{shape.Layers} layers, {shape.HiddenSize} wide, {shape.AttentionHeads} heads, {Tokenizer.Vocabulary.Count:N0} "
                    + $"tokens{unused}"
            ),
            ("tokenizer", Tokenizer.Settings.ToString()),
            ("not used of it", NotUsed() + (checkpoint.Remark is { } remark ? $"; {remark}" : "")));

        foreach (var name in config.Tasks)
        {
            var data = TaskData.Prepare(
                TaskSources.Open(name, config.Data, console, cancellation),
                Tokenizer,
                config.Encoding,
                config.Datasets,
                console,
                cancellation
            );
            tasks.Add(data);
            RequireDimensions(name, data.Task);
            RequireHead(data.Task);
            if (data.Dev.Count == 0)
                throw new UserErrorException($"{data.Task.DisplayName} has no rows to measure on: the files of its split dev are missing");
        }
        console.EndProgress();
        Describe(console);
    }

    private void Describe(RunConsole console)
    {
        var joint = config.Joint ? Mixture(config, tasks, seed: 0) : null;
        console.Table(
            ["task", "train", "dev", "test", "tokens, mean", "longest", "epochs", "updates"],
            tasks.Select((data, i) =>
                new object?[]
                {
                    data.Task.DisplayName,
                    $"{data.Train.Count:N0}",
                    Rows(data.Dev),
                    Rows(data.Test),
                    $"{data.Train.Examples.Lengths.Average():F0}",
                    $"{data.Train.Examples.Lengths.Max()}",
                    $"{Epochs(data.Task)}",
                    $"{(long)Epochs(data.Task) * (joint?.Of(i) ?? EpochUpdates(config, data)):N0}",
                }
            )
        );
        foreach (var note in tasks.SelectMany(data => data.Notes))
            console.Line(note);
        foreach (var warning in tasks.SelectMany(data => data.Warnings).Concat(tasks.SelectMany(Duplicates)))
            console.Warning(warning);
    }

    /// <summary>Whether a text is in so many rows that some batch must have it twice.</summary>
    private IEnumerable<string> Duplicates(TaskData data)
    {
        if (data.Task.Embedding is { SeparatesDuplicates: true }
            && DistinctBatches.MostRows(data.Train.Examples.RowTexts) is var most
            && EpochUpdates(config, data) is var batches
            && most > batches)
            yield return $"{data.Task.DisplayName}: a text is in {most:N0} of {data.Train.Count:N0} rows, and an epoch has {batches:N0} "
                + "batches: some have it twice, and take it for a wrong partner of itself. Smaller batches (training.batch_size) are more";
    }

    private void RequireFitting(PretrainedModel model)
    {
        if (config.Encoding.MaxLength > model.Config.MaxPositions)
            throw new UserErrorException(
                $"encoding.max_length is {config.Encoding.MaxLength}, and {model.Source} has {model.Config.MaxPositions} positions: "
                    + $"encoding.max_length={model.Config.MaxPositions} is the most"
            );
        if (model.Tokenizer.Fingerprint != Tokenizer.Fingerprint)
            throw new UserErrorException(
                $"checkpoint: {model.Source} has another vocabulary than {checkpoint.Source}: seeds of one pre-training have one. "
                    + "Fine-tune each with a command and a group of its own"
            );
    }

    private static bool Discriminates(TaskDefinition task) => task.Kind.Head(task).Discriminates;

    private void RequireHead(TaskDefinition task)
    {
        if (!config.FromScratch && Discriminates(task))
            foreach (var (start, model) in opened)
                if (model.Head != ModelHead.Discriminator)
                    throw new UserErrorException(
                        $"{task.Name} is learned with a discriminator's head, and {start.Source} has none: {ModelHeads.Described(model)}"
                    );
    }

    private void RequireDimensions(string name, TaskDefinition task)
    {
        if (task.Embedding?.Dimensions.Append(0).Max() is { } longest && longest > Shape.HiddenSize)
            throw new UserErrorException(
                $"data.own.{name}.dimensions has {longest}, and the vectors of {checkpoint.Source} are {Shape.HiddenSize} long"
            );
    }

    /// <summary>What of the checkpoint is left: heads of pre-training or of another task, and what is not part of an encoder.</summary>
    private string NotUsed() =>
        string.Join(
            ", ",
            checkpoint
                .NotAmong(
                    config.FromScratch ? []
                    : config.Tasks.Any(name => Discriminates(TaskSources.Define(name, config.Data))) ? checkpoint.Tensors.Keys
                    : WeightNames.OfEncoder(checkpoint.Config).Select(weight => weight.Name)
                )
                .GroupBy(name => name.StartsWith("electra.", StringComparison.Ordinal) && !config.FromScratch ? name : name.Split('.')[0])
                .Select(module => module.Count() == 1 ? module.First() : $"{module.Key} ({module.Count()} tensors)")
                .DefaultIfEmpty("nothing")
        );

    private static string Rows(IReadOnlyList<EncodedSplit> splits) =>
        splits.Count == 0 ? "none" : string.Join(" + ", splits.Select(split => $"{split.Count:N0}"));

    /// <summary>Updates of a run.</summary>
    internal static long Updates(FinetuneConfig config, FinetuneJob job) =>
        (long)Epochs(config, job.Tasks.Select(task => task.Data)) * Mixture(config, job).EpochUpdates;

    /// <summary>Which task each update of a run learns.</summary>
    internal static TaskMixture Mixture(FinetuneConfig config, FinetuneJob job) =>
        Mixture(config, job.Tasks.Select(task => task.Data), job.Seed);

    private static TaskMixture Mixture(FinetuneConfig config, IEnumerable<TaskData> tasks, int seed) =>
        new([.. tasks.Select(data => EpochUpdates(config, data))], config.JointMixing, RandomKey.FromSeed(seed)[2]);

    /// <summary>Updates of one pass over the training rows of a task.</summary>
    internal static int EpochUpdates(FinetuneConfig config, TaskData data) =>
        (data.Train.Examples.Units + config.Training.BatchSize - 1) / config.Training.BatchSize;
}
