using System.Runtime.InteropServices;

namespace Electra.Native;

/// <summary>Settings of the matrix kernels inside libtorch that it offers no switch for.</summary>
internal static unsafe class MathKernels
{
    /// <summary>
    /// The MKL linked into libtorch keeps processors of other makers than Intel on its AVX2 kernels, at half the rate that their
    /// AVX-512 gives (fp32 products of ELECTRA-small's shapes, 2 threads: 155–187 against 415 GFLOP/s). It asks the maker once and
    /// keeps the answer in an int; this sets the answer. Must run before the first matrix product.
    /// </summary>
    /// <returns>Whether the answer was set. Anything unexpected in the code at that symbol leaves everything as it is.</returns>
    public static bool UseBestInstructions(nint torchCpu) => isSet = SetAnswer(torchCpu);

    /// <summary>For tables of measurements: whether the answer was set.</summary>
    public static string State => isSet ? $"set ({EnvironmentSwitch.DefaultMkl.Variable}=default leaves it alone)" : "left alone";

    private static bool isSet;

    private static bool SetAnswer(nint torchCpu)
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64 || !OperatingSystem.IsLinux()
            || EnvironmentSwitch.IsSet(EnvironmentSwitch.DefaultMkl)
            || !NativeLibrary.TryGetExport(torchCpu, "mkl_serv_intel_cpu_true", out nint function))
            return false;

        // 8B 05 disp32: mov eax, [rip + disp32], the remembered answer (-1 until asked).
        var code = (byte*)function;
        if (code[0] != 0x8B || code[1] != 0x05)
            return false;
        const int InstructionLength = 6;
        *(int*)(code + InstructionLength + *(int*)(code + 2)) = 1;
        return true;
    }
}
