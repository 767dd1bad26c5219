using Electra.Native;

namespace Electra.Tensors.Kernels;

/// <summary>Products A B of matrices where they lie, into float32.</summary>
/// <typeparam name="T">The format of A and B.</typeparam>
internal static unsafe class MatrixProduct<T> where T : unmanaged, INumberFormat<T>
{
    /// <summary>Floats that <see cref="To"/> works in.</summary>
    public static long Space(int m, int n, int k) => Math.Max((long)m * n, PanelProduct<T>.Size(k, n));

    /// <summary>A B, which goes to an end.</summary>
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
        if (!(a.IsTransposed ? T.HasTilesOfColumns : T.HasTiles))
        {
            T.Multiply(m, n, k, a, b, 0, space, n);
            end.Take(new RowRange(0, m), new ColumnRange(0, n), space, n);
            return;
        }
        var panels = (T*)space;
        PanelProduct<T>.Fill(b, k, n, 0, ColumnRange.Panels(n), panels);
        PanelProduct<T>.Multiply(m, new ColumnRange(0, n), k, a, panels, end);
    }
}
