using Electra.Data.Tasks;
using Electra.Model;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Finetuning;

/// <summary>A classifier's outputs for the rows of a split, without dropout.</summary>
internal static class TaskScorer
{
    /// <summary>The outputs for all rows.</summary>
    /// <param name="model">The classifier.</param>
    /// <param name="split">The rows.</param>
    /// <param name="batchSize">Rows that are computed at once; they are of like length.</param>
    /// <param name="progress">Told of the rows done; null: nobody.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <returns><c>[rows · outputs]</c> in the split's own order.</returns>
    public static float[] Score(
        ElectraClassifier model,
        EncodedSplit split,
        int batchSize,
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default
    ) => Score(model, split.ByLength(batchSize), split.Count, $"predicting {split.Split.Name}", progress, cancellation);

    /// <summary>The outputs for all rows.</summary>
    /// <param name="model">The classifier.</param>
    /// <param name="batches">The rows, each once.</param>
    /// <param name="rows">How many they are.</param>
    /// <param name="stage">What the progress is called.</param>
    /// <param name="progress">Told of the rows done; null: nobody.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <returns><c>[rows · outputs]</c> in the order of the rows' numbers.</returns>
    public static float[] Score(
        ElectraClassifier model,
        IEnumerable<TaskBatch> batches,
        int rows,
        string stage,
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default
    )
    {
        using var _ = no_grad();
        var logits = new float[rows * model.Outputs];
        int done = 0;
        foreach (var batch in batches)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var outputs = FinetuneMethod.Logits(model, batch.Tokens, Dropout.None).cpu().data<float>().ToArray();
            foreach (var (i, row) in batch.Rows.Index())
                outputs.AsSpan(i * model.Outputs, model.Outputs).CopyTo(logits.AsSpan(row * model.Outputs));
            done += batch.Rows.Length;
            progress?.Report(new ProgressReport(stage, done, rows, "rows"));
        }
        return logits;
    }
}
