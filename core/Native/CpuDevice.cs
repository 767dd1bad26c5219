using System.Runtime.Intrinsics.X86;

namespace Electra.Native;

/// <summary>What the processor can do, as far as the environment lets it be used.</summary>
internal static class CpuDevice
{
    // The sets of instructions below bfloat16's that MKL can be limited to.
    private static readonly string[] WithoutBFloat16 = ["SSE4_2", "AVX", "AVX2", "AVX512", "AVX512_E1"];

    /// <summary>
    /// Whether it multiplies bfloat16 natively: AVX512_BF16 (CPUID leaf 7, subleaf 1, EAX bit 5), without which bfloat16 products are
    /// slower than float32's. Neither <c>DOTNET_EnableAVX512=0</c> nor <c>MKL_ENABLE_INSTRUCTIONS=AVX512</c> leaves it: so any machine
    /// can show what others do.
    /// </summary>
    public static bool HasBFloat16 =>
        Avx512F.IsSupported && X86Base.CpuId(7, 0).Eax >= 1 && (X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0
        && !WithoutBFloat16.Contains(Environment.GetEnvironmentVariable("MKL_ENABLE_INSTRUCTIONS"), StringComparer.OrdinalIgnoreCase);
}
