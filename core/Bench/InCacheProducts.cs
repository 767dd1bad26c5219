using System.Diagnostics;
using System.Runtime.InteropServices;
using Electra.Native;
using Electra.Tensors;
using Electra.Tensors.Kernels;

namespace Electra.Bench;

/// <summary>
/// The rate of products whose matrices stay in each thread's cache, all threads at once: the most that any order of the step's products
/// can reach.
/// </summary>
internal static unsafe class InCacheProducts
{
    private const int Rows = 512, Columns = 1024, Length = 256; // a block through the first half of ELECTRA-small's feed-forward network
    private const int InARow = 12;

    /// <summary>GFLOP/s of all threads, the best of <paramref name="repetitions"/>; null where the kernels do not compute this.</summary>
    public static double? Rate(Compute compute, int repetitions) =>
        compute.IsCuda ? null
        : compute.ActivationType == Float32Format.Type && Float32Format.Supported ? Rate<Float32Format>(compute.Threads, repetitions)
        : compute.ActivationType == BFloat16Format.Type && BFloat16Format.Supported ? Rate<BFloat16Format>(compute.Threads, repetitions)
        : null;

    private static double Rate<T>(int threads, int repetitions) where T : unmanaged, INumberFormat<T>
    {
        var times = new double[threads, repetitions];
        ParallelRegion.Run(threads, thread =>
        {
            var a = (T*)NativeMemory.AllocZeroed(Rows * Length, (nuint)sizeof(T));
            var b = (T*)NativeMemory.AllocZeroed(Columns * Length, (nuint)sizeof(T));
            var c = (float*)NativeMemory.AllocZeroed(Rows * Columns, sizeof(float));
            for (int i = -1; i < repetitions; i++)
            {
                long start = Stopwatch.GetTimestamp();
                for (int j = 0; j < InARow; j++)
                    T.Multiply(Rows, Columns, Length, new(a, Length), new(b, Length, isTransposed: true), 0, c, Columns);
                if (i >= 0)
                    times[thread, i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
            }
            NativeMemory.Free(a);
            NativeMemory.Free(b);
            NativeMemory.Free(c);
        });
        double flops = 2e-9 * InARow * Rows * Columns * Length;
        return Enumerable.Range(0, repetitions).Max(i => Enumerable.Range(0, threads).Sum(thread => flops / times[thread, i]));
    }
}
