using System.Runtime.InteropServices;
using Electra.Tensors.Kernels;

namespace Electra.Tests.Tensors;

/// <summary>Products with matrices that are laid out in panels.</summary>
public sealed unsafe class PanelProductTests
{
    public PanelProductTests() => Assert.SkipUnless(Lane.Supported, "needs AVX-512 or AVX2");

    [Theory]
    [InlineData(1, 64, 8)]
    [InlineData(5, 96, 33)]
    [InlineData(6, 32, 1)]
    [InlineData(7, 160, 64)]
    [InlineData(25, 192, 100)]
    [InlineData(48, 64, 256)]
    public void They_are_sums_of_products(int rows, int columns, int k)
    {
        var (x, w) = (Numbers(rows * k), Numbers(columns * k));
        float[] all = Product(x, w, rows, k, new ColumnRange(0, columns), columns);
        for (int row = 0; row < rows; row++)
            for (int column = 0; column < columns; column++)
                Assert.Equal(
                    Enumerable.Range(0, k).Sum(i => (double)x[(row * k) + i] * w[(column * k) + i]),
                    all[(row * columns) + column],
                    1e-5
                );
    }

    /// <summary>A text's outputs do not depend on the texts beside it, or on how many threads share the columns.</summary>
    [Fact]
    public void Each_sum_is_the_same_bit_for_bit_whatever_is_computed_beside_it()
    {
        const int Rows = 20, Columns = 160, K = 70;
        var (x, w) = (Numbers(Rows * K), Numbers(Columns * K));
        float[] all = Product(x, w, Rows, K, new ColumnRange(0, Columns), Columns);
        float[] part = Product(x, w, Rows, K, new ColumnRange(64, Columns), Columns);
        for (int row = 0; row < Rows; row++)
        {
            Assert.All(part.AsSpan(row * Columns, 64).ToArray(), untouched => Assert.Equal(0, untouched));
            Assert.Equal(Row(all, row)[64..], Row(part, row)[64..]);
            for (int count = 1; count + row <= Rows; count += 4)
                Assert.Equal(
                    Row(all, row),
                    Row(Product(x[(row * K)..], w, count, K, new ColumnRange(0, Columns), Columns), 0)
                );
        }

        static float[] Row(float[] product, int row) => product.AsSpan(row * Columns, Columns).ToArray();
    }

    private static float[] Product(float[] x, float[] w, int rows, int k, ColumnRange columns, int width)
    {
        var result = new float[rows * width];
        fixed (float* xStart = x, wStart = w, to = result)
        {
            float* panels = PanelProduct.Panels(wStart, width, k);
            PanelProduct.Multiply(rows, columns, k, xStart, panels, new Written(to, width));
            NativeMemory.AlignedFree(panels);
        }
        return result;
    }

    private static float[] Numbers(int count)
    {
        var random = new Random(count);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
    }
}
