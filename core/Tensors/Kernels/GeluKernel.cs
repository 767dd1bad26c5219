using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Electra.Native;

namespace Electra.Tensors.Kernels;

/// <summary>GELU, its results in bfloat16.</summary>
internal static unsafe class GeluKernel
{
    private const int Block = 4096;

    /// <summary>Writes GELU(x), and its derivative at x for the backward pass, or null.</summary>
    public static void Forward(ushort* x, ushort* result, ushort* slope, long count, int threads) =>
        ParallelRegion.Split(
            (int)((count + Block - 1) / Block),
            threads,
            [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    (first, end) =>
            {
                for (long i = (long)first * Block, last = Math.Min(count, (long)end * Block); i < last; i += Lane.Width)
                {
                    var (value, derivative) = Lane.Gelu(Lane.Load(x + i));
                    Lane.Store(value, result + i);
                    if (slope is not null)
                        Lane.Store(derivative, slope + i);
                }
            }
        );

    /// <summary>gradient · slope.</summary>
    public static void Backward(ushort* gradient, ushort* slope, ushort* result, long count, int threads) =>
        ParallelRegion.Split(
            (int)((count + Block - 1) / Block),
            threads,
            [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    (first, end) =>
            {
                for (long i = (long)first * Block, last = Math.Min(count, (long)end * Block); i < last; i += Lane.Width)
                    Lane.Store(Lane.Load(gradient + i) * Lane.Load(slope + i), result + i);
            }
        );

    /// <summary>GELU(x + bias) of some rows, and its derivative there, or null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ForwardRows(int rows, int width, float* x, float* bias, ushort* result, ushort* slope)
    {
        for (int row = 0; row < rows; row++, x += width, result += width, slope = slope is null ? null : slope + width)
            for (int i = 0; i < width; i += 2 * Lane.Width)
            {
                int j = i + Lane.Width;
                var (a, aSlope) = Lane.Gelu(Vector512.Load(x + i) + Vector512.Load(bias + i));
                var (b, bSlope) = Lane.Gelu(Vector512.Load(x + j) + Vector512.Load(bias + j));
                Lane.Store(a, b, result + i);
                if (slope is not null)
                    Lane.Store(aSlope, bSlope, slope + i);
            }
    }

    /// <summary>gradient · slope of some rows; its sum over them is added to the gradient of the bias.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void BackwardRows(int rows, int width, float* gradient, ushort* slope, ushort* result, float* biasSums)
    {
        for (int row = 0; row < rows; row++, gradient += width, slope += width, result += width)
            for (int i = 0; i < width; i += 2 * Lane.Width)
            {
                int j = i + Lane.Width;
                Vector512<float> a = Vector512.Load(gradient + i) * Lane.Load(slope + i),
                    b = Vector512.Load(gradient + j) * Lane.Load(slope + j);
                (Vector512.Load(biasSums + i) + a).Store(biasSums + i);
                (Vector512.Load(biasSums + j) + b).Store(biasSums + j);
                Lane.Store(a, b, result + i);
            }
    }
}
