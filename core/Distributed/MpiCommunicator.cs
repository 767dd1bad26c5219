using System.IO.Hashing;
using System.Text;
using Electra.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Electra.Distributed;

/// <summary>Ranks that are connected by MPI. Tensors on a GPU go through the memory of the CPU.</summary>
internal sealed unsafe class MpiCommunicator : ICommunicator
{
    /// <summary>Elements in one call: Open MPI's all-reduce in shared memory is twice as fast in parts that stay in the cache.</summary>
    private const int Part = 1 << 18;

    private const int BroadcastBytes = 1 << 28;

    private readonly Mpi mpi;
    private readonly nint ending;
    private readonly Watchdog watchdog;
    private bool isAlone;

    /// <summary>Joins the processes that a launcher started.</summary>
    /// <param name="launcher">The launcher.</param>
    /// <param name="patience">How long a call may wait for the others.</param>
    /// <exception cref="UserErrorException">The library is not that of the launcher.</exception>
    public MpiCommunicator(Launcher launcher, TimeSpan patience)
    {
        mpi = Mpi.Load(launcher);
        watchdog = Watchdog.Of(launcher.Rank, launcher.WorldSize, patience);
        using var _ = watchdog.During("start");
        mpi.Begin();
        (Rank, WorldSize) = (mpi.Rank(), mpi.Size());
        if (WorldSize != launcher.WorldSize)
        {
            var message =
                $"{launcher.Name} started {launcher.WorldSize} processes, and {mpi.Description} sees {WorldSize}: it is not the "
                + $"launcher's library of MPI. {Mpi.Variable} names the one to use: libmpi.so.40 is Open MPI's, libmpi.so.12 MPICH's";
            mpi.End();
            watchdog.Dispose();
            throw new UserErrorException(message);
        }
        ending = mpi.Duplicate();
    }

    public int Rank { get; }

    public int WorldSize { get; }

    public string Description => mpi.Description;

    public void AllReduce(Tensor tensor, Reduction reduction = Reduction.Sum)
    {
        if (tensor.device_type != DeviceType.CPU)
        {
            using var copy = tensor.cpu();
            AllReduce(copy, reduction);
            tensor.copy_(copy);
            return;
        }
        var type = tensor.dtype switch
        {
            ScalarType.Float32 => mpi.Float,
            ScalarType.Float64 => mpi.Double,
            _ => throw new NotSupportedException($"an all-reduce of {tensor.dtype}"),
        };
        var operation = reduction == Reduction.Sum ? mpi.Sum : mpi.Max;
        var data = (byte*)NativeTensors.DataPointer(tensor);
        using var _ = watchdog.During("all-reduce");
        for (long done = 0, count = tensor.numel(); done < count; done += Part)
            mpi.AllReduce((nint)(data + (done * tensor.ElementSize)), (int)Math.Min(Part, count - done), type, operation);
    }

    public void Broadcast(Tensor tensor, int root = 0)
    {
        if (tensor.device_type != DeviceType.CPU)
        {
            using var copy = tensor.cpu();
            Broadcast(copy, root);
            tensor.copy_(copy);
            return;
        }
        var data = (byte*)NativeTensors.DataPointer(tensor);
        using var _ = watchdog.During("broadcast");
        for (long done = 0, count = tensor.numel() * tensor.ElementSize; done < count; done += BroadcastBytes)
            mpi.Broadcast((nint)(data + done), (int)Math.Min(BroadcastBytes, count - done), root, mpi.World);
    }

    public void AwaitAll(Action? waiting = null) =>
        mpi.Meet(
            mpi.World,
            waited =>
            {
                if (waited > ICommunicator.Unmentioned)
                    Interlocked.Exchange(ref waiting, null)?.Invoke();
                return true;
            }
        );

    public bool? EndsAlike(string reason)
    {
        isAlone = true; // also where the others cannot be reached
        if (!mpi.Meet(ending, waited => waited < ICommunicator.EndPatience))
            return null;
        ulong own = XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(reason)), first = own;
        mpi.Broadcast((nint)(&first), sizeof(ulong), root: 0, ending);
        isAlone = false;
        return first == own;
    }

    public void Abort(int exitCode) => mpi.Abort(exitCode);

    /// <summary>Leaves the others, once all are at their end.</summary>
    public void Dispose()
    {
        if (!isAlone)
            using (watchdog.During("end"))
                mpi.End();
        watchdog.Dispose();
    }
}
