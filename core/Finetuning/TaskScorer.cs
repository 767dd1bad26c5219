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
    /// <param name="examples">The rows.</param>
    /// <param name="batchSize">Examples that are computed at once; they are of like length.</param>
    /// <param name="stage">What the progress is called.</param>
    /// <param name="progress">Told of the rows done; null: nobody.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <returns><c>[places · outputs]</c> in the order of the rows.</returns>
    public static float[] Score(
        ElectraClassifier model,
        TaskExamples examples,
        int batchSize,
        string stage,
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default
    )
    {
        using var _ = no_grad();
        float[] unread = examples.Task.Kind.Unread(examples.Task);
        float[] logits = unread.Length == 0 ? new float[examples.Places * model.Outputs]
            : [.. Enumerable.Repeat(unread, examples.Places).SelectMany(outputs => outputs)];
        int done = 0;
        foreach (var batch in examples.ByLength(batchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            if (batch.Places.Length == 0) // texts without words
                continue;
            var outputs = FinetuneMethod.Logits(model, batch.Tokens, Dropout.None, batch.Positions).cpu();
            float[] values = outputs.data<float>().ToArray();
            int width = (int)outputs.shape[1];
            foreach (var (i, place) in batch.Places.Index())
            {
                // Where examples have places of their own, those of padding are left.
                var (start, count) = model.FindsAnswers ? examples.PlacesOf(place) : (place, 1);
                values.AsSpan(i * width, count * model.Outputs).CopyTo(logits.AsSpan(start * model.Outputs));
            }
            done += batch.Tokens.Size;
            progress?.Report(new ProgressReport(stage, done, examples.Count, "rows"));
        }
        return logits;
    }

    /// <summary>The mean loss on the rows of some splits, without dropout, weighted as in training.</summary>
    /// <param name="model">The classifier.</param>
    /// <param name="method">Has the loss.</param>
    /// <param name="splits">Rows with labels.</param>
    /// <param name="batchSize">Units that are computed at once.</param>
    /// <param name="cancellation">Stops the work.</param>
    public static double Loss(
        ElectraClassifier model,
        FinetuneMethod method,
        IEnumerable<EncodedSplit> splits,
        int batchSize,
        CancellationToken cancellation
    )
    {
        using var _ = no_grad();
        double sum = 0, weights = 0;
        foreach (var examples in splits.Select(split => split.Examples))
            foreach (var batch in examples.PartsByLength(batchSize))
            {
                cancellation.ThrowIfCancellationRequested();
                double weight = examples.Task.Kind.Weight(examples.Task, batch.Labels);
                if (weight == 0)
                    continue;
                using var scope = NewDisposeScope();
                sum += weight * method.Forward(model, examples.Task, batch, Dropout.None).item<float>();
                weights += weight;
            }
        return sum / weights;
    }
}
