using System.Runtime.InteropServices;
using Electra.Native;
using Electra.Tensors.Kernels;
using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>The transposed of a matrix <c>[n, k]</c> in the panels of <see cref="PanelProduct{T}"/>.</summary>
internal sealed unsafe class PackedMatrix : IDisposable
{
    public PackedMatrix(Tensor matrix) =>
        Panels = matrix.dtype == ScalarType.Float32 ? Pack<Float32Format>(matrix) : Pack<BFloat16Format>(matrix);

    ~PackedMatrix() => Free();

    public nint Panels { get; private set; }

    /// <summary>Whether products with a matrix of this format are computed from panels.</summary>
    public static bool Takes(ScalarType format) => format switch
    {
        ScalarType.Float32 => Float32Format.Supported && Float32Format.HasTiles,
        ScalarType.BFloat16 => BFloat16Format.Supported && BFloat16Format.HasTiles,
        _ => false,
    };

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private static nint Pack<T>(Tensor matrix) where T : unmanaged, INumberFormat<T>
    {
        var (n, k) = ((int)matrix.shape[0], (int)matrix.shape[1]);
        return (nint)PanelProduct<T>.Panels(new(NativeTensors.First<T>(matrix), k, isTransposed: true), k, n);
    }

    private void Free()
    {
        NativeMemory.AlignedFree((void*)Panels);
        Panels = 0;
    }
}
