using Electra.Data.Tasks;

namespace Electra.Finetuning.Prediction;

/// <summary>What a model puts out for rows, row by row.</summary>
internal static class RowOutputs
{
    /// <summary>The outputs of each row.</summary>
    /// <param name="task">The task.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="outputs"><c>[places · outputs]</c> in the order of the rows.</param>
    public static IEnumerable<float[]> Of(TaskDefinition task, IEnumerable<TaskRow> rows, float[] outputs)
    {
        int start = 0;
        foreach (var row in rows)
        {
            int end = start + (task.Outputs * task.Kind.Places(row));
            yield return outputs[start..end];
            start = end;
        }
    }
}
