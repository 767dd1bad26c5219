using System.Runtime.InteropServices;
using Electra.Native;
using Electra.Tensors.Kernels;

namespace Electra.Tests.Tensors;

/// <summary>Products with matrices that are laid out in panels.</summary>
public sealed unsafe class PanelProductTests
{
    public PanelProductTests() => Assert.SkipUnless(Lane.Supported, "needs AVX-512 or AVX2");

    public static TheoryData<int, int, int> Sizes =>
        new() { { 1, 64, 8 }, { 5, 96, 33 }, { 6, 32, 1 }, { 7, 160, 64 }, { 25, 192, 100 }, { 48, 64, 256 }, { 130, 70, 31 } };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void In_float32_they_are_sums_of_products(int rows, int columns, int k) => AssertSums<Float32Format>(rows, columns, k, 1e-5);

    [Theory]
    [MemberData(nameof(Sizes))]
    public void In_bfloat16_they_are_sums_of_products(int rows, int columns, int k)
    {
        Assert.SkipUnless(BFloat16Format.Supported, "needs AVX-512");
        AssertSums<BFloat16Format>(rows, columns, k, 1e-5); // of rounded numbers, but not rounded themselves
    }

    /// <summary>A text's outputs do not depend on the texts beside it, or on how many threads share the columns.</summary>
    [Fact]
    public void Each_sum_is_the_same_bit_for_bit_whatever_is_computed_beside_it() => AssertSame<Float32Format>();

    [Fact]
    public void Each_sum_in_bfloat16_is_so_too()
    {
        Assert.SkipUnless(BFloat16Format.Supported && BFloat16Format.HasTiles, "needs AVX512_BF16 without AMX");
        AssertSame<BFloat16Format>();
    }

    private static void AssertSums<T>(int rows, int columns, int k, double tolerance)
        where T : unmanaged, INumberFormat<T>
    {
        // A multiple of 32 lies between rows, as where there is padding: a format may read the zeros.
        int aStride = (k + 31) / 32 * 32;
        foreach (bool aByColumns in new[] { false, true })
            foreach (bool bByColumns in new[] { false, true })
            {
                var (a, b) = (new float[aByColumns ? k * rows : rows * aStride], Numbers(columns * k));
                for (int row = 0; row < rows; row++)
                    for (int i = 0; i < k; i++)
                        a[aByColumns ? (i * rows) + row : (row * aStride) + i] = ((((row * 31) + (i * 17)) % 64) - 32) / 64f;
                var (fromA, fromB) = (aByColumns ? rows : aStride, bByColumns ? k : columns);
                float[] product = Product<T>(a, fromA, aByColumns, b, fromB, bByColumns, rows, columns, k);
                for (int row = 0; row < rows; row++)
                    for (int column = 0; column < columns; column++)
                        Assert.Equal(
                            Enumerable.Range(0, k).Sum(i =>
                                (double)a[aByColumns ? (i * rows) + row : (row * aStride) + i]
                                * b[bByColumns ? (column * k) + i : (i * columns) + column]
                            ),
                            product[(row * columns) + column],
                            tolerance
                        );
            }
    }

    private static float[] Product<T>(
        float[] a,
        int aStride,
        bool aByColumns,
        float[] b,
        int bStride,
        bool bByColumns,
        int rows,
        int columns,
        int k
    )
        where T : unmanaged, INumberFormat<T>
    {
        var result = new float[rows * columns];
        float* space = (float*)NativeMemory.AllocZeroed((nuint)MatrixProduct<T>.Space(rows, columns, k), sizeof(float));
        T* first = In<T>(a), second = In<T>(b);
        fixed (float* to = result)
            MatrixProduct<T>.To(
                rows,
                columns,
                k,
                new Factor<T>(first, aStride, aByColumns),
                new Factor<T>(second, bStride, bByColumns),
                space,
                new Written(to, columns)
            );
        NativeMemory.Free(space);
        NativeMemory.Free(first);
        NativeMemory.Free(second);
        return result;
    }

    private static void AssertSame<T>()
        where T : unmanaged, INumberFormat<T>
    {
        const int Rows = 150, Columns = 160, K = 64;
        T* x = In<T>(Numbers(Rows * K)), w = In<T>(Numbers(Columns * K));
        T* panels = PanelProduct<T>.Panels(new Factor<T>(w, K, isTransposed: true), K, Columns);
        float[] all = Of(0, Rows, 0), part = Of(0, Rows, 64);
        for (int row = 0; row < Rows; row++)
        {
            Assert.All(part.AsSpan(row * Columns, 64).ToArray(), untouched => Assert.Equal(0, untouched));
            Assert.Equal(Row(all, row)[64..], Row(part, row)[64..]);
            for (int count = 1; count + row <= Rows; count += 13)
                Assert.Equal(Row(all, row), Row(Of(row, count, 0), 0));
        }
        NativeMemory.AlignedFree(panels);
        NativeMemory.Free(x);
        NativeMemory.Free(w);

        float[] Of(int first, int count, int column)
        {
            var result = new float[count * Columns];
            fixed (float* to = result)
                PanelProduct<T>.Multiply(
                    count,
                    new ColumnRange(column, Columns),
                    K,
                    new Factor<T>(x + (first * K), K),
                    panels,
                    new Written(to, Columns)
                );
            return result;
        }

        static float[] Row(float[] product, int row) => product.AsSpan(row * Columns, Columns).ToArray();
    }

    /// <summary>The numbers in a format, to be freed; those of <see cref="Numbers"/> are the same in each.</summary>
    private static T* In<T>(float[] numbers)
        where T : unmanaged, INumberFormat<T>
    {
        var result = (T*)NativeMemory.Alloc((nuint)numbers.Length, (nuint)sizeof(T));
        fixed (float* from = numbers)
            T.Round(from, result, numbers.Length);
        return result;
    }

    private static float[] Numbers(int count)
    {
        var random = new Random(count);
        return [.. Enumerable.Range(0, count).Select(_ => (random.Next(128) - 64) / 128f)];
    }
}
