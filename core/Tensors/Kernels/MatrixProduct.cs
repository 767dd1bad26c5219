namespace Electra.Tensors.Kernels;

/// <summary>Products of parts of matrices where they lie, each with its distance from row to row; the results are float32.</summary>
/// <typeparam name="T">The format of the factors.</typeparam>
internal static unsafe class MatrixProduct<T> where T : unmanaged, INumberFormat<T>
{
    /// <summary>C ← α · A Bᵀ: A <c>[m, k]</c>, B <c>[n, k]</c>, C <c>[m, n]</c>.</summary>
    public static void ByTransposed(int m, int n, int k, float alpha, T* a, int aStride, T* b, int bStride, float* c, int cStride) =>
        T.Multiply(m, n, k, alpha, new(a, aStride), new(b, bStride, isTransposed: true), 0, c, cStride);

    /// <summary>C ← β · C + A B: A <c>[m, k]</c>, B <c>[k, n]</c>, C <c>[m, n]</c>.</summary>
    public static void By(int m, int n, int k, T* a, int aStride, T* b, int bStride, float beta, float* c, int cStride) =>
        T.Multiply(m, n, k, 1, new(a, aStride), new(b, bStride), beta, c, cStride);

    /// <summary>C ← β · C + Aᵀ B: A <c>[k, m]</c>, B <c>[k, n]</c>, C <c>[m, n]</c>.</summary>
    public static void TransposedBy(int m, int n, int k, T* a, int aStride, T* b, int bStride, float beta, float* c, int cStride) =>
        T.Multiply(m, n, k, 1, new(a, aStride, isTransposed: true), new(b, bStride), beta, c, cStride);
}
