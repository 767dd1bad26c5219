using Electra.Native;

namespace Electra.Tensors.Kernels;

/// <summary>Products A B of matrices into float32, from panels of B where there are some, else by MKL.</summary>
/// <typeparam name="T">The format of A and B.</typeparam>
internal static unsafe class MatrixProduct<T> where T : unmanaged, INumberFormat<T>
{
    /// <summary>Floats that a product of matrices where they lie works in.</summary>
    public static long Space(int m, int n, int k) => Math.Max((long)m * n, PanelProduct<T>.Size(k, n));

    /// <summary>A B of matrices where they lie, which goes to an end.</summary>
    /// <param name="m">Rows of A.</param>
    /// <param name="n">Columns of B.</param>
    /// <param name="k">Columns of A, rows of B.</param>
    /// <param name="a">A.</param>
    /// <param name="b">B.</param>
    /// <param name="space">Memory to work in, as much as <see cref="Space"/> says.</param>
    /// <param name="end">Takes the product.</param>
    public static void To<TEnd>(int m, int n, int k, Factor<T> a, Factor<T> b, float* space, TEnd end)
        where TEnd : struct, IProductEnd
    {
        T* panels = null;
        if (a.IsTransposed ? T.HasTilesOfColumns : T.HasTiles)
        {
            panels = (T*)space;
            PanelProduct<T>.Fill(b, k, n, 0, ColumnRange.Panels(n), panels);
        }
        To(m, new ColumnRange(0, n), k, a, b, panels, space, end);
    }

    /// <summary>Some columns of A B, which go to an end.</summary>
    /// <param name="m">Rows of A.</param>
    /// <param name="columns">Which columns of B: where there are panels, from the first of one.</param>
    /// <param name="k">Columns of A, rows of B.</param>
    /// <param name="a">A.</param>
    /// <param name="b">B.</param>
    /// <param name="panels">The panels of B; null: it is not laid out so.</param>
    /// <param name="space">Memory for these columns of the product; not used where there are panels.</param>
    /// <param name="end">Takes the product.</param>
    public static void To<TEnd>(int m, ColumnRange columns, int k, Factor<T> a, Factor<T> b, T* panels, float* space, TEnd end)
        where TEnd : struct, IProductEnd
    {
        if (panels is not null)
        {
            PanelProduct<T>.Multiply(m, columns, k, a, panels, end);
            return;
        }
        T.Multiply(m, columns.Count, k, a, b.From(0, columns.First), 0, space, columns.Count);
        end.Take(new RowRange(0, m), columns, space, columns.Count);
    }
}
