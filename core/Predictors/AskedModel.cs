using Electra.Data.Tasks;
using Electra.Finetuning;
using Electra.Tensors;

namespace Electra.Predictors;

/// <summary>A fine-tuned model that many may ask: rows in, the outputs of each out, by the way that lines of text are predicted.</summary>
internal sealed class AskedModel : IDisposable
{
    private readonly Turns<FinetunedModel> turns;

    /// <summary>Opens a model.</summary>
    /// <param name="source">A run, a folder or a name on the hub.</param>
    /// <param name="fits">Whether it is of the kind that is wanted.</param>
    /// <param name="wanted">That kind in words: <c>classify texts</c>.</param>
    /// <param name="compute">Where to compute; null: the default, in float32.</param>
    /// <param name="progress">Told of a download.</param>
    /// <param name="cancellation">Stops a download.</param>
    public AskedModel(
        string source,
        Func<TaskDefinition, bool> fits,
        string wanted,
        Compute? compute,
        IProgress<ProgressReport>? progress,
        CancellationToken cancellation
    )
    {
        compute ??= Compute.Open(new ComputeOptions(), Precision.Float32);
        var model = FinetunedModel.OpenAny(source, compute, progress, cancellation);
        (turns, Source, Task) = (new(model), source, model.Task);
        if (fits(Task))
            return;
        turns.Dispose();
        throw new UserErrorException(
            $"{source} was not trained to {wanted}: it learned {(Task.IsPair ? "pairs of texts" : "single texts")} with "
                + Task.Kind.Described(Task)
        );
    }

    /// <summary>What the model learned.</summary>
    public TaskDefinition Task { get; }

    /// <summary>Whether the model says if it reads pairs: a folder of Hugging Face's form does not.</summary>
    public bool KnowsPairs => !Task.MayBePair;

    private string Source { get; }

    /// <summary>The outputs for each row.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="batchSize">Rows that are computed at once.</param>
    /// <param name="cancellation">Stops.</param>
    /// <exception cref="UserErrorException">An output is not finite: the model diverged in training.</exception>
    public IReadOnlyList<float[]> Ask(IReadOnlyList<TaskRow> rows, int batchSize, CancellationToken cancellation) =>
        Outputs(rows, batchSize, cancellation) is var outputs ? [.. rows.Select((_, row) => outputs[row])] : [];

    /// <summary>The same with the rows as the model read them.</summary>
    public TaskOutputs Outputs(IReadOnlyList<TaskRow> rows, int batchSize, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        if (rows.Count == 0)
            return new TaskOutputs(Task, [], [], []);
        var outputs = turns.Take(model => model.Predict(rows, batchSize, new RowCounts(), cancellation), cancellation);
        Metrics.Finite(outputs.Outputs, Source);
        return outputs;
    }

    /// <inheritdoc/>
    public void Dispose() => turns.Dispose();
}
