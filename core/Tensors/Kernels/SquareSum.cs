using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Electra.Native;

namespace Electra.Tensors.Kernels;

/// <summary>The sum of squares of many numbers: libtorch takes its norms on one thread.</summary>
internal static unsafe class SquareSum
{
    private const int Block = 1 << 16;

    /// <summary>Σ x². The order of the additions does not depend on the number of threads.</summary>
    public static double Of(float* x, long count, int threads)
    {
        var sums = new double[(count + Block - 1) / Block];
        ParallelRegion.Split(sums.Length, threads, (first, end) =>
        {
            for (int block = first; block < end; block++)
                sums[block] = OfBlock(x + ((long)block * Block), (int)Math.Min(Block, count - ((long)block * Block)));
        });
        return sums.Sum();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double OfBlock(float* x, int count)
    {
        Vector512<float> a = default, b = default, c = default, d = default;
        int i = 0;
        for (; i + (4 * Lane.Width) <= count; i += 4 * Lane.Width)
        {
            var (p, q, r, s) = (
                Vector512.Load(x + i),
                Vector512.Load(x + i + Lane.Width),
                Vector512.Load(x + i + (2 * Lane.Width)),
                Vector512.Load(x + i + (3 * Lane.Width))
            );
            a = Vector512.FusedMultiplyAdd(p, p, a);
            b = Vector512.FusedMultiplyAdd(q, q, b);
            c = Vector512.FusedMultiplyAdd(r, r, c);
            d = Vector512.FusedMultiplyAdd(s, s, d);
        }
        double sum = Vector512.Sum(a + b + (c + d));
        for (; i < count; i++)
            sum += (double)x[i] * x[i];
        return sum;
    }
}
