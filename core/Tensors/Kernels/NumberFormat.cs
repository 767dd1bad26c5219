using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Electra.Native;
using static TorchSharp.torch;

namespace Electra.Tensors.Kernels;

/// <summary>
/// A number format of activations and of the weights they are multiplied with: how the kernels read, write and multiply it. What they
/// compute with is float32, and so are sums, biases and gradients of parameters.
/// </summary>
/// <typeparam name="TSelf">The format itself, a number as it lies in memory.</typeparam>
internal unsafe interface INumberFormat<TSelf> where TSelf : unmanaged, INumberFormat<TSelf>
{
    /// <summary>Whether processor and libtorch have what the kernels need for this format.</summary>
    static abstract bool Supported { get; }

    /// <summary>libtorch's name of it.</summary>
    static abstract ScalarType Type { get; }

    /// <summary>Reads sixteen numbers.</summary>
    static abstract Vector512<float> Load(TSelf* source);

    /// <summary>Writes thirty-two numbers.</summary>
    static abstract void Store(Vector512<float> low, Vector512<float> high, TSelf* target);

    /// <summary>Writes float32 numbers in this format.</summary>
    static abstract void Round(float* source, TSelf* target, int count);

    /// <summary>Writes numbers of this format as float32.</summary>
    static abstract void Widen(TSelf* source, float* target, int count);

    /// <summary>Float32 numbers in this format: where they lie if that is it, else written to <paramref name="space"/>.</summary>
    static abstract TSelf* From(float* source, TSelf* space, int count);

    /// <summary>Rows of the largest tile of a <see cref="PanelProduct{T}"/>.</summary>
    static abstract int MostTileRows { get; }

    /// <summary>Rows of the next tile of a product: of those that are left, or more of all its rows.</summary>
    static abstract int TileRows(int left, int all);

    /// <summary>Whether products are computed by tiles where the first matrix lies row by row; else each is one of MKL's.</summary>
    static abstract bool HasTiles { get; }

    /// <summary>Whether they are so too where it lies column by column.</summary>
    static abstract bool HasTilesOfColumns { get; }

    /// <summary>Rows of a panel of a matrix <c>[k, n]</c>; those from k on are zero.</summary>
    static abstract int PanelRows(int k);

    /// <summary>Lays out at most 64 columns of a matrix <c>[k, n]</c> as a panel.</summary>
    static abstract void FillPanel(Factor<TSelf> matrix, int k, int columns, TSelf* panel);

    /// <summary>Computes a tile.</summary>
    /// <param name="rows">Its rows.</param>
    /// <param name="k">Length of the sums.</param>
    /// <param name="a">The rows of A. As many of their elements are read as the panel has rows, and those beyond k must be finite.</param>
    /// <param name="panel">The columns of B.</param>
    /// <param name="ahead">What is read next.</param>
    /// <param name="sums">Receives the tile, <c>[rows, 64]</c>.</param>
    static abstract void MultiplyTile(int rows, int k, Factor<TSelf> a, TSelf* panel, TSelf* ahead, float* sums);

    /// <inheritdoc cref="MatrixProducts.Multiply(int, int, int, Factor{float}, Factor{float}, float, float*, int)"/>
    static abstract void Multiply(
        int m,
        int n,
        int k,
        Factor<TSelf> a,
        Factor<TSelf> b,
        float beta,
        float* c,
        int cStride
    );
}

/// <summary>float32, on processors with AVX-512 or AVX2.</summary>
[StructLayout(LayoutKind.Sequential, Size = sizeof(float))]
internal readonly unsafe struct Float32Format : INumberFormat<Float32Format>
{
    public static bool Supported => Lane.Supported && MatrixProducts.HaveFloat32;

    public static ScalarType Type => ScalarType.Float32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(Float32Format* source) => Vector512.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> low, Vector512<float> high, Float32Format* target)
    {
        low.Store((float*)target);
        high.Store((float*)target + Lane.Width);
    }

    public static void Round(float* source, Float32Format* target, int count) => Copy(source, (float*)target, count);

    public static void Widen(Float32Format* source, float* target, int count) => Copy((float*)source, target, count);

    public static Float32Format* From(float* source, Float32Format* space, int count) => (Float32Format*)source;

    public static int MostTileRows => Tile.Rows;

    public static int TileRows(int left, int all) => all < Tile.Rows ? 1 : Tile.Rows;

    public static bool HasTiles => true;

    public static bool HasTilesOfColumns => true;

    public static int PanelRows(int k) => k;

    public static void FillPanel(Factor<Float32Format> matrix, int k, int columns, Float32Format* panel)
    {
        if (matrix.IsTransposed)
            Panel.FromColumns((float*)matrix.First, matrix.Stride, k, columns, (float*)panel);
        else
            Panel.FromRows((float*)matrix.First, matrix.Stride, k, columns, (float*)panel);
    }

    public static void MultiplyTile(int rows, int k, Factor<Float32Format> a, Float32Format* panel, Float32Format* ahead, float* sums) =>
        Tile.Multiply(
            k,
            (float*)a.First,
            rows == 1 ? 0 : a.ToNextRow,
            a.ToNextColumn,
            (float*)panel,
            (float*)ahead,
            sums
        );

    public static void Multiply(
        int m,
        int n,
        int k,
        Factor<Float32Format> a,
        Factor<Float32Format> b,
        float beta,
        float* c,
        int cStride
    ) => MatrixProducts.Multiply(m, n, k, a.As<float>(), b.As<float>(), beta, c, cStride);

    private static void Copy(float* source, float* target, int count) => new Span<float>(source, count).CopyTo(new(target, count));
}

/// <summary>bfloat16, rounded to the nearest, ties to even; on processors with AVX-512.</summary>
[StructLayout(LayoutKind.Sequential, Size = sizeof(ushort))]
internal readonly unsafe struct BFloat16Format : INumberFormat<BFloat16Format>
{
    public static bool Supported => Avx512BW.IsSupported && Vector512.IsHardwareAccelerated && MatrixProducts.HaveBFloat16;

    public static ScalarType Type => ScalarType.BFloat16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(BFloat16Format* source) =>
        (Avx512F.ConvertToVector512UInt32(Vector256.Load((ushort*)source)) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> low, Vector512<float> high, BFloat16Format* target) =>
        Avx512BW.PermuteVar32x16x2(Rounded(low).AsUInt16(), UpperHalves, Rounded(high).AsUInt16()).Store((ushort*)target);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Round(float* source, BFloat16Format* target, int count)
    {
        int i = 0;
        for (; i + (2 * Lane.Width) <= count; i += 2 * Lane.Width)
            Store(Vector512.Load(source + i), Vector512.Load(source + i + Lane.Width), target + i);
        for (; i < count; i++)
        {
            uint bits = BitConverter.SingleToUInt32Bits(source[i]);
            ((ushort*)target)[i] = (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(BFloat16Format* source, float* target, int count)
    {
        int i = 0;
        for (; i + Lane.Width <= count; i += Lane.Width)
            Load(source + i).Store(target + i);
        for (; i < count; i++)
            target[i] = BitConverter.UInt32BitsToSingle((uint)((ushort*)source)[i] << 16);
    }

    public static BFloat16Format* From(float* source, BFloat16Format* space, int count)
    {
        Round(source, space, count);
        return space;
    }

    public static int MostTileRows => 64;

    public static int TileRows(int left, int all) =>
        left > 48 && all >= MostTileRows ? MostTileRows : left > 4 && all >= 16 ? 16 : all >= 4 ? 4 : 1;

    public static bool HasTiles => BlockProducts.Available;

    public static bool HasTilesOfColumns => false;

    /// <summary>Few lengths of sums: code is compiled for each.</summary>
    public static int PanelRows(int k) => (k + 31) / 32 * 32;

    public static void FillPanel(Factor<BFloat16Format> matrix, int k, int columns, BFloat16Format* panel)
    {
        int pairs = PanelRows(k) / 2;
        if (matrix.IsTransposed && k % 2 == 0 && matrix.Stride % 2 == 0)
        {
            Panel.FromColumns((float*)matrix.First, matrix.Stride / 2, k / 2, columns, (float*)panel);
            new Span<float>((float*)panel + (k / 2 * Tile.Width), (pairs - (k / 2)) * Tile.Width).Clear();
        }
        else
            Panel.FromPairsOfRows(matrix.As<ushort>(), k, columns, pairs, (ushort*)panel);
    }

    public static void MultiplyTile(
        int rows,
        int k,
        Factor<BFloat16Format> a,
        BFloat16Format* panel,
        BFloat16Format* ahead,
        float* sums
    )
    {
        // What a tile has to bring of the next panel.
        for (BFloat16Format* end = ahead + ((long)Tile.BroughtAhead * PanelRows(k)); ahead < end; ahead += Tile.BroughtAhead * 2)
            Sse.Prefetch1(ahead);
        BlockProducts.Multiply(rows, Tile.Width, PanelRows(k), (ushort*)a.First, a.Stride, (ushort*)panel, sums);
    }

    public static void Multiply(
        int m,
        int n,
        int k,
        Factor<BFloat16Format> a,
        Factor<BFloat16Format> b,
        float beta,
        float* c,
        int cStride
    ) => MatrixProducts.Multiply(m, n, k, a.As<ushort>(), b.As<ushort>(), beta, c, cStride);

    /// <summary>The upper halves of thirty-two 32-bit numbers among their 16-bit halves.</summary>
    private static Vector512<ushort> UpperHalves => (Vector512<ushort>.Indices << 1) | Vector512<ushort>.One;

    /// <summary>Bits whose upper halves are the numbers in bfloat16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Rounded(Vector512<float> value)
    {
        var bits = value.AsUInt32();
        return bits + Vector512.Create(0x7FFFu) + ((bits >>> 16) & Vector512<uint>.One);
    }
}
