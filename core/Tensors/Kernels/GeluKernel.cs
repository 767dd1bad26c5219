using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Electra.Native;

namespace Electra.Tensors.Kernels;

/// <summary>GELU.</summary>
internal static unsafe class GeluKernel
{
    private const int Block = 4096;

    /// <summary>Writes GELU(x), and its derivative at x for the backward pass, or null. <paramref name="count"/> is a multiple of
    /// 32.</summary>
    public static void Forward<T>(T* x, T* result, T* slope, long count, int threads)
        where T : unmanaged, INumberFormat<T> =>
        ParallelRegion.Split(
            (int)((count + Block - 1) / Block),
            threads,
            [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    (first, end) =>
            {
                for (long i = (long)first * Block, last = Math.Min(count, (long)end * Block); i < last; i += 2 * Lane.Width)
                {
                    var (a, aSlope) = Lane.Gelu(T.Load(x + i));
                    var (b, bSlope) = Lane.Gelu(T.Load(x + i + Lane.Width));
                    T.Store(a, b, result + i);
                    if (slope is not null)
                        T.Store(aSlope, bSlope, slope + i);
                }
            }
        );

    /// <summary>gradient · slope.</summary>
    public static void Backward<T>(T* gradient, T* slope, T* result, long count, int threads)
        where T : unmanaged, INumberFormat<T> =>
        ParallelRegion.Split(
            (int)((count + Block - 1) / Block),
            threads,
            [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    (first, end) =>
            {
                for (long i = (long)first * Block, last = Math.Min(count, (long)end * Block); i < last; i += 2 * Lane.Width)
                {
                    long j = i + Lane.Width;
                    T.Store(T.Load(gradient + i) * T.Load(slope + i), T.Load(gradient + j) * T.Load(slope + j), result + i);
                }
            }
        );

    /// <summary>GELU(x + bias) of some rows, and its derivative there, or null; x has a distance from row to row of its own.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ForwardRows<T>(int rows, int columns, float* x, int xStride, float* bias, T* result, T* slope, int stride)
        where T : unmanaged, INumberFormat<T>
    {
        for (int row = 0; row < rows; row++, x += xStride, result += stride, slope = slope is null ? null : slope + stride)
            for (int i = 0; i < columns; i += 2 * Lane.Width)
            {
                int j = i + Lane.Width;
                var (a, aSlope) = Lane.Gelu(Vector512.Load(x + i) + Vector512.Load(bias + i));
                var (b, bSlope) = Lane.Gelu(Vector512.Load(x + j) + Vector512.Load(bias + j));
                T.Store(a, b, result + i);
                if (slope is not null)
                    T.Store(aSlope, bSlope, slope + i);
            }
    }

    /// <summary>Multiplies the slopes of some rows by gradients; the sums over them are added to the gradient of the bias.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void BackwardRows<T>(int rows, int columns, float* gradient, int gradientStride, T* slope, int stride, float* biasSums)
        where T : unmanaged, INumberFormat<T>
    {
        for (int row = 0; row < rows; row++, gradient += gradientStride, slope += stride)
            for (int i = 0; i < columns; i += 2 * Lane.Width)
            {
                int j = i + Lane.Width;
                Vector512<float> a = Vector512.Load(gradient + i) * T.Load(slope + i),
                    b = Vector512.Load(gradient + j) * T.Load(slope + j);
                (Vector512.Load(biasSums + i) + a).Store(biasSums + i);
                (Vector512.Load(biasSums + j) + b).Store(biasSums + j);
                T.Store(a, b, slope + i);
            }
    }
}
