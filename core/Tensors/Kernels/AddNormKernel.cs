using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Electra.Native;

namespace Electra.Tensors.Kernels;

/// <summary>LayerNorm(dropout(x) + residual) on bfloat16 rows, statistics and sums in float32.</summary>
internal static unsafe class AddNormKernel
{
    /// <summary>What one call works on.</summary>
    /// <param name="Rows">Number of rows.</param>
    /// <param name="Width">Elements of a row, a multiple of 32.</param>
    /// <param name="Mask">The dropout of x: row i draws from part i.</param>
    /// <param name="Threads">Threads to use.</param>
    public readonly record struct Shape(int Rows, int Width, KeepMask Mask, int Threads);

    /// <summary>
    /// Writes the result, and for the backward pass the normalised sum before gain and offset and 1/σ of each row (both may be null).
    /// </summary>
    public static void Forward(Shape shape, ushort* x, ushort* residual, float* gain, float* offset, float epsilon,
        ushort* result, ushort* normalised, float* inverseDeviation)
    {
        int width = shape.Width;
        ParallelRegion.Split(shape.Rows, shape.Threads, [MethodImpl(MethodImplOptions.AggressiveOptimization)] (first, end) =>
        {
            float* sum = stackalloc float[width];
            for (int row = first; row < end; row++)
            {
                long at = (long)row * width;
                var draws = shape.Mask[row];
                Vector512<float> total = default, squares = default;
                for (int i = 0; i < width; i += 2 * Lane.Width)
                {
                    var (low, high) = draws.Next();
                    var a = Vector512.FusedMultiplyAdd(Lane.Load(x + at + i), low, Lane.Load(residual + at + i));
                    var b = Vector512.FusedMultiplyAdd(Lane.Load(x + at + i + Lane.Width), high, Lane.Load(residual + at + i + Lane.Width));
                    total += a + b;
                    a.Store(sum + i);
                    b.Store(sum + i + Lane.Width);
                }
                var mean = Vector512.Create(Vector512.Sum(total) / width);
                for (int i = 0; i < width; i += Lane.Width)
                {
                    var centred = Vector512.Load(sum + i) - mean;
                    squares = Vector512.FusedMultiplyAdd(centred, centred, squares);
                }
                float inverse = 1 / MathF.Sqrt(Vector512.Sum(squares) / width + epsilon);
                var scale = Vector512.Create(inverse);
                if (inverseDeviation is not null)
                    inverseDeviation[row] = inverse;
                for (int i = 0; i < width; i += Lane.Width)
                {
                    var unit = (Vector512.Load(sum + i) - mean) * scale;
                    if (normalised is not null)
                        Lane.Store(unit, normalised + at + i);
                    Lane.Store(Vector512.FusedMultiplyAdd(unit, Vector512.Load(gain + i), Vector512.Load(offset + i)), result + at + i);
                }
            }
        });
    }

    /// <summary>
    /// Writes the gradients of x and of the residual, and adds those of gain and offset to <paramref name="gainGradient"/> and
    /// <paramref name="offsetGradient"/>.
    /// </summary>
    public static void Backward(Shape shape, ushort* gradient, ushort* normalised, float* inverseDeviation, float* gain,
        ushort* xGradient, ushort* residualGradient, float* gainGradient, float* offsetGradient)
    {
        int width = shape.Width, parts = Math.Clamp(shape.Rows, 1, shape.Threads);
        var partial = new float[parts * 2 * width];
        fixed (float* sums = partial)
        {
            float* all = sums;
            ParallelRegion.Run(parts, [MethodImpl(MethodImplOptions.AggressiveOptimization)] (thread) =>
            {
                float* gains = all + thread * 2 * width, offsets = gains + width;
                int first = (int)((long)shape.Rows * thread / parts), end = (int)((long)shape.Rows * (thread + 1) / parts);
                for (int row = first; row < end; row++)
                {
                    long at = (long)row * width;
                    Vector512<float> mean = default, projection = default;
                    for (int i = 0; i < width; i += Lane.Width)
                    {
                        var (g, unit) = (Lane.Load(gradient + at + i), Lane.Load(normalised + at + i));
                        (Vector512.Load(offsets + i) + g).Store(offsets + i);
                        Vector512.FusedMultiplyAdd(g, unit, Vector512.Load(gains + i)).Store(gains + i);
                        g *= Vector512.Load(gain + i);
                        mean += g;
                        projection = Vector512.FusedMultiplyAdd(g, unit, projection);
                    }
                    Vector512<float> m = Vector512.Create(Vector512.Sum(mean) / width), p = Vector512.Create(Vector512.Sum(projection) / width);
                    var scale = Vector512.Create(inverseDeviation[row]);
                    var draws = shape.Mask[row];
                    for (int i = 0; i < width; i += 2 * Lane.Width)
                    {
                        var (low, high) = draws.Next();
                        for (int half = 0; half < 2; half++)
                        {
                            long j = at + i + half * Lane.Width;
                            var g = Lane.Load(gradient + j) * Vector512.Load(gain + i + half * Lane.Width);
                            var d = (g - m - Lane.Load(normalised + j) * p) * scale;
                            Lane.Store(d, residualGradient + j);
                            Lane.Store(d * (half == 0 ? low : high), xGradient + j);
                        }
                    }
                }
            });
        }
        for (int part = 0; part < parts; part++)
            for (int i = 0; i < width; i++)
            {
                gainGradient[i] += partial[part * 2 * width + i];
                offsetGradient[i] += partial[(part * 2 + 1) * width + i];
            }
    }
}
