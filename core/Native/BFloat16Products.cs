using System.Runtime.InteropServices;

namespace Electra.Native;

/// <summary>
/// Matrix products of bfloat16 into float32: <c>cblas_gemm_bf16bf16f32</c> of the MKL inside libtorch. Unlike libtorch's operators it
/// takes parts of matrices where they lie, and adds to what is there.
/// </summary>
internal static unsafe partial class BFloat16Products
{
    private const int RowMajor = 101, AsItIs = 111, Transposed = 112;

    /// <summary>Whether the libtorch in use has it.</summary>
    public static bool Available { get; } =
        NativeLibrary.TryLoad(
            Path.Combine(LibTorch.Folder, OperatingSystem.IsWindows() ? "torch_cpu.dll" : "libtorch_cpu.so"),
            out nint library
        ) && NativeLibrary.TryGetExport(library, "cblas_gemm_bf16bf16f32", out _);

    /// <summary>C ← α · A Bᵀ: A <c>[m, k]</c>, B <c>[n, k]</c>, C <c>[m, n]</c>, each with its distance from row to row.</summary>
    public static void ByTransposed(
        int m,
        int n,
        int k,
        float alpha,
        ushort* a,
        int aStride,
        ushort* b,
        int bStride,
        float* c,
        int cStride
    ) => cblas_gemm_bf16bf16f32(RowMajor, AsItIs, Transposed, m, n, k, alpha, a, aStride, b, bStride, 0, c, cStride);

    /// <summary>C ← β · C + A B: A <c>[m, k]</c>, B <c>[k, n]</c>, C <c>[m, n]</c>.</summary>
    public static void By(int m, int n, int k, ushort* a, int aStride, ushort* b, int bStride, float beta, float* c, int cStride) =>
        cblas_gemm_bf16bf16f32(RowMajor, AsItIs, AsItIs, m, n, k, 1, a, aStride, b, bStride, beta, c, cStride);

    /// <summary>C ← β · C + Aᵀ B: A <c>[k, m]</c>, B <c>[k, n]</c>, C <c>[m, n]</c>.</summary>
    public static void TransposedBy(
        int m,
        int n,
        int k,
        ushort* a,
        int aStride,
        ushort* b,
        int bStride,
        float beta,
        float* c,
        int cStride
    ) => cblas_gemm_bf16bf16f32(RowMajor, Transposed, AsItIs, m, n, k, 1, a, aStride, b, bStride, beta, c, cStride);

    [LibraryImport("torch_cpu")]
    private static partial void cblas_gemm_bf16bf16f32(int layout, int transposeA, int transposeB, int m, int n, int k,
        float alpha, ushort* a, int aStride, ushort* b, int bStride, float beta, float* c, int cStride);
}
