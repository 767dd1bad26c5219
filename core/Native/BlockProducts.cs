namespace Electra.Native;

/// <summary>
/// Products of small blocks of bfloat16 matrices into float32 by the oneDNN inside libtorch (brgemm): it compiles code for each shape, and
/// takes the second matrix as it was laid out for it. libtorch exports its door to it under the name that C++ gives it.
/// </summary>
internal static unsafe class BlockProducts
{
    private const string Name = "_ZN2at6native7cpublas6brgemmEllllllbPKN3c108BFloat16ES5_Pfb";

    private static readonly delegate* unmanaged<long, long, long, long, long, long, byte, ushort*, ushort*, float*, byte, void> Function =
        (delegate* unmanaged<long, long, long, long, long, long, byte, ushort*, ushort*, float*, byte, void>)MatrixProducts.Export(Name);

    /// <summary>Whether the libtorch in use has them, and the processor is one that they are used on: not those with AMX, whose tiles each
    /// thread would have to be given and relieved of.</summary>
    public static bool Available { get; } =
        Function is not null && CpuDevice.HasBFloat16 && !CpuDevice.IsLimited && !CpuDevice.HasMatrixUnits;

    /// <summary>C ← A B. Code is compiled on each thread for each combination of the sizes and distances: there should be few.</summary>
    /// <param name="m">Rows of A.</param>
    /// <param name="n">Columns of B: 16, 32, 48 or 64.</param>
    /// <param name="k">Length of the sums, even.</param>
    /// <param name="a">A <c>[m, k]</c>.</param>
    /// <param name="aStride">Its distance from row to row.</param>
    /// <param name="b">B <c>[k / 2, n, 2]</c>: of each column two rows side by side.</param>
    /// <param name="c">C <c>[m, n]</c>.</param>
    public static void Multiply(int m, int n, int k, ushort* a, int aStride, ushort* b, float* c) =>
        Function(m, n, k, aStride, n, n, 0, a, b, c, 1);
}
