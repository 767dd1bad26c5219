using System.Runtime.CompilerServices;
using Electra.Native;

namespace Electra.Tensors.Kernels;

/// <summary>GELU on bfloat16.</summary>
internal static unsafe class GeluKernel
{
    private const int Block = 4096;

    /// <summary>Writes GELU(x), and its derivative at x for the backward pass, or null.</summary>
    public static void Forward(ushort* x, ushort* result, ushort* slope, long count, int threads) =>
        ParallelRegion.Split((int)((count + Block - 1) / Block), threads, [MethodImpl(MethodImplOptions.AggressiveOptimization)] (first, end) =>
        {
            for (long i = (long)first * Block, last = Math.Min(count, (long)end * Block); i < last; i += Lane.Width)
            {
                var (value, derivative) = Lane.Gelu(Lane.Load(x + i));
                Lane.Store(value, result + i);
                if (slope is not null)
                    Lane.Store(derivative, slope + i);
            }
        });

    /// <summary>gradient · slope.</summary>
    public static void Backward(ushort* gradient, ushort* slope, ushort* result, long count, int threads) =>
        ParallelRegion.Split((int)((count + Block - 1) / Block), threads, [MethodImpl(MethodImplOptions.AggressiveOptimization)] (first, end) =>
        {
            for (long i = (long)first * Block, last = Math.Min(count, (long)end * Block); i < last; i += Lane.Width)
                Lane.Store(Lane.Load(gradient + i) * Lane.Load(slope + i), result + i);
        });
}
