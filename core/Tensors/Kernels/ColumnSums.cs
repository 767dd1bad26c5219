using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Electra.Native;

namespace Electra.Tensors.Kernels;

/// <summary>Sums over the rows of matrices: the gradients of biases.</summary>
internal static unsafe class ColumnSums
{
    /// <summary>
    /// Adds the sum of each column of <c>[rows, columns]</c> to <paramref name="sums"/>. The order of the additions does not depend on
    /// the number of threads.
    /// </summary>
    public static void Add<T>(T* x, float* sums, int rows, int columns, int threads)
        where T : unmanaged, INumberFormat<T> =>
        ParallelRegion.Split(columns / Lane.Width, threads, (first, end) =>
            Add(x + (first * Lane.Width), columns, sums + (first * Lane.Width), rows, (end - first) * Lane.Width));

    /// <summary>The same for <paramref name="columns"/> columns of a matrix whose rows are <paramref name="stride"/> apart, on this
    /// thread.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add<T>(T* x, int stride, float* sums, int rows, int columns)
        where T : unmanaged, INumberFormat<T>
    {
        int c = 0;
        for (; c + (4 * Lane.Width) <= columns; c += 4 * Lane.Width) // two whole cache lines of each row
        {
            Vector512<float> a = Vector512.Load(sums + c), b = Vector512.Load(sums + c + Lane.Width),
                d = Vector512.Load(sums + c + (2 * Lane.Width)), e = Vector512.Load(sums + c + (3 * Lane.Width));
            var source = x + c;
            for (int row = 0; row < rows; row++, source += stride)
            {
                a += T.Load(source);
                b += T.Load(source + Lane.Width);
                d += T.Load(source + (2 * Lane.Width));
                e += T.Load(source + (3 * Lane.Width));
            }
            a.Store(sums + c);
            b.Store(sums + c + Lane.Width);
            d.Store(sums + c + (2 * Lane.Width));
            e.Store(sums + c + (3 * Lane.Width));
        }
        for (; c < columns; c += Lane.Width)
        {
            var sum = Vector512.Load(sums + c);
            var source = x + c;
            for (int row = 0; row < rows; row++, source += stride)
                sum += T.Load(source);
            sum.Store(sums + c);
        }
    }
}
