using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Electra.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Electra.Tests.Kit;

/// <summary>
/// libtorch's meta device: tensors with shapes and types, and no values. What runs on it takes the way of CUDA
/// (<see cref="Compute.IsCuda"/>) and shows, without a GPU, what would be wrong on one: a value that the host reads, a shape that hangs on
/// values, a tensor left on the CPU, a copy that the host waits for.
/// </summary>
/// <remarks>
/// libtorch's C++ half has no meta kernels for some operators (Python registers them); they are here, registered by its stable C interface,
/// <c>torch/csrc/inductor/aoti_torch/c/shim.h</c> and <c>torch/csrc/stable</c>. A kernel takes its arguments from the stack, owns them, and
/// puts its results in their place: handles of tensors, numbers, and for an optional the address of its value, 0 for none.
/// </remarks>
internal static unsafe class MetaDevice
{
    private const int Meta = 14, Float32 = 6, Int64 = 4, Bool = 11; // c10::DeviceType and c10::ScalarType
    private const string Library = "torch_cpu";

    private static readonly Lazy<bool> Registered = new(Register);

    /// <summary>What a kernel found wrong on this machine's other devices.</summary>
    private static readonly ConcurrentQueue<string> Problems = [];

    /// <summary>Uploads of this thread: whether the host waits for each.</summary>
    [ThreadStatic]
    private static List<bool>? uploads;

    /// <summary>A meta device that computes in some precision.</summary>
    public static Compute Open(Precision precision)
    {
        Assert.True(Registered.Value);
        return new Compute(new Device(DeviceType.META), precision, 1);
    }

    /// <summary>The uploads of <paramref name="work"/>, true where the host waits for one. Fails on what a GPU would not do.</summary>
    public static IReadOnlyList<bool> Watch(Action work)
    {
        uploads = [];
        Problems.Clear();
        work();
        Assert.Empty(Problems.Distinct());
        return uploads;
    }

    private static bool Register()
    {
        nint library = Open("Meta");
        Add(library, "index_select", &IndexSelect);
        Add(library, "native_layer_norm", &LayerNorm);
        Add(library, "native_layer_norm_backward", &LayerNormBackward);
        Add(library, "abs", &LikeFirst);
        Add(library, "where.self", &Where);
        Add(library, "logical_not", &LogicalNot);
        Add(library, "logical_not_", &InPlace);
        Add(library, "logical_or", &Logical);
        Add(library, "logical_and", &Logical);
        Add(library, "roll", &Roll);
        Add(library, "copy_", &Copy);
        Add(library, "mse_loss_backward", &MseBackward);
        Add(library, "log_sigmoid_forward", &LogSigmoid);
        Add(library, "log_sigmoid_backward", &LogSigmoidBackward);
        Add(library, "embedding_dense_backward", &EmbeddingBackward);
        Add(library, "searchsorted.Tensor", &SearchSorted);
        Add(library, "std.dim", &StandardDeviation); // made of others; a device's own comes first where no gradient is wanted
        Add(library, "_fused_adamw_", &FusedAdamW);
        Add(library, "_scaled_dot_product_efficient_attention", &Attention);
        Add(library, "_scaled_dot_product_efficient_attention_backward", &AttentionBackward);
        Add(Open("AutogradMeta"), "scaled_dot_product_attention", &ChooseAttention);
        return true;

        static nint Open(string key)
        {
            fixed (byte* space = "aten\0"u8, device = System.Text.Encoding.UTF8.GetBytes(key + "\0"), file = "tests\0"u8)
                return aoti_torch_library_init_impl(space, device, file, 1, out nint library) == 0
                    ? library
                    : throw new NotSupportedException();
        }

        static void Add(nint library, string name, delegate* unmanaged<ulong*, ulong, ulong, void> kernel)
        {
            fixed (byte* text = System.Text.Encoding.UTF8.GetBytes(name + "\0"))
                Assert.Equal(0, aoti_torch_library_impl(library, text, kernel));
        }
    }

    // ---- kernels ---------------------------------------------------------------------------------------------------------------------

    [UnmanagedCallersOnly]
    private static void IndexSelect(ulong* stack, ulong inputs, ulong outputs)
    {
        RequireMeta("index_select", stack[0], stack[2]);
        long[] shape = Shape(stack[0]);
        long dimension = (long)stack[1] < 0 ? (long)stack[1] + shape.Length : (long)stack[1];
        shape[dimension] = Shape(stack[2]) is [var count] ? count : 1;
        Return(stack, [0, 2], Empty(shape, Type(stack[0])));
    }

    /// <summary>(input, normalized_shape, weight?, bias?, eps) to output, mean, rstd.</summary>
    [UnmanagedCallersOnly]
    private static void LayerNorm(ulong* stack, ulong inputs, ulong outputs)
    {
        var (x, weight, bias) = (stack[0], Optional(stack[2]), Optional(stack[3]));
        RequireMeta("layer_norm", x, weight, bias);
        if (weight != 0 && Type(weight) != Type(x))
            Problems.Enqueue("layer_norm: CUDA's kernel wants activations and weight of one type");
        long[] shape = Shape(x), statistics = Shape(x);
        for (int i = 1; i <= Integers(stack[1]).Length; i++)
            statistics[^i] = 1;
        ulong[] results = [Empty(shape, Type(x)), Empty(statistics, Float32), Empty(statistics, Float32)];
        FreeList(stack[1]);
        Free(weight, bias);
        Return(stack, [0], results);
    }

    /// <summary>
    /// (grad_out, input, normalized_shape, mean, rstd, weight?, bias?, output_mask) to the gradients of input, weight, bias.
    /// </summary>
    [UnmanagedCallersOnly]
    private static void LayerNormBackward(ulong* stack, ulong inputs, ulong outputs)
    {
        RequireMeta("layer_norm's gradient", stack[0], stack[1]);
        int type = Type(stack[1]);
        var (weight, bias, normalized) = (Optional(stack[5]), Optional(stack[6]), Integers(stack[2]));
        int weightType = weight == 0 ? type : Type(weight);
        ulong[] results = [Empty(Shape(stack[1]), type), Empty(normalized, weightType), Empty(normalized, weightType)];
        Free(weight, bias);
        FreeList(stack[2]);
        FreeList(stack[7]);
        Return(stack, [0, 1, 3, 4], results);
    }

    [UnmanagedCallersOnly]
    private static void LikeFirst(ulong* stack, ulong inputs, ulong outputs) => Return(stack, [0], Empty(Shape(stack[0]), Type(stack[0])));

    [UnmanagedCallersOnly]
    private static void LogicalNot(ulong* stack, ulong inputs, ulong outputs) => Return(stack, [0], Empty(Shape(stack[0]), Bool));

    [UnmanagedCallersOnly]
    private static void InPlace(ulong* stack, ulong inputs, ulong outputs) { }

    [UnmanagedCallersOnly]
    private static void Logical(ulong* stack, ulong inputs, ulong outputs)
    {
        RequireMeta("logical_or or logical_and", stack[0], stack[1]);
        Return(stack, [0, 1], Empty(Broadcast(Shape(stack[0]), Shape(stack[1])), Bool));
    }

    /// <summary>(self, shifts, dims).</summary>
    [UnmanagedCallersOnly]
    private static void Roll(ulong* stack, ulong inputs, ulong outputs)
    {
        FreeList(stack[1]);
        FreeList(stack[2]);
        Return(stack, [0], Empty(Shape(stack[0]), Type(stack[0])));
    }

    [UnmanagedCallersOnly]
    private static void Where(ulong* stack, ulong inputs, ulong outputs)
    {
        RequireMeta("where", stack[0], stack[1], stack[2]);
        long[] a = Shape(stack[1]), b = Shape(stack[2]);
        Return(stack, [0, 1, 2], Empty(Broadcast(Shape(stack[0]), Broadcast(a, b)), Type(stack[a.Length >= b.Length ? 1 : 2])));
    }

    /// <summary>(self, src, non_blocking) to self.</summary>
    [UnmanagedCallersOnly]
    private static void Copy(ulong* stack, ulong inputs, ulong outputs)
    {
        if (DeviceOf(stack[1]) != Meta)
            uploads?.Add(stack[2] == 0);
        if (DeviceOf(stack[0]) != Meta)
            Problems.Enqueue("a tensor is copied to the host");
        Free(stack[1]);
    }

    /// <summary>(grad_output, self, target, reduction) to the gradient of self.</summary>
    [UnmanagedCallersOnly]
    private static void MseBackward(ulong* stack, ulong inputs, ulong outputs) =>
        Return(stack, [0, 1, 2], Empty(Shape(stack[1]), Type(stack[1])));

    /// <summary>self to output and a buffer.</summary>
    [UnmanagedCallersOnly]
    private static void LogSigmoid(ulong* stack, ulong inputs, ulong outputs)
    {
        int type = Type(stack[0]);
        Return(stack, [0], Empty(Shape(stack[0]), type), Empty([0], type));
    }

    /// <summary>(grad_output, self, buffer) to the gradient of self.</summary>
    [UnmanagedCallersOnly]
    private static void LogSigmoidBackward(ulong* stack, ulong inputs, ulong outputs) =>
        Return(stack, [0, 1, 2], Empty(Shape(stack[1]), Type(stack[1])));

    /// <summary>(grad_output, indices, num_weights, padding_idx, scale_grad_by_freq) to the gradient of the table.</summary>
    [UnmanagedCallersOnly]
    private static void EmbeddingBackward(ulong* stack, ulong inputs, ulong outputs)
    {
        RequireMeta("embedding's gradient", stack[0], stack[1]);
        Return(stack, [0, 1], Empty([(long)stack[2], Shape(stack[0])[^1]], Type(stack[0])));
    }

    [UnmanagedCallersOnly]
    private static void SearchSorted(ulong* stack, ulong inputs, ulong outputs)
    {
        RequireMeta("searchsorted", stack[0], stack[1]);
        Return(stack, [0, 1], Empty(Shape(stack[1]), Int64));
    }

    /// <summary>(self, dim?, unbiased, keepdim).</summary>
    [UnmanagedCallersOnly]
    private static void StandardDeviation(ulong* stack, ulong inputs, ulong outputs)
    {
        var shape = Shape(stack[0]).ToList();
        foreach (long dimension in (stack[1] == 0 ? [] : Integers(Optional(stack[1]))).OrderDescending())
            if (stack[3] != 0)
                shape[(int)dimension] = 1;
            else
                shape.RemoveAt((int)dimension);
        Return(stack, [0], Empty([.. shape], Type(stack[0])));
    }

    /// <summary>Six lists of tensors, numbers, grad_scale?, found_inf?.</summary>
    [UnmanagedCallersOnly]
    private static void FusedAdamW(ulong* stack, ulong inputs, ulong outputs)
    {
        for (int list = 0; list < 6; list++)
        {
            ulong[] tensors = [.. Integers(stack[list]).Select(tensor => (ulong)tensor)];
            RequireMeta($"fused Adam, list {list}", tensors);
            Free(tensors);
            FreeList(stack[list]);
        }
        foreach (ulong optional in new[] { stack[inputs - 2], stack[inputs - 1] })
        {
            ulong tensor = Optional(optional);
            RequireMeta("fused Adam's scale", tensor);
            if (tensor != 0 && Type(tensor) != Float32)
                Problems.Enqueue("fused Adam: scale and skip are not float32");
            Free(tensor);
        }
    }

    /// <summary>
    /// (query, key, value, attn_mask?, dropout_p, is_causal, scale?, enable_gqa): the operator that takes all that CUDA's do.
    /// </summary>
    [UnmanagedCallersOnly]
    private static void ChooseAttention(ulong* stack, ulong inputs, ulong outputs)
    {
        const int Results = 4;
        ulong* arguments = stackalloc ulong[8];
        // query, key, value, attn_bias?, compute_log_sumexp, dropout_p, is_causal, scale?
        (arguments[0], arguments[1], arguments[2], arguments[3]) = (stack[0], stack[1], stack[2], stack[3]);
        (arguments[4], arguments[5], arguments[6], arguments[7]) = (1, stack[4], stack[5], 0);
        int error;
        fixed (byte* name = "aten::_scaled_dot_product_efficient_attention\0"u8, overload = "\0"u8)
            error = aoti_torch_call_dispatcher(name, overload, arguments);
        if (error != 0)
        {
            Problems.Enqueue("attention failed");
            (stack[0], arguments[1], arguments[2], arguments[3]) = (Empty([], Float32), 0, 0, 0);
            return;
        }
        stack[0] = arguments[0];
        for (int i = 1; i < Results; i++)
            Free(arguments[i]);
    }

    [UnmanagedCallersOnly]
    private static void Attention(ulong* stack, ulong inputs, ulong outputs)
    {
        const int RowsOfSums = 32;
        ulong bias = Optional(stack[3]);
        long[] shape = Shape(stack[0]);
        RequireMeta("attention", stack[0], stack[1], stack[2], bias);
        if (new[] { stack[0], stack[1], stack[2] }.Any(tensor => Strides(tensor) is [.., not 1]))
            Problems.Enqueue("attention: the last dimension does not lie in a row");
        if (bias != 0 && Type(bias) != Type(stack[0]))
            Problems.Enqueue("attention: the bias is of another type than the query");
        ulong[] results =
        [
            LikeHeads(stack[0]),
            Empty([shape[0], shape[1], (shape[2] + RowsOfSums - 1) / RowsOfSums * RowsOfSums], Float32),
            Empty([], Int64),
            Empty([], Int64),
        ];
        Free(bias);
        Return(stack, [0, 1, 2], results);
    }

    /// <summary>(grad_out, query, key, value, attn_bias, out, logsumexp, seed, offset, dropout_p, mask, is_causal, scale?).</summary>
    [UnmanagedCallersOnly]
    private static void AttentionBackward(ulong* stack, ulong inputs, ulong outputs)
    {
        ulong[] results = [LikeHeads(stack[1]), LikeHeads(stack[2]), LikeHeads(stack[3]), Empty([0], Float32)];
        FreeList(stack[10]);
        Return(stack, [0, 1, 2, 3, 4, 5, 6, 7, 8], results);
    }

    // ---- tensors by their handles ----------------------------------------------------------------------------------------------------

    /// <summary>Frees the tensors that a kernel was given, and puts its results in their place.</summary>
    private static void Return(ulong* stack, int[] given, params ulong[] results)
    {
        foreach (int i in given)
            Free(stack[i]);
        for (int i = 0; i < results.Length; i++)
            stack[i] = results[i];
    }

    private static void RequireMeta(string name, params ulong[] tensors)
    {
        if (tensors.Any(tensor => tensor != 0 && DeviceOf(tensor) != Meta))
            Problems.Enqueue($"{name}: a tensor of the CPU among those of the device");
    }

    private static long[] Broadcast(long[] a, long[] b)
    {
        long[] shape = new long[Math.Max(a.Length, b.Length)];
        for (int i = 1; i <= shape.Length; i++)
            shape[^i] = Math.Max(i <= a.Length ? a[^i] : 1, i <= b.Length ? b[^i] : 1);
        return shape;
    }

    private static ulong Empty(long[] shape, int type, long[]? strides = null)
    {
        if (strides is null)
        {
            strides = new long[shape.Length];
            for (int i = shape.Length - 1; i >= 0; i--)
                strides[i] = i == shape.Length - 1 ? 1 : strides[i + 1] * Math.Max(1, shape[i + 1]);
        }
        long[] none = [0];
        fixed (long* sizes = shape.Length > 0 ? shape : none, steps = shape.Length > 0 ? strides : none)
            return aoti_torch_empty_strided(shape.Length, sizes, steps, type, Meta, 0, out nint tensor) == 0 ? (ulong)tensor : 0;
    }

    /// <summary><c>[batch, heads, length, size]</c>, in memory as <c>[batch, length, heads, size]</c>.</summary>
    private static ulong LikeHeads(ulong tensor)
    {
        long[] shape = Shape(tensor);
        var (heads, length, size) = (shape[1], shape[2], shape[3]);
        return Empty(shape, Type(tensor), [length * heads * size, size, heads * size, 1]);
    }

    private static long[] Shape(ulong tensor)
    {
        _ = aoti_torch_get_dim((nint)tensor, out long dimensions) + aoti_torch_get_sizes((nint)tensor, out long* sizes);
        return new ReadOnlySpan<long>(sizes, (int)dimensions).ToArray();
    }

    private static long[] Strides(ulong tensor)
    {
        _ = aoti_torch_get_dim((nint)tensor, out long dimensions) + aoti_torch_get_strides((nint)tensor, out long* strides);
        return new ReadOnlySpan<long>(strides, (int)dimensions).ToArray();
    }

    private static int Type(ulong tensor) => aoti_torch_get_dtype((nint)tensor, out int type) == 0 ? type : -1;

    private static int DeviceOf(ulong tensor) => aoti_torch_get_device_type((nint)tensor, out int device) == 0 ? device : -1;

    private static ulong Optional(ulong address) => address == 0 ? 0 : *(ulong*)address; // the room of the value is left, in tests alone

    private static long[] Integers(ulong list)
    {
        _ = torch_list_size((nint)list, out ulong count);
        var items = new long[count];
        for (ulong i = 0; i < count; i++)
        {
            _ = torch_list_get_item((nint)list, i, out ulong item);
            items[i] = (long)item;
        }
        return items;
    }

    private static void Free(params ulong[] tensors)
    {
        foreach (ulong tensor in tensors.Where(tensor => tensor != 0))
            _ = aoti_torch_delete_tensor_object((nint)tensor);
    }

    private static void FreeList(ulong list) => _ = torch_delete_list((nint)list);

    [DllImport(Library)]
    private static extern int aoti_torch_library_init_impl(byte* space, byte* key, byte* file, uint line, out nint library);

    [DllImport(Library)]
    private static extern int aoti_torch_library_impl(nint library, byte* name, delegate* unmanaged<ulong*, ulong, ulong, void> kernel);

    [DllImport(Library)]
    private static extern int aoti_torch_call_dispatcher(byte* name, byte* overload, ulong* stack);

    [DllImport(Library)]
    private static extern int aoti_torch_get_dim(nint tensor, out long dimensions);

    [DllImport(Library)]
    private static extern int aoti_torch_get_sizes(nint tensor, out long* sizes);

    [DllImport(Library)]
    private static extern int aoti_torch_get_strides(nint tensor, out long* strides);

    [DllImport(Library)]
    private static extern int aoti_torch_get_dtype(nint tensor, out int type);

    [DllImport(Library)]
    private static extern int aoti_torch_get_device_type(nint tensor, out int device);

    [DllImport(Library)]
    private static extern int aoti_torch_empty_strided(
        long dimensions, long* sizes, long* strides, int type, int device, int index, out nint tensor);

    [DllImport(Library)]
    private static extern int aoti_torch_delete_tensor_object(nint tensor);

    [DllImport(Library)]
    private static extern int torch_list_size(nint list, out ulong count);

    [DllImport(Library)]
    private static extern int torch_list_get_item(nint list, ulong index, out ulong item);

    [DllImport(Library)]
    private static extern int torch_delete_list(nint list);
}
