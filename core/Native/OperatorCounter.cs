using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Electra.Native;

/// <summary>
/// Counts the operators that libtorch runs, through the hook of its profiler (<c>at::addGlobalCallback</c>). What only makes a view or
/// hands on to other operators is left out, so that the count is close to the kernels that a GPU would launch.
/// </summary>
/// <remarks>The hook is not a public interface: where a symbol is missing, or on another system than Linux on x64, there is no
/// count.</remarks>
internal static unsafe class OperatorCounter
{
    // Views, allocation, and operators that are made of others, which are counted themselves.
    private static readonly HashSet<string> Free =
    [
        "view",
        "t",
        "transpose",
        "permute",
        "expand",
        "as_strided",
        "reshape",
        "_unsafe_view",
        "detach",
        "empty",
        "empty_like",
        "linear",
        "matmul",
        "slice",
        "select",
        "narrow",
        "unsqueeze",
        "squeeze",
        "split",
        "chunk",
        "unbind",
        "to",
        "alias",
        "contiguous",
        "result_type",
        "empty_strided",
        "_reshape_alias",
        "resize_",
        "dropout",
        "layer_norm",
        "embedding_backward",
        "cross_entropy_loss",
        "set_",
        "ones_like",
        "zeros_like",
        "zeros",
        "ones",
        "_to_copy",
        "clone",
        "item",
        "resolve_conj",
        "resolve_neg",
        "lift_fresh",
        "is_nonzero",
        "embedding",
        "scaled_dot_product_attention",
        "unflatten",
        "flatten",
        "view_as",
        "index_select_backward",
        "full",
        "new_empty",
        "expand_as",
        "binary_cross_entropy_with_logits_backward",
        "nll_loss_nd",
        "softmax",
        "log_softmax",
        "type_as",
        "arange",
        "stack",
    ];

    private static readonly ConcurrentDictionary<nint, bool> Counted = [];
    private static delegate* unmanaged<nint, nint> nameOf;
    private static long count;
    private static int? onlyThread;

    /// <summary>Operators on lists that this thread is in: on a GPU each is few kernels, whatever its list has.</summary>
    [ThreadStatic]
    private static int lists;

    /// <summary>at::RecordFunctionCallback: two functions, the probability of sampling, ten flags of scopes, three of needs.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Callback
    {
        public nint Start, End;
        public double Probability;
        public fixed byte Scopes[10];
        public byte NeedsInputs, NeedsOutputs, NeedsIds;
    }

    /// <summary>The operators that <paramref name="work"/> runs; null where they cannot be counted.</summary>
    /// <param name="work">What to count.</param>
    /// <param name="onAllThreads">On a GPU the backward pass has a thread of its own; on the CPU it runs on the caller's.</param>
    public static long? Count(Action work, bool onAllThreads = false)
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64
            || !NativeLibrary.TryLoad(Path.Combine(LibTorch.Folder, "libtorch_cpu.so"), out nint library)
            || !NativeLibrary.TryGetExport(library, "_ZN2at17addGlobalCallbackENS_22RecordFunctionCallbackE", out nint add)
            || !NativeLibrary.TryGetExport(library, "_ZN2at14removeCallbackEm", out nint remove)
            || !NativeLibrary.TryGetExport(library, "_ZNK2at14RecordFunction4nameEv", out nint name))
            return null;
        nameOf = (delegate* unmanaged<nint, nint>)name;
        (count, onlyThread) = (0, onAllThreads ? null : Environment.CurrentManagedThreadId);
        var callback = new Callback
        {
            Start = (nint)(delegate* unmanaged<nint, nint, nint>)&OnStart,
            End = (nint)(delegate* unmanaged<nint, nint, void>)&OnEnd,
            Probability = 1,
        };
        callback.Scopes[0] = 1; // RecordScope::FUNCTION
        ulong handle = ((delegate* unmanaged<Callback, ulong>)add)(callback);
        try
        {
            work();
        }
        finally
        {
            ((delegate* unmanaged<ulong, void>)remove)(handle);
        }
        return count;
    }

    /// <summary>Returns an empty <c>unique_ptr&lt;ObserverContext&gt;</c>, which the caller has made room for.</summary>
    [UnmanagedCallersOnly]
    private static nint OnStart(nint result, nint function)
    {
        *(nint*)result = 0;
        nint name = nameOf(function);
        if (!Counted.TryGetValue(name, out bool counts))
        {
            var text = Marshal.PtrToStringUTF8(name) ?? "";
            Counted[name] = counts = text.StartsWith("aten::", StringComparison.Ordinal) && !Free.Contains(text["aten::".Length..]);
        }
        if (counts && lists == 0 && (onlyThread ?? Environment.CurrentManagedThreadId) == Environment.CurrentManagedThreadId)
            Interlocked.Increment(ref count);
        if (IsOnLists(name))
            lists++;
        return result;
    }

    [UnmanagedCallersOnly]
    private static void OnEnd(nint function, nint context)
    {
        if (lists > 0 && IsOnLists(nameOf(function)))
            lists--;
    }

    private static bool IsOnLists(nint name) =>
        MemoryMarshal.CreateReadOnlySpanFromNullTerminated((byte*)name).StartsWith("aten::_foreach_"u8);
}
