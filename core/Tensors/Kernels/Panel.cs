using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Electra.Native;

namespace Electra.Tensors.Kernels;

/// <summary>Columns of a matrix, laid out as <see cref="Tile"/> reads them: 64 numbers of 32 bits for each of its rows.</summary>
internal static unsafe class Panel
{
    /// <summary>Writes columns of a matrix that lies row by row; those up to 64 that there are not are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromRows(float* source, long stride, int rows, int columns, float* panel)
    {
        for (int row = 0; row < rows; row++, source += stride, panel += Tile.Width)
        {
            int column = 0;
            for (; column + Lane.Width <= columns; column += Lane.Width)
                Vector512.Load(source + column).Store(panel + column);
            for (; column < Tile.Width; column++)
                panel[column] = column < columns ? source[column] : 0;
        }
    }

    /// <summary>Writes columns of a matrix that lies column by column; those up to 64 that there are not are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromColumns(float* source, long stride, int rows, int columns, float* panel)
    {
        int column = 0;
        if (Avx512F.IsSupported)
            for (; column + 16 <= columns; column += 16, source += 16 * stride)
                SixteenColumns(source, stride, rows, panel + column);
        for (; column + 4 <= columns; column += 4, source += 4 * stride)
            FourColumns(source, stride, rows, panel + column);
        for (; column < Tile.Width; column++, source += stride)
            for (int row = 0; row < rows; row++)
                panel[(row * Tile.Width) + column] = column < columns ? source[row] : 0;
    }

    /// <summary>Writes columns of a matrix of 16-bit numbers, of each two rows side by side; rows and columns that there are not are
    /// zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromPairsOfRows(Factor<ushort> matrix, int rows, int columns, int pairs, ushort* panel)
    {
        for (int pair = 0; pair < pairs; pair++, panel += 2 * Tile.Width)
        {
            bool hasFirst = 2 * pair < rows, hasSecond = (2 * pair) + 1 < rows;
            ushort* first = matrix.From(2 * pair, 0).First, second = first + matrix.ToNextRow;
            int column = 0;
            if (hasSecond && !matrix.IsTransposed)
                for (; column + Vector256<ushort>.Count <= columns; column += Vector256<ushort>.Count)
                {
                    Vector256<ushort> a = Vector256.Load(first + column), b = Vector256.Load(second + column);
                    (Avx512F.ConvertToVector512UInt32(a) | (Avx512F.ConvertToVector512UInt32(b) << 16)).Store((uint*)panel + column);
                }
            for (; column < Tile.Width; column++)
            {
                bool isThere = column < columns;
                long at = (long)column * matrix.ToNextColumn;
                panel[2 * column] = isThere && hasFirst ? first[at] : (ushort)0;
                panel[(2 * column) + 1] = isThere && hasSecond ? second[at] : (ushort)0;
            }
        }
    }

    /// <summary>Sixteen columns: what is written is whole cache lines.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void SixteenColumns(float* source, long stride, int rows, float* panel)
    {
        int row = 0;
        for (; row + 16 <= rows; row += 16)
        {
            var (a0, a1, a2, a3) = Quarters(source + row, stride);
            var (b0, b1, b2, b3) = Quarters(source + row + (4 * stride), stride);
            var (c0, c1, c2, c3) = Quarters(source + row + (8 * stride), stride);
            var (d0, d1, d2, d3) = Quarters(source + row + (12 * stride), stride);
            float* to = panel + (row * Tile.Width);
            StoreQuarters(a0, b0, c0, d0, to);
            StoreQuarters(a1, b1, c1, d1, to + Tile.Width);
            StoreQuarters(a2, b2, c2, d2, to + (2 * Tile.Width));
            StoreQuarters(a3, b3, c3, d3, to + (3 * Tile.Width));
        }
        OneByOne(source, stride, row, rows, 16, panel);

        // Of four columns: the 128 bits at i of the result j are row 4 i + j.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static (Vector512<float>, Vector512<float>, Vector512<float>, Vector512<float>) Quarters(float* source, long stride)
        {
            Vector512<float> a = Vector512.Load(source), b = Vector512.Load(source + stride),
                c = Vector512.Load(source + (2 * stride)), d = Vector512.Load(source + (3 * stride));
            Vector512<double> ab = Avx512F.UnpackLow(a, b).AsDouble(), cd = Avx512F.UnpackLow(c, d).AsDouble(),
                abHigh = Avx512F.UnpackHigh(a, b).AsDouble(), cdHigh = Avx512F.UnpackHigh(c, d).AsDouble();
            return (
                Avx512F.UnpackLow(ab, cd).AsSingle(),
                Avx512F.UnpackHigh(ab, cd).AsSingle(),
                Avx512F.UnpackLow(abHigh, cdHigh).AsSingle(),
                Avx512F.UnpackHigh(abHigh, cdHigh).AsSingle()
            );
        }

        // Every fourth row, from four columns each.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void StoreQuarters(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d, float* to)
        {
            Vector512<float> even = Avx512F.Shuffle4x128(a, b, 0x88), evenToo = Avx512F.Shuffle4x128(c, d, 0x88),
                odd = Avx512F.Shuffle4x128(a, b, 0xDD), oddToo = Avx512F.Shuffle4x128(c, d, 0xDD);
            Avx512F.Shuffle4x128(even, evenToo, 0x88).Store(to);
            Avx512F.Shuffle4x128(odd, oddToo, 0x88).Store(to + (4 * Tile.Width));
            Avx512F.Shuffle4x128(even, evenToo, 0xDD).Store(to + (8 * Tile.Width));
            Avx512F.Shuffle4x128(odd, oddToo, 0xDD).Store(to + (12 * Tile.Width));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FourColumns(float* source, long stride, int rows, float* panel)
    {
        int row = 0;
        for (; row + 4 <= rows; row += 4)
        {
            Vector128<float> a = Vector128.Load(source + row), b = Vector128.Load(source + stride + row),
                c = Vector128.Load(source + (2 * stride) + row), d = Vector128.Load(source + (3 * stride) + row);
            Vector128<float> ab = Sse.UnpackLow(a, b), cd = Sse.UnpackLow(c, d),
                abHigh = Sse.UnpackHigh(a, b), cdHigh = Sse.UnpackHigh(c, d);
            float* to = panel + (row * Tile.Width);
            Sse.MoveLowToHigh(ab, cd).Store(to);
            Sse.MoveHighToLow(cd, ab).Store(to + Tile.Width);
            Sse.MoveLowToHigh(abHigh, cdHigh).Store(to + (2 * Tile.Width));
            Sse.MoveHighToLow(cdHigh, abHigh).Store(to + (3 * Tile.Width));
        }
        OneByOne(source, stride, row, rows, 4, panel);
    }

    /// <summary>What is left of some columns, from a row on.</summary>
    private static void OneByOne(float* source, long stride, int first, int rows, int columns, float* panel)
    {
        for (int row = first; row < rows; row++)
            for (int column = 0; column < columns; column++)
                panel[(row * Tile.Width) + column] = source[(column * stride) + row];
    }
}
