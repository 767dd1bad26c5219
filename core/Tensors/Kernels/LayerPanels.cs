using System.Runtime.InteropServices;
using Electra.Native;

namespace Electra.Tensors.Kernels;

/// <summary>
/// The weights of a layer, laid out in panels for one pass where they do not lie so already: it costs a fiftieth of a step of
/// ELECTRA-small, and no memory that lasts.
/// </summary>
internal sealed unsafe class LayerPanels<T> : IDisposable where T : unmanaged, INumberFormat<T>
{
    private readonly T* memory;

    /// <summary>Lays them out on all threads.</summary>
    /// <param name="shape">The layer.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="transposed">Whether the pass multiplies with transposed weights, as the way forward does.</param>
    public LayerPanels(TransformerLayerKernel.Shape shape, TransformerLayerKernel.Parameters<LinearWeights<T>> weights, bool transposed)
    {
        Weights = weights;
        if (weights.Output.Panels is not null || !T.HasTiles)
            return;
        var (hidden, intermediate) = (shape.Hidden, shape.Intermediate);
        Matrix[] matrices =
        [
            new(weights.QueryKeyValue.Weight, 3 * hidden, hidden, transposed),
            new(weights.AttentionOutput.Weight, hidden, hidden, transposed),
            new(weights.Intermediate.Weight, intermediate, hidden, transposed),
            new(weights.Output.Weight, hidden, intermediate, transposed),
        ];
        memory = (T*)NativeMemory.AlignedAlloc((nuint)(matrices.Sum(matrix => matrix.Size) * sizeof(T)), 64);
        long[] starts = [.. matrices.Select((_, i) => matrices.Take(i).Sum(matrix => matrix.Size))];
        ParallelRegion.Run(
            shape.Parts,
            part =>
            {
                for (int i = 0; i < matrices.Length; i++)
                    matrices[i].Fill(memory + starts[i], part, shape.Parts);
            }
        );
        LinearWeights<T> In(LinearWeights<T> linear, int i) => new(linear.Weight, linear.Bias, memory + starts[i]);
        Weights = new()
        {
            QueryKeyValue = In(weights.QueryKeyValue, 0),
            AttentionOutput = In(weights.AttentionOutput, 1),
            Intermediate = In(weights.Intermediate, 2),
            Output = In(weights.Output, 3),
            AttentionNorm = weights.AttentionNorm,
            OutputNorm = weights.OutputNorm,
        };
    }

    /// <summary>The weights, with their panels.</summary>
    public TransformerLayerKernel.Parameters<LinearWeights<T>> Weights { get; }

    public void Dispose() => NativeMemory.AlignedFree(memory);

    /// <summary>What is multiplied with: a weight <c>[outputs, inputs]</c>, or the transposed of it.</summary>
    private readonly struct Matrix(T* weight, int outputs, int inputs, bool transposed)
    {
        private int Rows => transposed ? inputs : outputs;

        private int Columns => transposed ? outputs : inputs;

        public long Size => PanelProduct<T>.Size(Rows, Columns);

        /// <summary>Lays out a part of the panels.</summary>
        public void Fill(T* panels, int part, int parts)
        {
            var (first, end) = ParallelRegion.Part(ColumnRange.Panels(Columns), part, parts);
            PanelProduct<T>.Fill(new Factor<T>(weight, inputs, transposed), Rows, Columns, first, end, panels);
        }
    }
}
