using System.Runtime.InteropServices;

namespace Electra.Native;

/// <summary>libtorch's deterministic algorithms on CUDA; TorchSharp's own functions for them do nothing.</summary>
/// <remarks>
/// By default some of libtorch's sums are added up in the order in which the GPU's threads come by: index_add, the backward passes of
/// attention and of look-ups. With deterministic algorithms each has a fixed order, and operators that have none are refused.
/// </remarks>
internal static unsafe class DeterministicAlgorithms
{
    /// <summary>What cuBLAS reads when it is first used.</summary>
    private const string WorkspaceVariable = "CUBLAS_WORKSPACE_CONFIG";

    /// <summary>The two workspaces with which cuBLAS is deterministic.</summary>
    private static readonly string[] Workspaces = [":4096:8", ":16:8"];

    /// <summary>Whether the process uses them; null where this libtorch does not say.</summary>
    public static bool? AreUsed
    {
        get
        {
            var isSet = (delegate* unmanaged<nint, byte>)Export("_ZNK2at7Context23deterministicAlgorithmsEv");
            return isSet != null && Context() is not 0 and var context ? isSet(context) != 0 : null;
        }
    }

    /// <summary>Uses them, or not, in the whole process: to be called before the first product on a GPU.</summary>
    /// <exception cref="UserErrorException">They are asked for, and cannot be had.</exception>
    public static void Use(bool deterministic)
    {
        var set = (delegate* unmanaged<nint, byte, byte, void>)Export("_ZN2at7Context26setDeterministicAlgorithmsEbb");
        var fill = (delegate* unmanaged<nint, byte, void>)Export("_ZN2at7Context39setDeterministicFillUninitializedMemoryEb");
        nint context = Context();
        if (set == null || fill == null || context == 0)
        {
            if (deterministic)
                throw new UserErrorException(
                    "compute.deterministic: this libtorch, or this system, does not let its algorithms be chosen (Linux on x64 does). "
                        + "compute.deterministic=false computes without."
                );
            return;
        }
        if (deterministic && Problem(Environment.GetEnvironmentVariable(WorkspaceVariable)) is { } problem)
            throw new UserErrorException(problem);
        if (deterministic)
            NativeVariable.Set(WorkspaceVariable, Workspaces[0]);
        fill(context, 0); // memory is never read here before it was written
        set(context, (byte)(deterministic ? 1 : 0), 0);
    }

    /// <summary>Why cuBLAS would not be deterministic with a value of its variable; null where it is, or there is none.</summary>
    internal static string? Problem(string? workspace) =>
        workspace is null || Workspaces.Contains(workspace)
            ? null
            : $"compute.deterministic: with {WorkspaceVariable}={workspace} in the environment cuBLAS is not deterministic. "
                + $"Unset it, or set it to {string.Join(" or ", Workspaces)}.";

    /// <summary>at::globalContext(); 0 where it is not exported under the name that GCC gives it.</summary>
    private static nint Context()
    {
        var function = (delegate* unmanaged<nint>)Export("_ZN2at13globalContextEv");
        return function == null ? 0 : function();
    }

    private static nint Export(string name) =>
        OperatingSystem.IsLinux()
        && NativeLibrary.TryLoad(Path.Combine(LibTorch.Folder, "libtorch_cpu.so"), out nint library)
        && NativeLibrary.TryGetExport(library, name, out nint function)
            ? function
            : 0;
}
