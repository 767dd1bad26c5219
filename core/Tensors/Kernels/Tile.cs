using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Electra.Tensors.Kernels;

/// <summary>
/// Six rows of a product A B by a panel of B's columns: the sums stay in registers. Each is summed in the order of k, one fused
/// multiply-add after the other: it does not depend on the width of the registers, or on what is computed beside it.
/// </summary>
internal static unsafe class Tile
{
    /// <summary>Rows of a tile.</summary>
    public const int Rows = 6;

    /// <summary>Columns of a tile: a panel is as wide.</summary>
    public const int Width = 64;

    /// <summary>Numbers that a tile brings into the cache for each row of its panel: a cache line.</summary>
    public const int BroughtAhead = 16;

    /// <summary>Tiles that together bring a whole panel.</summary>
    public const int ToBringAPanel = Width / BroughtAhead;

    /// <summary>Computes a tile.</summary>
    /// <param name="k">Length of the sums.</param>
    /// <param name="a">The first row of A.</param>
    /// <param name="toNextRow">The distance from row to row of A; 0: all six are the same.</param>
    /// <param name="toNextColumn">The distance from column to column of A.</param>
    /// <param name="panel">The columns of B, <c>[k, 64]</c>.</param>
    /// <param name="ahead">What is read next: <see cref="BroughtAhead"/> of it for each row of the panel.</param>
    /// <param name="sums">Receives the tile, <c>[6, 64]</c>.</param>
    public static void Multiply(int k, float* a, long toNextRow, long toNextColumn, float* panel, float* ahead, float* sums)
    {
        var (byRow, byColumn) = ((nint)toNextRow * sizeof(float), (nint)toNextColumn * sizeof(float));
        if (Vector512.IsHardwareAccelerated)
            ByAvx512(k, (byte*)a, byRow, byColumn, panel, ahead, sums);
        else
            for (int column = 0; column < Width; column += 2 * Vector256<float>.Count)
                ByAvx2(k, (byte*)a, byRow, byColumn, panel + column, sums + column);
    }

    /// <summary>All columns: 24 of 32 registers hold sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ByAvx512(int k, byte* row0, nint toNextRow, nint toNextColumn, float* panel, float* ahead, float* sums)
    {
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default,
            c0 = default, c1 = default, c2 = default, c3 = default, d0 = default, d1 = default, d2 = default, d3 = default,
            e0 = default, e1 = default, e2 = default, e3 = default, f0 = default, f1 = default, f2 = default, f3 = default;
        byte* row3 = row0 + (3 * toNextRow);
        for (int i = 0; i < k; i++, row0 += toNextColumn, row3 += toNextColumn, panel += Width, ahead += BroughtAhead)
        {
            Sse.Prefetch0(ahead);
            Vector512<float> w0 = Vector512.Load(panel), w1 = Vector512.Load(panel + 16),
                w2 = Vector512.Load(panel + 32), w3 = Vector512.Load(panel + 48);
            var x = Vector512.Create(*(float*)row0);
            a0 = Vector512.FusedMultiplyAdd(x, w0, a0);
            a1 = Vector512.FusedMultiplyAdd(x, w1, a1);
            a2 = Vector512.FusedMultiplyAdd(x, w2, a2);
            a3 = Vector512.FusedMultiplyAdd(x, w3, a3);
            x = Vector512.Create(*(float*)(row0 + toNextRow));
            b0 = Vector512.FusedMultiplyAdd(x, w0, b0);
            b1 = Vector512.FusedMultiplyAdd(x, w1, b1);
            b2 = Vector512.FusedMultiplyAdd(x, w2, b2);
            b3 = Vector512.FusedMultiplyAdd(x, w3, b3);
            x = Vector512.Create(*(float*)(row0 + (2 * toNextRow)));
            c0 = Vector512.FusedMultiplyAdd(x, w0, c0);
            c1 = Vector512.FusedMultiplyAdd(x, w1, c1);
            c2 = Vector512.FusedMultiplyAdd(x, w2, c2);
            c3 = Vector512.FusedMultiplyAdd(x, w3, c3);
            x = Vector512.Create(*(float*)row3);
            d0 = Vector512.FusedMultiplyAdd(x, w0, d0);
            d1 = Vector512.FusedMultiplyAdd(x, w1, d1);
            d2 = Vector512.FusedMultiplyAdd(x, w2, d2);
            d3 = Vector512.FusedMultiplyAdd(x, w3, d3);
            x = Vector512.Create(*(float*)(row3 + toNextRow));
            e0 = Vector512.FusedMultiplyAdd(x, w0, e0);
            e1 = Vector512.FusedMultiplyAdd(x, w1, e1);
            e2 = Vector512.FusedMultiplyAdd(x, w2, e2);
            e3 = Vector512.FusedMultiplyAdd(x, w3, e3);
            x = Vector512.Create(*(float*)(row3 + (2 * toNextRow)));
            f0 = Vector512.FusedMultiplyAdd(x, w0, f0);
            f1 = Vector512.FusedMultiplyAdd(x, w1, f1);
            f2 = Vector512.FusedMultiplyAdd(x, w2, f2);
            f3 = Vector512.FusedMultiplyAdd(x, w3, f3);
        }
        Store(a0, a1, a2, a3, sums);
        Store(b0, b1, b2, b3, sums + Width);
        Store(c0, c1, c2, c3, sums + (2 * Width));
        Store(d0, d1, d2, d3, sums + (3 * Width));
        Store(e0, e1, e2, e3, sums + (4 * Width));
        Store(f0, f1, f2, f3, sums + (5 * Width));

        static void Store(Vector512<float> s0, Vector512<float> s1, Vector512<float> s2, Vector512<float> s3, float* row)
        {
            s0.Store(row);
            s1.Store(row + 16);
            s2.Store(row + 32);
            s3.Store(row + 48);
        }
    }

    /// <summary>Sixteen columns: 12 of 16 registers hold sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ByAvx2(int k, byte* row0, nint toNextRow, nint toNextColumn, float* panel, float* sums)
    {
        Vector256<float> a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default,
            d0 = default, d1 = default, e0 = default, e1 = default, f0 = default, f1 = default;
        byte* row3 = row0 + (3 * toNextRow);
        for (int i = 0; i < k; i++, row0 += toNextColumn, row3 += toNextColumn, panel += Width)
        {
            Vector256<float> w0 = Vector256.Load(panel), w1 = Vector256.Load(panel + 8);
            var x = Vector256.Create(*(float*)row0);
            a0 = Vector256.FusedMultiplyAdd(x, w0, a0);
            a1 = Vector256.FusedMultiplyAdd(x, w1, a1);
            x = Vector256.Create(*(float*)(row0 + toNextRow));
            b0 = Vector256.FusedMultiplyAdd(x, w0, b0);
            b1 = Vector256.FusedMultiplyAdd(x, w1, b1);
            x = Vector256.Create(*(float*)(row0 + (2 * toNextRow)));
            c0 = Vector256.FusedMultiplyAdd(x, w0, c0);
            c1 = Vector256.FusedMultiplyAdd(x, w1, c1);
            x = Vector256.Create(*(float*)row3);
            d0 = Vector256.FusedMultiplyAdd(x, w0, d0);
            d1 = Vector256.FusedMultiplyAdd(x, w1, d1);
            x = Vector256.Create(*(float*)(row3 + toNextRow));
            e0 = Vector256.FusedMultiplyAdd(x, w0, e0);
            e1 = Vector256.FusedMultiplyAdd(x, w1, e1);
            x = Vector256.Create(*(float*)(row3 + (2 * toNextRow)));
            f0 = Vector256.FusedMultiplyAdd(x, w0, f0);
            f1 = Vector256.FusedMultiplyAdd(x, w1, f1);
        }
        Store(a0, a1, sums);
        Store(b0, b1, sums + Width);
        Store(c0, c1, sums + (2 * Width));
        Store(d0, d1, sums + (3 * Width));
        Store(e0, e1, sums + (4 * Width));
        Store(f0, f1, sums + (5 * Width));

        static void Store(Vector256<float> s0, Vector256<float> s1, float* row)
        {
            s0.Store(row);
            s1.Store(row + 8);
        }
    }
}
