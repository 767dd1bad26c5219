using System.Runtime.InteropServices;
using Electra.Native;
using static TorchSharp.torch;

namespace Electra.Distributed;

/// <summary>What NCCL needs of libtorch on a GPU.</summary>
/// <param name="Stream">Gives the stream that this thread's kernels run on.</param>
/// <param name="Enter">Makes the GPU this thread's current one, until what it gives is disposed of.</param>
internal sealed partial record CudaCalls(Func<nint> Stream, Func<IDisposable> Enter)
{
    /// <summary>Those of a GPU.</summary>
    /// <param name="device">Its number.</param>
    public static CudaCalls Of(int device) =>
        new(
            () => aoti_torch_get_current_cuda_stream(device, out nint stream) == 0 ? stream : throw NotFound(device),
            () => aoti_torch_create_cuda_guard(device, out nint guard) == 0 ? new Guard(guard) : throw NotFound(device)
        );

    private static InvalidOperationException NotFound(int device) => new($"libtorch does not find cuda:{device}");

    private sealed class Guard(nint handle) : IDisposable
    {
        public void Dispose() => _ = aoti_torch_delete_cuda_guard(handle);
    }

    // libtorch's stable C interface (torch/csrc/inductor/aoti_torch/c/shim.h)
    [LibraryImport("torch_cuda")]
    private static partial int aoti_torch_get_current_cuda_stream(int device, out nint stream);

    [LibraryImport("torch_cuda")]
    private static partial int aoti_torch_create_cuda_guard(int device, out nint guard);

    [LibraryImport("torch_cuda")]
    private static partial int aoti_torch_delete_cuda_guard(nint guard);
}

/// <summary>
/// Ranks on GPUs, connected by NCCL. Calls go to libtorch's current stream: they run after the kernels before them and before those that
/// follow, and nothing waits for them. What is on the CPU goes another way, so that a number that all must have does not wait for the GPU.
/// </summary>
internal sealed unsafe class NcclCommunicator : ICommunicator
{
    private readonly Nccl nccl;
    private readonly ICommunicator control;
    private readonly Device device;
    private readonly CudaCalls cuda;
    private readonly Watchdog watchdog;
    private readonly nint communicator;
    private bool isAborted;

    /// <param name="nccl">The library.</param>
    /// <param name="device">This process's GPU.</param>
    /// <param name="control">The same processes without their GPUs: hands the id of rank 0 round, and reduces what is on the CPU.</param>
    /// <param name="patience">How long a call may wait for the others.</param>
    /// <param name="cuda">What is needed of libtorch.</param>
    public NcclCommunicator(Nccl nccl, Device device, ICommunicator control, TimeSpan patience, CudaCalls? cuda = null)
    {
        (this.nccl, this.device, this.control) = (nccl, device, control);
        this.cuda = cuda ?? CudaCalls.Of(device.index);
        empty(1, device: device).Dispose(); // libtorch begins with CUDA
        using var id = empty(Nccl.UniqueId.Length, dtype: ScalarType.Byte);
        control.First(() => *(Nccl.UniqueId*)NativeTensors.DataPointer(id) = nccl.NewId());
        control.Broadcast(id);
        watchdog = Watchdog.Of(Rank, WorldSize, patience);
        using (watchdog.During("join"))
        using (this.cuda.Enter()) // of several GPUs the current one joins
            communicator = nccl.Join(WorldSize, *(Nccl.UniqueId*)NativeTensors.DataPointer(id), Rank);
    }

    public int Rank => control.Rank;

    public int WorldSize => control.WorldSize;

    public string Description => $"NCCL, and {control.Description}";

    public void AllReduce(Tensor tensor, Reduction reduction = Reduction.Sum)
    {
        if (tensor.device_type != device.type)
        {
            control.AllReduce(tensor, reduction);
            return;
        }
        var type = tensor.dtype switch
        {
            ScalarType.Float32 => Nccl.Float32,
            ScalarType.Float64 => Nccl.Float64,
            _ => throw new NotSupportedException($"an all-reduce of {tensor.dtype}"),
        };
        var operation = reduction == Reduction.Sum ? Nccl.Sum : Nccl.Max;
        using var watched = watchdog.During("all-reduce");
        using var current = cuda.Enter();
        nccl.AllReduce(NativeTensors.DataPointer(tensor), tensor.numel(), type, operation, communicator, cuda.Stream());
    }

    public void Broadcast(Tensor tensor, int root = 0)
    {
        if (tensor.device_type != device.type)
        {
            control.Broadcast(tensor, root);
            return;
        }
        using var watched = watchdog.During("broadcast");
        using var current = cuda.Enter();
        nccl.Broadcast(NativeTensors.DataPointer(tensor), tensor.numel() * tensor.ElementSize, root, communicator, cuda.Stream());
    }

    public void AwaitAll(Action? waiting = null) => control.AwaitAll(waiting);

    public bool? EndsAlike(string reason) => control.EndsAlike(reason);

    public void Abort(int exitCode)
    {
        isAborted = true;
        nccl.Abort(communicator);
        control.Abort(exitCode);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!isAborted)
            using (watchdog.During("end"))
            using (cuda.Enter())
                nccl.Destroy(communicator);
        control.Dispose();
        watchdog.Dispose();
    }
}
