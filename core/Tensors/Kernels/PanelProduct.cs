using System.Runtime.InteropServices;

namespace Electra.Tensors.Kernels;

/// <summary>
/// Products x Wᵀ with a matrix W of float32 that has been laid out for them, in panels: 64 of its rows at a time, element after element.
/// What comes of a row does not depend on the rows beside it.
/// </summary>
internal static unsafe class PanelProduct
{
    /// <summary>The panels of W <c>[n, k]</c>, one after the other; those of columns that W lacks are zero.</summary>
    /// <returns>Memory to be freed with <see cref="NativeMemory.AlignedFree"/>.</returns>
    public static float* Panels(float* w, int n, int k)
    {
        int columns = ColumnRange.Panels(n) * Tile.Width;
        var panels = (float*)NativeMemory.AlignedAlloc((nuint)columns * (nuint)k * sizeof(float), 64);
        float* target = panels;
        for (int first = 0; first < columns; first += Tile.Width)
            for (int i = 0; i < k; i++)
                for (int column = first; column < first + Tile.Width; column++)
                    *target++ = column < n ? w[((long)column * k) + i] : 0;
        return panels;
    }

    /// <summary>Computes some columns of the product.</summary>
    /// <param name="rows">Rows of x.</param>
    /// <param name="columns">Which columns, from a panel's first.</param>
    /// <param name="k">Columns of x.</param>
    /// <param name="x">x <c>[rows, k]</c>.</param>
    /// <param name="panels">All panels.</param>
    /// <param name="end">Takes the product, tile by tile.</param>
    public static void Multiply<TEnd>(int rows, ColumnRange columns, int k, float* x, float* panels, TEnd end)
        where TEnd : struct, IProductEnd
    {
        float* sums = stackalloc float[Tile.Rows * Tile.Width];
        int atOnce = rows < Tile.Rows ? 1 : Tile.Rows;
        for (int column = columns.First; column < columns.End; column += Tile.Width)
        {
            float* panel = panels + ((long)column * k), next = panel + ((long)Tile.Width * k);
            for (int done = 0, number = 0; done < rows; number++)
            {
                int first = Math.Min(done, rows - atOnce); // the last tile begins among rows that are done where too few are left
                float* ahead = number < Tile.ToBringAPanel ? next + ((long)number * Tile.BroughtAhead * k) : panel;
                Tile.Multiply(k, x + ((long)first * k), atOnce == 1 ? 0 : k, panel, ahead, sums);
                end.Take(
                    new RowRange(done, first + atOnce - done),
                    new ColumnRange(column, Math.Min(column + Tile.Width, columns.End)),
                    sums + ((done - first) * Tile.Width),
                    Tile.Width
                );
                done = first + atOnce;
            }
        }
    }
}

/// <summary>Columns <paramref name="First"/> to <paramref name="End"/> − 1 of a matrix.</summary>
internal readonly record struct ColumnRange(int First, int End)
{
    public int Count => End - First;

    /// <summary>How many panels so many columns are.</summary>
    public static int Panels(int columns) => (columns + Tile.Width - 1) / Tile.Width;
}

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
        for (int row = 0; row < rows.Count; row++)
            new Span<float>(product + (row * stride), columns.Count)
                .CopyTo(new(target + ((long)(rows.First + row) * width) + columns.First, columns.Count));
    }
}
