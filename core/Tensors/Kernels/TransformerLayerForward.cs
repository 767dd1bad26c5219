using System.Runtime.InteropServices;
using Electra.Native;

namespace Electra.Tensors.Kernels;

/// <content>The way forward.</content>
internal static unsafe partial class TransformerLayerKernel
{
    /// <summary>Rows for each thread below which reading the weights takes as long as computing with them.</summary>
    private const int FewRows = 40;

    /// <summary>The stages of a layer. A product is of some rows and some columns; what it gives stays in float32 until it is activated,
    /// attended with or normalised.</summary>
    private sealed class ForwardPass<T>(Shape shape, Parameters<LinearWeights<T>> weights, T* x, Activations<T> kept, T* result)
        where T : unmanaged, INumberFormat<T>
    {
        private readonly int hidden = shape.Hidden, intermediate = shape.Intermediate;

        /// <summary>
        /// Whether each thread takes all rows through some columns of each product, and so reads its part of the weights only: where
        /// rows are few, and nothing is kept for a backward pass.
        /// </summary>
        public bool SharesColumns => shape.Parts > 1 && shape.Rows < FewRows * shape.Parts && kept.Slope is null;

        /// <summary>Runs all stages so.</summary>
        public void RunSharingColumns()
        {
            var all = new RowRange(0, shape.Rows);
            var product = (float*)NativeMemory.AlignedAlloc((nuint)shape.Rows * (nuint)shape.Widest * sizeof(float), 64);
            ByColumns(3 * hidden, columns => Project(all, columns, product));
            ParallelRegion.Split(shape.Attention.Batch * shape.Attention.Heads, shape.Parts, (first, end) => Attend(new(first, end)));
            ByColumns(hidden, columns => ProjectContext(all, columns, product));
            ByRows(rows => NormaliseAttended(rows, product + At(rows, hidden)));
            ByColumns(intermediate, columns => Activate(all, columns, product));
            ByColumns(hidden, columns => ProjectActivated(all, columns, product));
            ByRows(rows => NormaliseResult(rows, product + At(rows, hidden)));
            NativeMemory.AlignedFree(product);
        }

        private void ByColumns(int width, Action<ColumnRange> work) =>
            ParallelRegion.Split(
                ColumnRange.Panels(width),
                shape.Parts,
                (first, end) => work(new ColumnRange(first * Tile.Width, Math.Min(end * Tile.Width, width)))
            );

        private void ByRows(Action<RowRange> work) =>
            ParallelRegion.Split(shape.Rows, shape.Parts, (first, end) => work(new RowRange(first, end - first)));

        /// <summary>All that comes before attention, for some rows.</summary>
        public void BeforeAttention(RowRange rows, float* product) => Project(rows, new ColumnRange(0, 3 * hidden), product);

        public void Attend(HeadRange heads) =>
            AttentionKernel.Forward(shape.Attention, heads, kept.QueryKeyValue, kept.Context, kept.AttentionWeights);

        /// <summary>All that comes after it.</summary>
        public void AfterAttention(RowRange rows, float* product)
        {
            var all = new ColumnRange(0, hidden);
            ProjectContext(rows, all, product);
            NormaliseAttended(rows, product);
            Activate(rows, new ColumnRange(0, intermediate), product);
            ProjectActivated(rows, all, product);
            NormaliseResult(rows, product);
        }

        private void Project(RowRange rows, ColumnRange columns, float* space) =>
            Multiply(
                rows,
                columns,
                x,
                hidden,
                weights.QueryKeyValue,
                space,
                new Rounded<T>(weights.QueryKeyValue.Bias, 0, kept.QueryKeyValue + At(rows, 3 * hidden), 3 * hidden)
            );

        private void ProjectContext(RowRange rows, ColumnRange columns, float* product) =>
            Multiply(rows, columns, kept.Context, hidden, weights.AttentionOutput, product, hidden);

        private void ProjectActivated(RowRange rows, ColumnRange columns, float* product) =>
            Multiply(rows, columns, kept.Activated, intermediate, weights.Output, product, hidden);

        private void Activate(RowRange rows, ColumnRange columns, float* space)
        {
            long at = At(rows, intermediate);
            Multiply(
                rows,
                columns,
                kept.Attended,
                hidden,
                weights.Intermediate,
                space,
                new Activated<T>(weights.Intermediate.Bias, kept.Activated + at, From(kept.Slope, at), intermediate)
            );
        }

        private void NormaliseAttended(RowRange rows, float* product)
        {
            long at = At(rows, hidden);
            AddNormKernel.Forward(
                rows,
                hidden,
                shape.AttendedMask,
                product,
                weights.AttentionOutput.Bias,
                x + at,
                weights.AttentionNorm,
                shape.Epsilon,
                kept.Attended + at,
                From(kept.AttendedUnit, at),
                From(kept.AttendedDeviation, rows.First)
            );
        }

        private void NormaliseResult(RowRange rows, float* product)
        {
            long at = At(rows, hidden);
            AddNormKernel.Forward(
                rows,
                hidden,
                shape.OutputMask,
                product,
                weights.Output.Bias,
                kept.Attended + at,
                weights.OutputNorm,
                shape.Epsilon,
                result + at,
                From(kept.OutputUnit, at),
                From(kept.OutputDeviation, rows.First)
            );
        }

        /// <summary>Some columns of y ← x Wᵀ: x <c>[rows, inputs]</c>, W <c>[width, inputs]</c>.</summary>
        private static void Multiply(RowRange rows, ColumnRange columns, T* x, int inputs, LinearWeights<T> weights, float* y, int width)
        {
            var factor = new Factor<T>(x + At(rows, inputs), inputs);
            if (weights.Panels is not null)
                PanelProduct<T>.Multiply(rows.Count, columns, inputs, factor, weights.Panels, new Written(y, width));
            else
                T.Multiply(
                    rows.Count,
                    columns.Count,
                    inputs,
                    factor,
                    Transposed(weights, inputs).From(0, columns.First),
                    0,
                    y + columns.First,
                    width
                );
        }

        /// <summary>The same, that goes to an end.</summary>
        private static void Multiply<TEnd>(
            RowRange rows,
            ColumnRange columns,
            T* x,
            int inputs,
            LinearWeights<T> weights,
            float* space,
            TEnd end
        )
            where TEnd : struct, IProductEnd =>
            MatrixProduct<T>.To(
                rows.Count,
                columns,
                inputs,
                new Factor<T>(x + At(rows, inputs), inputs),
                Transposed(weights, inputs),
                weights.Panels,
                space + ((long)rows.Count * columns.First), // other threads have other columns
                end
            );

        private static Factor<T> Transposed(LinearWeights<T> weights, int inputs) => new(weights.Weight, inputs, isTransposed: true);
    }
}
