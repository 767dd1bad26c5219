using Electra.Data.Tasks;
using Electra.Model;
using Electra.Tensors;
using Electra.Training;

namespace Electra.Finetuning;

/// <summary>What an update of fine-tuning takes of a GPU's memory.</summary>
internal static class FinetuneMemory
{
    /// <summary>The estimate of a run, in the task that takes the most.</summary>
    /// <param name="options">How much a batch is.</param>
    /// <param name="shape">The encoder's shape.</param>
    /// <param name="store">The parameters.</param>
    /// <param name="tasks">The training rows of each task.</param>
    /// <param name="keepsBest">Whether the best weights are kept beside the latest.</param>
    public static TrainingMemory Of(
        FinetuneOptions options,
        ElectraConfig shape,
        ParameterStore store,
        IEnumerable<TaskExamples> tasks,
        bool keepsBest
    )
    {
        int batch = options.MicroBatchSize > 0 ? Math.Min(options.MicroBatchSize, options.BatchSize) : options.BatchSize;
        return tasks
            .Select(rows => new TrainingMemory
            {
                Parameters = store.ParameterCount,
                WeightCopies = keepsBest ? 1 : 0,
                Judging = [shape],
                Examples = Math.Min(batch, Math.Max(1, rows.Units)),
                // Of a row of several examples, all of them.
                Length = rows.Lengths.DefaultIfEmpty(1).Max() * ((rows.Count + rows.Units - 1) / Math.Max(1, rows.Units)),
                Precision = store.Compute.Precision,
                Recomputes = options.Recompute,
            })
            .MaxBy(memory => memory.Bytes)!;
    }
}
