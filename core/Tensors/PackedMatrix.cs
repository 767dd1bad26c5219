using System.Runtime.InteropServices;
using Electra.Native;
using Electra.Tensors.Kernels;
using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>A float32 matrix <c>[n, k]</c> in the panels of <see cref="PanelProduct"/>.</summary>
internal sealed unsafe class PackedMatrix : IDisposable
{
    public PackedMatrix(Tensor matrix) =>
        Panels = (nint)PanelProduct.Panels(NativeTensors.Float32(matrix), (int)matrix.shape[0], (int)matrix.shape[1]);

    ~PackedMatrix() => Free();

    public nint Panels { get; private set; }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.AlignedFree((void*)Panels);
        Panels = 0;
    }
}
