using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Electra.Native;

namespace Electra.Tensors.Kernels;

/// <summary>Sums over the rows of bfloat16 matrices: the gradients of biases.</summary>
internal static unsafe class ColumnSums
{
    /// <summary>
    /// Adds the sum of each column of <c>[rows, columns]</c> to <paramref name="sums"/>. The order of the additions does not depend on
    /// the number of threads.
    /// </summary>
    public static void Add(ushort* x, float* sums, int rows, int columns, int threads) =>
        ParallelRegion.Split(columns / Lane.Width, threads, [MethodImpl(MethodImplOptions.AggressiveOptimization)] (first, end) =>
        {
            int c = first * Lane.Width, last = end * Lane.Width;
            for (; c + (4 * Lane.Width) <= last; c += 4 * Lane.Width) // two whole cache lines of each row
            {
                Vector512<float> a = Vector512.Load(sums + c), b = Vector512.Load(sums + c + Lane.Width),
                    d = Vector512.Load(sums + c + (2 * Lane.Width)), e = Vector512.Load(sums + c + (3 * Lane.Width));
                var source = x + c;
                for (int row = 0; row < rows; row++, source += columns)
                {
                    a += Lane.Load(source);
                    b += Lane.Load(source + Lane.Width);
                    d += Lane.Load(source + (2 * Lane.Width));
                    e += Lane.Load(source + (3 * Lane.Width));
                }
                a.Store(sums + c);
                b.Store(sums + c + Lane.Width);
                d.Store(sums + c + (2 * Lane.Width));
                e.Store(sums + c + (3 * Lane.Width));
            }
            for (; c < last; c += Lane.Width)
            {
                var sum = Vector512.Load(sums + c);
                var source = x + c;
                for (int row = 0; row < rows; row++, source += columns)
                    sum += Lane.Load(source);
                sum.Store(sums + c);
            }
        });
}
