using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;

namespace Electra.Native;

/// <summary>What the processor can do, as far as the environment lets it be used.</summary>
internal static class CpuDevice
{
    // The sets of instructions below bfloat16's that MKL can be limited to.
    private static readonly string[] WithoutBFloat16 = ["SSE4_2", "AVX", "AVX2", "AVX512", "AVX512_E1"];

    /// <summary>
    /// Whether it multiplies bfloat16 faster than float32. AMD's processors with AVX512_BF16 do (Zen 4 and 5); of Intel's those with AMX
    /// alone: their VDPBF16PS does half the operations a second of float32's multiply-add (83 GFLOP/s beside 169, a core of a Xeon of model
    /// 207). Neither <c>DOTNET_EnableAVX512=0</c> nor <c>MKL_ENABLE_INSTRUCTIONS=AVX512</c> leaves it: so any machine can show what others
    /// do.
    /// </summary>
    public static bool MultipliesBFloat16Faster =>
        HasBFloat16 && !IsLimited && (HasMatrixUnits || Vendor == "AuthenticAMD");

    /// <summary>Whether it multiplies bfloat16 at all. AVX512_BF16: CPUID leaf 7, subleaf 1, EAX bit 5.</summary>
    public static bool HasBFloat16 =>
        Avx512F.IsSupported && X86Base.CpuId(7, 0).Eax >= 1 && (X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0;

    /// <summary>Whether the environment wants it used as one without bfloat16.</summary>
    public static bool IsLimited =>
        WithoutBFloat16.Contains(Environment.GetEnvironmentVariable("MKL_ENABLE_INSTRUCTIONS"), StringComparer.OrdinalIgnoreCase)
        || Environment.GetEnvironmentVariable("ONEDNN_MAX_CPU_ISA") is { Length: > 0 };

    /// <summary>AMX of bfloat16: CPUID leaf 7, EDX bit 22.</summary>
    public static bool HasMatrixUnits => (X86Base.CpuId(7, 0).Edx & (1 << 22)) != 0;

    /// <summary>Who made it: CPUID leaf 0.</summary>
    private static string Vendor
    {
        get
        {
            var (_, first, third, second) = X86Base.CpuId(0, 0);
            return Encoding.ASCII.GetString(MemoryMarshal.AsBytes<int>([first, second, third]));
        }
    }
}
