
using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Data.Tasks;
using Electra.Model;
using Electra.Running;
using Electra.Storage;
using Electra.Tensors;
using Electra.Tokenization;

namespace Electra.Finetuning;

/// <summary>A fine-tuned model, ready to predict.</summary>
internal sealed class FinetunedModel : IDisposable
{
    private FinetunedModel(
        string source,
        TaskDefinition task,
        EncodingOptions encoding,
        ElectraTokenizer tokenizer,
        ElectraClassifier model
    ) => (Source, Task, Encoding, Tokenizer, Model) = (source, task, encoding, tokenizer, model);

    /// <summary>Where it is from.</summary>
    public string Source { get; }

    /// <summary>What came of the run, and what it was; null of a model that is no run of this kit.</summary>
    public (FinetuneResult Result, FinetuneConfig Config)? Run { get; private init; }

    /// <summary>The task it learned.</summary>
    public TaskDefinition Task { get; }

    /// <summary>The tokenizer it reads with.</summary>
    public ElectraTokenizer Tokenizer { get; }

    /// <summary>How it reads rows.</summary>
    public EncodingOptions Encoding { get; }

    private ElectraClassifier Model { get; }

    /// <summary>Opens a run of this kit, a folder of Hugging Face's form, or a model on the hub.</summary>
    /// <param name="source">Where it is, as <see cref="PretrainedModel.Open(string, ModelPart, IProgress{ProgressReport}?,
    /// CancellationToken)"/> takes it.</param>
    /// <param name="compute">Where to put it, and the precision to compute in.</param>
    /// <param name="progress">Told of a download.</param>
    /// <param name="cancellation">Stops a download.</param>
    /// <exception cref="UserErrorException">There is no such model, it cannot be read, or it was not fine-tuned.</exception>
    public static FinetunedModel OpenAny(
        string source,
        Compute compute,
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default
    )
    {
        if (ResultFile.IsIn(Paths.Find(source)))
            return Open(Paths.Find(source), compute);
        using var weights = PretrainedModel.Open(source, ModelPart.Discriminator, progress, cancellation);
        var task = ModelTask.Of(weights);
        var model = HuggingFaceClassifier.Open(weights, compute, HeadOf(task));
        return new FinetunedModel(source, task, ModelTask.Encoding(weights), weights.Tokenizer, model);
    }

    /// <summary>Opens the model of a run.</summary>
    /// <param name="folder">The run's folder, <c>checkpoints/glue/small_rte_0</c>.</param>
    /// <param name="compute">Where to put it, and the precision to compute in.</param>
    /// <exception cref="UserErrorException">The run is not finished, or its files are damaged.</exception>
    public static FinetunedModel Open(string folder, Compute compute)
    {
        var result = FinetuneResult.Load(folder);
        var config = FinetuneConfig.OfRun(
            folder,
            "Predict with another run (predict.runs={task: number}), or do this one over (finetune.csx with resume=never)."
        );
        var task = TaskSources.Define(result.Task, config.Data) with { Threshold = result.Threshold };
        using var weights = PretrainedModel.Open(folder);
        var model = HuggingFaceClassifier.Open(weights, compute, HeadOf(task));
        if (task.Outputs == 0 || model.Outputs == task.Outputs)
            return new FinetunedModel(folder, task, config.Encoding, weights.Tokenizer, model) { Run = (result, config) };
        model.Dispose();
        throw new UserErrorException(
            $"{Paths.Shown(folder)} has {model.Outputs} outputs, and its task {task.DisplayName} has {task.Outputs}: the files of two runs"
        );
    }

    /// <summary>The outputs for all rows of a split.</summary>
    /// <param name="split">Rows, encoded with <see cref="Tokenizer"/>.</param>
    /// <param name="batchSize">Rows that are computed at once.</param>
    /// <param name="progress">Told of the rows done.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <returns><c>[rows · outputs]</c> in the split's own order.</returns>
    public float[] Predict(
        EncodedSplit split,
        int batchSize,
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default
    ) =>
        TaskScorer.Score(
            Model,
            split.Examples,
            batchSize,
            $"predicting {Task.DisplayName} {split.Split.Name}, {Path.GetFileName(Source)}",
            progress,
            cancellation
        );

    /// <summary>The outputs for rows of text.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="batchSize">Rows that are computed at once.</param>
    /// <param name="counts">What becomes of the rows is added here.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <returns>The outputs in the order of the rows.</returns>
    public TaskOutputs Predict(IReadOnlyList<TaskRow> rows, int batchSize, RowCounts counts, CancellationToken cancellation)
    {
        var examples = EncodedRows.Of(Task, rows, Tokenizer, Encoding, counts);
        return examples.With(TaskScorer.Score(Model, examples, batchSize, "predicting", null, cancellation)) with { Texts = rows };
    }

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();

    /// <summary>The head of a task, where the weights alone do not say it.</summary>
    private static TaskHead? HeadOf(TaskDefinition task) =>
        task.Kind.Head(task) is { } head && (head.Answers is not null || head.Discriminates) ? head : null;
}
