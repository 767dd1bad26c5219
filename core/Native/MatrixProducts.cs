using System.Runtime.InteropServices;

namespace Electra.Native;

/// <summary>
/// Matrix products into float32 by the MKL inside libtorch. Unlike libtorch's operators they take parts of matrices where they lie, and
/// add to what is there.
/// </summary>
internal static unsafe partial class MatrixProducts
{
    private const int RowMajor = 101, AsItIs = 111, Transposed = 112;

    private static readonly nint Library = NativeLibrary.TryLoad(
        Path.Combine(LibTorch.Folder, OperatingSystem.IsWindows() ? "torch_cpu.dll" : "libtorch_cpu.so"),
        out nint library
    )
        ? library
        : 0;

    /// <summary>Whether the libtorch in use has those of float32.</summary>
    public static bool HaveFloat32 { get; } = Export("sgemm_") != 0;

    /// <summary>Whether the libtorch in use has those of bfloat16.</summary>
    public static bool HaveBFloat16 { get; } = Export("cblas_gemm_bf16bf16f32") != 0;

    /// <summary>C ← β · C + A B of float32 matrices.</summary>
    /// <param name="m">Rows of C.</param>
    /// <param name="n">Columns of C.</param>
    /// <param name="k">Length of the sums.</param>
    /// <param name="a">A, <c>[m, k]</c>.</param>
    /// <param name="b">B, <c>[k, n]</c>.</param>
    /// <param name="beta">β.</param>
    /// <param name="c">C, <c>[m, n]</c>.</param>
    /// <param name="cStride">Its distance from row to row.</param>
    public static void Multiply(int m, int n, int k, Factor<float> a, Factor<float> b, float beta, float* c, int cStride)
    {
        // Fortran's order is by columns: what is asked for is Cᵀ ← β · Cᵀ + Bᵀ Aᵀ.
        byte ofA = Letter(a.IsTransposed), ofB = Letter(b.IsTransposed);
        int aStride = a.Stride, bStride = b.Stride;
        float alpha = 1;
        sgemm_(&ofB, &ofA, &n, &m, &k, &alpha, b.First, &bStride, a.First, &aStride, &beta, c, &cStride);

        static byte Letter(bool isTransposed) => (byte)(isTransposed ? 'T' : 'N');
    }

    /// <summary>The same of bfloat16 matrices.</summary>
    /// <inheritdoc cref="Multiply(int, int, int, Factor{float}, Factor{float}, float, float*, int)"/>
    public static void Multiply(int m, int n, int k, Factor<ushort> a, Factor<ushort> b, float beta, float* c, int cStride)
    {
        int ofA = a.IsTransposed ? Transposed : AsItIs, ofB = b.IsTransposed ? Transposed : AsItIs;
        cblas_gemm_bf16bf16f32(RowMajor, ofA, ofB, m, n, k, 1, a.First, a.Stride, b.First, b.Stride, beta, c, cStride);
    }

    /// <summary>The address of a function that libtorch exports; 0: it does not.</summary>
    internal static nint Export(string function) =>
        Library != 0 && NativeLibrary.TryGetExport(Library, function, out nint address) ? address : 0;

    [LibraryImport("torch_cpu")]
    private static partial void sgemm_(byte* transposeA, byte* transposeB, int* m, int* n, int* k,
        float* alpha, float* a, int* aStride, float* b, int* bStride, float* beta, float* c, int* cStride);

    [LibraryImport("torch_cpu")]
    private static partial void cblas_gemm_bf16bf16f32(int layout, int transposeA, int transposeB, int m, int n, int k,
        float alpha, ushort* a, int aStride, ushort* b, int bStride, float beta, float* c, int cStride);
}

/// <summary>A matrix that is multiplied, row by row in memory.</summary>
/// <typeparam name="T">A number as it lies there.</typeparam>
internal readonly unsafe struct Factor<T>(T* first, int stride, bool isTransposed = false) where T : unmanaged
{
    /// <summary>The first number.</summary>
    public readonly T* First = first;

    /// <summary>The distance from row to row.</summary>
    public readonly int Stride = stride;

    /// <summary>Whether what lies there is the transposed of what is multiplied.</summary>
    public readonly bool IsTransposed = isTransposed;

    /// <summary>The distance from row to row of what is multiplied.</summary>
    public int ToNextRow => IsTransposed ? 1 : Stride;

    /// <summary>The distance from column to column of it.</summary>
    public int ToNextColumn => IsTransposed ? Stride : 1;

    /// <summary>What follows of it from a row and a column.</summary>
    public Factor<T> From(int row, int column) =>
        new(First + ((long)row * ToNextRow) + ((long)column * ToNextColumn), Stride, IsTransposed);

    /// <summary>The same numbers by another name of their format.</summary>
    public Factor<TOther> As<TOther>() where TOther : unmanaged => new((TOther*)First, Stride, IsTransposed);
}
