using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Electra.Native;

namespace Electra.Tensors.Kernels;

/// <summary>Columns of a matrix, laid out as <see cref="Tile"/> reads them: 64 numbers of 32 bits for each of its rows.</summary>
internal static unsafe class Panel
{
    /// <summary>Writes columns of a matrix that lies row by row; those up to 64 that there are not are zero.</summary>
    public static void FromRows(float* source, long stride, int rows, int columns, float* panel)
    {
        for (int row = 0; row < rows; row++, source += stride, panel += Tile.Width)
        {
            new Span<float>(source, columns).CopyTo(new(panel, columns));
            new Span<float>(panel + columns, Tile.Width - columns).Clear();
        }
    }

    /// <summary>Writes columns of a matrix that lies column by column; those up to 64 that there are not are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromColumns(float* source, long stride, int rows, int columns, float* panel)
    {
        int column = 0;
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
        for (; row < rows; row++)
            for (int column = 0; column < 4; column++)
                panel[(row * Tile.Width) + column] = source[(column * stride) + row];
    }
}
