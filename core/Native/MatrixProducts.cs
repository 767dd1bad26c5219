using System.Runtime.InteropServices;

namespace Electra.Native;

/// <summary>
/// Matrix products into float32 by the MKL inside libtorch. Unlike libtorch's operators they take parts of matrices where they lie, and
/// add to what is there: C ← β · C + α · A B, all matrices row by row, each with its distance from row to row.
/// </summary>
internal static unsafe partial class MatrixProducts
{
    private const int RowMajor = 101, AsItIs = 111, Transposed = 112, Packed = 151, OfB = 162;

    private static readonly nint Library = NativeLibrary.TryLoad(
        Path.Combine(LibTorch.Folder, OperatingSystem.IsWindows() ? "torch_cpu.dll" : "libtorch_cpu.so"),
        out nint library
    )
        ? library
        : 0;

    /// <summary>Whether the libtorch in use has those of float32.</summary>
    public static bool HaveFloat32 { get; } = Exports("sgemm_");

    /// <summary>Whether the libtorch in use has those of bfloat16.</summary>
    public static bool HaveBFloat16 { get; } = Exports("cblas_gemm_bf16bf16f32");

    /// <summary>The product of two float32 matrices.</summary>
    /// <param name="transposeA">Whether A lies as <c>[k, m]</c> in place of <c>[m, k]</c>.</param>
    /// <param name="transposeB">Whether B lies as <c>[n, k]</c> in place of <c>[k, n]</c>.</param>
    /// <param name="m">Rows of C.</param>
    /// <param name="n">Columns of C.</param>
    /// <param name="k">Length of the sums.</param>
    /// <param name="alpha">α.</param>
    /// <param name="a">A.</param>
    /// <param name="aStride">Its distance from row to row.</param>
    /// <param name="b">B.</param>
    /// <param name="bStride">Its distance from row to row.</param>
    /// <param name="beta">β.</param>
    /// <param name="c">C, <c>[m, n]</c>.</param>
    /// <param name="cStride">Its distance from row to row.</param>
    public static void Multiply(
        bool transposeA,
        bool transposeB,
        int m,
        int n,
        int k,
        float alpha,
        float* a,
        int aStride,
        float* b,
        int bStride,
        float beta,
        float* c,
        int cStride
    )
    {
        // Fortran's order is by columns: what is asked for is Cᵀ ← β · Cᵀ + α · Bᵀ Aᵀ.
        byte ofA = (byte)(transposeA ? 'T' : 'N'), ofB = (byte)(transposeB ? 'T' : 'N');
        sgemm_(&ofB, &ofA, &n, &m, &k, &alpha, b, &bStride, a, &aStride, &beta, c, &cStride);
    }

    /// <summary>The product of two bfloat16 matrices.</summary>
    /// <inheritdoc cref="Multiply(bool, bool, int, int, int, float, float*, int, float*, int, float, float*, int)"/>
    public static void Multiply(
        bool transposeA,
        bool transposeB,
        int m,
        int n,
        int k,
        float alpha,
        ushort* a,
        int aStride,
        ushort* b,
        int bStride,
        float beta,
        float* c,
        int cStride
    ) =>
        cblas_gemm_bf16bf16f32(
            RowMajor,
            transposeA ? Transposed : AsItIs,
            transposeB ? Transposed : AsItIs,
            m,
            n,
            k,
            alpha,
            a,
            aStride,
            b,
            bStride,
            beta,
            c,
            cStride
        );

    /// <summary>Whether float32 matrices can be packed.</summary>
    public static bool CanPack { get; } = HaveFloat32 && Exports("cblas_sgemm_pack") && Exports("cblas_sgemm_compute");

    /// <summary>A float32 matrix B, as it is multiplied with fastest.</summary>
    /// <param name="b">Bᵀ, <c>[n, k]</c>.</param>
    /// <param name="n">Columns of B.</param>
    /// <param name="k">Rows of B.</param>
    /// <returns>Memory to be freed with <see cref="NativeMemory.AlignedFree"/>.</returns>
    public static nint Pack(float* b, int n, int k)
    {
        const int AnyRows = 64; // of A: what is packed serves any number
        var packed = (float*)NativeMemory.AlignedAlloc(cblas_sgemm_pack_get_size(OfB, AnyRows, n, k), 64);
        cblas_sgemm_pack(RowMajor, OfB, Transposed, AnyRows, n, k, 1, b, k, packed);
        return (nint)packed;
    }

    /// <summary>C ← A B of a packed B: A <c>[m, k]</c>, C <c>[m, n]</c>.</summary>
    public static void MultiplyPacked(int m, int n, int k, float* a, int aStride, nint b, float* c, int cStride) =>
        cblas_sgemm_compute(RowMajor, AsItIs, Packed, m, n, k, a, aStride, (float*)b, k, 0, c, cStride);

    private static bool Exports(string function) => Library != 0 && NativeLibrary.TryGetExport(Library, function, out _);

    [LibraryImport("torch_cpu")]
    private static partial void sgemm_(byte* transposeA, byte* transposeB, int* m, int* n, int* k,
        float* alpha, float* a, int* aStride, float* b, int* bStride, float* beta, float* c, int* cStride);

    [LibraryImport("torch_cpu")]
    private static partial nuint cblas_sgemm_pack_get_size(int identifier, int m, int n, int k);

    [LibraryImport("torch_cpu")]
    private static partial void cblas_sgemm_pack(int layout, int identifier, int transpose, int m, int n, int k,
        float alpha, float* source, int stride, float* target);

    [LibraryImport("torch_cpu")]
    private static partial void cblas_sgemm_compute(int layout, int transposeA, int transposeB, int m, int n, int k,
        float* a, int aStride, float* b, int bStride, float beta, float* c, int cStride);

    [LibraryImport("torch_cpu")]
    private static partial void cblas_gemm_bf16bf16f32(int layout, int transposeA, int transposeB, int m, int n, int k,
        float alpha, ushort* a, int aStride, ushort* b, int bStride, float beta, float* c, int cStride);
}
