using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Electra.Tensors.Kernels;

/// <summary>What becomes of a product while it is in the cache.</summary>
internal unsafe interface IProductEnd
{
    /// <summary>Takes a part.</summary>
    /// <param name="rows">Its rows.</param>
    /// <param name="columns">Its columns.</param>
    /// <param name="product">Its first element; may be overwritten.</param>
    /// <param name="stride">The distance from row to row.</param>
    void Take(RowRange rows, ColumnRange columns, float* product, int stride);
}

/// <summary>It is written as it is.</summary>
/// <param name="target">The first row.</param>
/// <param name="width">The distance from row to row.</param>
internal readonly unsafe struct Written(float* target, int width) : IProductEnd
{
    public void Take(RowRange rows, ColumnRange columns, float* product, int stride)
    {
        float* to = target + ((long)rows.First * width) + columns.First;
        for (int row = 0; row < rows.Count; row++, product += stride, to += width)
        {
            int i = 0;
            for (; i + Lane.Width <= columns.Count; i += Lane.Width)
                Vector512.Load(product + i).Store(to + i);
            for (; i < columns.Count; i++)
                to[i] = product[i];
        }
    }
}

/// <summary>It is multiplied by a number.</summary>
/// <param name="factor">The number.</param>
/// <param name="target">The first row of the result.</param>
/// <param name="width">The distance from row to row.</param>
internal readonly unsafe struct Scaled(float factor, float* target, int width) : IProductEnd
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Take(RowRange rows, ColumnRange columns, float* product, int stride)
    {
        float* to = target + ((long)rows.First * width) + columns.First;
        var factors = Vector512.Create(factor);
        for (int row = 0; row < rows.Count; row++, product += stride, to += width)
        {
            int i = 0;
            for (; i + Lane.Width <= columns.Count; i += Lane.Width)
                (Vector512.Load(product + i) * factors).Store(to + i);
            for (; i < columns.Count; i++)
                to[i] = product[i] * factor;
        }
    }
}

/// <summary>It is added to what is there.</summary>
/// <param name="target">The first row of that.</param>
/// <param name="width">The distance from row to row.</param>
internal readonly unsafe struct Added(float* target, int width) : IProductEnd
{
    public void Take(RowRange rows, ColumnRange columns, float* product, int stride)
    {
        float* to = target + ((long)rows.First * width) + columns.First;
        for (int row = 0; row < rows.Count; row++, product += stride, to += width)
            Lane.Add(product, to, columns.Count);
    }
}

/// <summary>It is written in the format of the activations, after something has been added to it.</summary>
/// <param name="addend">The first row of what is added; null: nothing.</param>
/// <param name="toNextAddend">From a row to the next of it; 0: the same for all rows, a bias.</param>
/// <param name="target">The first row of the result.</param>
/// <param name="width">The distance from row to row.</param>
internal readonly unsafe struct Rounded<T>(float* addend, int toNextAddend, T* target, int width) : IProductEnd
    where T : unmanaged, INumberFormat<T>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Take(RowRange rows, ColumnRange columns, float* product, int stride)
    {
        float* added = addend is null ? null : addend + ((long)rows.First * toNextAddend) + columns.First;
        T* to = target + ((long)rows.First * width) + columns.First;
        for (int row = 0; row < rows.Count; row++, product += stride, to += width)
        {
            for (int i = 0; i < columns.Count; i += 2 * Lane.Width)
            {
                Vector512<float> low = Vector512.Load(product + i), high = Vector512.Load(product + i + Lane.Width);
                if (added is not null)
                {
                    low += Vector512.Load(added + i);
                    high += Vector512.Load(added + i + Lane.Width);
                }
                T.Store(low, high, to + i);
            }
            if (added is not null)
                added += toNextAddend;
        }
    }
}

/// <summary>A product to which a bias is added, and of which GELU is taken.</summary>
/// <param name="bias">The bias.</param>
/// <param name="target">The first row of the result.</param>
/// <param name="slope">The first row of GELU's derivative; may be null.</param>
/// <param name="width">The distance from row to row.</param>
internal readonly unsafe struct Activated<T>(float* bias, T* target, T* slope, int width) : IProductEnd
    where T : unmanaged, INumberFormat<T>
{
    public void Take(RowRange rows, ColumnRange columns, float* product, int stride)
    {
        long at = ((long)rows.First * width) + columns.First;
        GeluKernel.ForwardRows(
            rows.Count,
            columns.Count,
            product,
            stride,
            bias + columns.First,
            target + at,
            slope is null ? null : slope + at,
            width
        );
    }
}

/// <summary>The gradient of an activation, which is multiplied by the activation's slope.</summary>
/// <param name="slope">The first row of the slope; becomes the gradient before the activation.</param>
/// <param name="width">The distance from row to row.</param>
/// <param name="biasSums">The sums over rows are added to it.</param>
internal readonly unsafe struct MultipliedBySlope<T>(T* slope, int width, float* biasSums) : IProductEnd
    where T : unmanaged, INumberFormat<T>
{
    public void Take(RowRange rows, ColumnRange columns, float* product, int stride) =>
        GeluKernel.BackwardRows(
            rows.Count,
            columns.Count,
            product,
            stride,
            slope + ((long)rows.First * width) + columns.First,
            width,
            biasSums + columns.First
        );
}
