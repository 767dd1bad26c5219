using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Electra.Native;

namespace Electra.Tensors.Kernels;

/// <summary>
/// Products A B with a matrix B that has been laid out for them, in panels: 64 of its columns at a time, row after row. They are computed
/// tile by tile, and each tile goes where it is needed while it is in the cache. What comes of a row of A does not depend on the rows
/// beside it.
/// </summary>
/// <typeparam name="T">The format of A and B, one that has tiles.</typeparam>
internal static unsafe class PanelProduct<T> where T : unmanaged, INumberFormat<T>
{
    /// <summary>Elements of the panels of a matrix <c>[k, n]</c>.</summary>
    public static long Size(int k, int n) => (long)ColumnRange.Panels(n) * PanelSize(k);

    /// <summary>The panels of a matrix <c>[k, n]</c>.</summary>
    /// <returns>Memory to be freed with <see cref="NativeMemory.AlignedFree"/>.</returns>
    public static T* Panels(Factor<T> matrix, int k, int n)
    {
        var panels = (T*)NativeMemory.AlignedAlloc((nuint)Size(k, n) * (nuint)sizeof(T), 64);
        Fill(matrix, k, n, 0, ColumnRange.Panels(n), panels);
        return panels;
    }

    /// <summary>Writes some of the panels of a matrix <c>[k, n]</c> to their places; columns that it lacks are zero.</summary>
    public static void Fill(Factor<T> matrix, int k, int n, int first, int end, T* panels)
    {
        for (int panel = first; panel < end; panel++)
        {
            int column = panel * Tile.Width;
            T.FillPanel(matrix.From(0, column), k, Math.Min(Tile.Width, n - column), panels + (panel * PanelSize(k)));
        }
    }

    /// <summary>Computes some columns of the product.</summary>
    /// <param name="rows">Rows of A.</param>
    /// <param name="columns">Which columns, from a panel's first.</param>
    /// <param name="k">Columns of A.</param>
    /// <param name="a">A <c>[rows, k]</c>.</param>
    /// <param name="panels">All panels.</param>
    /// <param name="end">Takes the product, tile by tile.</param>
    [SkipLocalsInit]
    public static void Multiply<TEnd>(int rows, ColumnRange columns, int k, Factor<T> a, T* panels, TEnd end)
        where TEnd : struct, IProductEnd
    {
        float* sums = stackalloc float[T.MostTileRows * Tile.Width];
        for (int column = columns.First; column < columns.End; column += Tile.Width)
        {
            T* panel = panels + (column / Tile.Width * PanelSize(k)), next = panel + PanelSize(k);
            for (int done = 0, number = 0; done < rows; number++)
            {
                int atOnce = T.TileRows(rows - done, rows);
                int first = Math.Min(done, rows - atOnce); // it begins among rows that are done where too few are left
                T* ahead = number < Tile.ToBringAPanel ? next + (number * PanelSize(k) / Tile.ToBringAPanel) : panel;
                T.MultiplyTile(atOnce, k, a.From(first, 0), panel, ahead, sums);
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

    private static long PanelSize(int k) => (long)Tile.Width * T.PanelRows(k);
}

/// <summary>Columns <paramref name="First"/> to <paramref name="End"/> − 1 of a matrix.</summary>
internal readonly record struct ColumnRange(int First, int End)
{
    public int Count => End - First;

    /// <summary>How many panels so many columns are.</summary>
    public static int Panels(int columns) => (columns + Tile.Width - 1) / Tile.Width;
}
