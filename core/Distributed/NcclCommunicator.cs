using System.Runtime.InteropServices;
using Electra.Native;
using static TorchSharp.torch;

namespace Electra.Distributed;

/// <summary>
/// Ranks on GPUs, connected by NCCL. Calls go to libtorch's current stream: they run after the kernels before them and before those that
/// follow, and nothing waits for them. What is on the CPU goes by MPI where there is one, else through the GPU.
/// </summary>
internal sealed unsafe partial class NcclCommunicator : ICommunicator
{
    private readonly Nccl nccl;
    private readonly ICommunicator? control;
    private readonly Device device;
    private readonly Func<nint> stream;
    private readonly Watchdog watchdog;
    private readonly nint communicator;
    private bool isAborted;

    /// <param name="nccl">The library.</param>
    /// <param name="rank">This process, from 0.</param>
    /// <param name="worldSize">How many there are.</param>
    /// <param name="device">Its GPU.</param>
    /// <param name="control">Hands the id of rank 0 round, and reduces what is on the CPU; null: NCCL_COMM_ID names rank 0.</param>
    /// <param name="patience">How long a call may wait for the others.</param>
    /// <param name="stream">Libtorch's current stream.</param>
    public NcclCommunicator(
        Nccl nccl,
        int rank,
        int worldSize,
        Device device,
        ICommunicator? control,
        TimeSpan patience,
        Func<nint>? stream = null
    )
    {
        (this.nccl, Rank, WorldSize, this.device, this.control) = (nccl, rank, worldSize, device, control);
        this.stream = stream ?? CurrentStream;
        watchdog = Watchdog.Of(rank, worldSize, patience);
        empty(1, device: device).Dispose(); // this thread's current device is that one, and it has a context
        using var id = empty(Nccl.UniqueId.Length, dtype: ScalarType.Byte);
        if (control is null || rank == 0)
            *(Nccl.UniqueId*)NativeTensors.DataPointer(id) = nccl.NewId();
        control?.Broadcast(id);
        using (watchdog.During("join"))
            communicator = nccl.Join(worldSize, *(Nccl.UniqueId*)NativeTensors.DataPointer(id), rank);
    }

    public int Rank { get; }

    public int WorldSize { get; }

    public string Description => control is null ? "NCCL" : $"NCCL, and {control.Description}";

    public void AllReduce(Tensor tensor, Reduction reduction = Reduction.Sum)
    {
        if (tensor.device_type != device.type)
        {
            if (control is not null)
                control.AllReduce(tensor, reduction);
            else
                OnDevice(tensor, there => AllReduce(there, reduction));
            return;
        }
        var type = tensor.dtype switch
        {
            ScalarType.Float32 => Nccl.Float32,
            ScalarType.Float64 => Nccl.Float64,
            _ => throw new NotSupportedException($"an all-reduce of {tensor.dtype}"),
        };
        var operation = reduction == Reduction.Sum ? Nccl.Sum : Nccl.Max;
        using var _ = watchdog.During("all-reduce");
        nccl.AllReduce(NativeTensors.DataPointer(tensor), tensor.numel(), type, operation, communicator, stream());
    }

    public void Broadcast(Tensor tensor, int root = 0)
    {
        if (tensor.device_type != device.type)
        {
            if (control is not null)
                control.Broadcast(tensor, root);
            else
                OnDevice(tensor, there => Broadcast(there, root));
            return;
        }
        using var _ = watchdog.During("broadcast");
        nccl.Broadcast(NativeTensors.DataPointer(tensor), tensor.numel() * tensor.ElementSize, root, communicator, stream());
    }

    public void AwaitAll(Action? waiting = null)
    {
        if (control is not null)
        {
            control.AwaitAll(waiting);
            return;
        }
        using var one = zeros(1, device: device);
        nccl.AllReduce(NativeTensors.DataPointer(one), 1, Nccl.Float32, Nccl.Sum, communicator, stream());
        one.cpu().Dispose(); // waits for it
    }

    public bool? EndsAlike(string reason)
    {
        if (control is not null)
            return control.EndsAlike(reason);
        if (Rank > 0)
            Thread.Sleep(ICommunicator.EndPatience);
        return null;
    }

    public void Abort(int exitCode)
    {
        isAborted = true;
        nccl.Abort(communicator);
        control?.Abort(exitCode); // else the launcher ends the others when this process ends with an error
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!isAborted)
            nccl.Destroy(communicator);
        control?.Dispose();
        watchdog.Dispose();
    }

    /// <summary>Works on a copy on the GPU, and waits for it.</summary>
    private void OnDevice(Tensor tensor, Action<Tensor> work)
    {
        using var there = tensor.to(device);
        work(there);
        using var _ = watchdog.During("all-reduce");
        tensor.copy_(there);
    }

    private nint CurrentStream() =>
        aoti_torch_get_current_cuda_stream(device.index, out nint current) == 0
            ? current
            : throw new InvalidOperationException("libtorch gives no stream for this device");

    // libtorch's stable C interface (torch/csrc/inductor/aoti_torch/c/shim.h)
    [LibraryImport("torch_cuda")]
    private static partial int aoti_torch_get_current_cuda_stream(int device, out nint stream);
}
