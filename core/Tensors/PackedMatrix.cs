using System.Runtime.InteropServices;
using Electra.Native;
using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>A float32 matrix <c>[n, k]</c>, packed by <see cref="MatrixProducts.Pack"/>.</summary>
internal sealed unsafe class PackedMatrix : IDisposable
{
    public PackedMatrix(Tensor matrix) =>
        Pointer = MatrixProducts.Pack(NativeTensors.Float32(matrix), (int)matrix.shape[0], (int)matrix.shape[1]);

    ~PackedMatrix() => Free();

    public nint Pointer { get; private set; }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.AlignedFree((void*)Pointer);
        Pointer = 0;
    }
}
