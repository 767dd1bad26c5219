using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Electra.Native;

namespace Electra.Distributed;

/// <summary>The C interface of NCCL, which connects GPUs (nccl.h 2.x).</summary>
/// <param name="find">Finds a function of the library by its name.</param>
internal sealed unsafe class Nccl(Func<string, nint> find)
{
    /// <summary>Names the library to use.</summary>
    public const string Variable = "ELECTRA_NCCL";

    // ncclDataType_t and ncclRedOp_t
    public const int Bytes = 1, Float32 = 7, Float64 = 8, Sum = 0, Max = 2;

    /// <summary>What names a world: ncclUniqueId, passed by value.</summary>
    [InlineArray(Length)]
    public struct UniqueId
    {
        public const int Length = 128;
        private byte first;
    }

    private readonly delegate* unmanaged<UniqueId*, int> getUniqueId = (delegate* unmanaged<UniqueId*, int>)find("ncclGetUniqueId");

    private readonly delegate* unmanaged<nint*, int, UniqueId, int, int> join =
        (delegate* unmanaged<nint*, int, UniqueId, int, int>)find("ncclCommInitRank");

    private readonly delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int> allReduce =
        (delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int>)find("ncclAllReduce");

    private readonly delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int> broadcast =
        (delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int>)find("ncclBroadcast");

    private readonly delegate* unmanaged<nint, int> destroy = (delegate* unmanaged<nint, int>)find("ncclCommDestroy");
    private readonly delegate* unmanaged<nint, int> abort = (delegate* unmanaged<nint, int>)find("ncclCommAbort");
    private readonly delegate* unmanaged<int, nint> errorString = (delegate* unmanaged<int, nint>)find("ncclGetErrorString");

    /// <summary>
    /// The library that libtorch's own part for CUDA brings, so that it fits its CUDA: linked into it, or beside it; else the system's.
    /// </summary>
    /// <exception cref="UserErrorException">There is none.</exception>
    public static Nccl Load()
    {
        var given = Environment.GetEnvironmentVariable(Variable);
        string[] places =
            given is { Length: > 0 }
                ? [given]
                :
                [
                    Path.Combine(LibTorch.Folder, "libtorch_cuda.so"),
                    Path.Combine(LibTorch.Folder, "libnccl.so.2"),
                    Path.Combine(LibTorch.Folder, "..", "..", "nvidia", "nccl", "lib", "libnccl.so.2"), // of a Python installation
                    "libnccl.so.2",
                ];
        foreach (var place in places)
            if (NativeLibrary.TryLoad(place, out nint library) && NativeLibrary.TryGetExport(library, "ncclAllReduce", out _))
                return new Nccl(name => NativeLibrary.GetExport(library, name));
        throw new UserErrorException(
            $"several GPUs are connected by NCCL, and it is not there ({string.Join(", ", places)}). Install libnccl2, name the file in "
                + $"{Variable}, or use compute.communication=mpi, which is slower"
        );
    }

    public UniqueId NewId()
    {
        UniqueId id = default;
        Check(getUniqueId(&id), "GetUniqueId");
        return id;
    }

    public nint Join(int worldSize, UniqueId id, int rank)
    {
        nint made = 0;
        Check(join(&made, worldSize, id, rank), "CommInitRank");
        return made;
    }

    public void AllReduce(nint data, long count, int type, int operation, nint communicator, nint stream) =>
        Check(allReduce(data, data, (nuint)count, type, operation, communicator, stream), "AllReduce");

    public void Broadcast(nint data, long bytes, int root, nint communicator, nint stream) =>
        Check(broadcast(data, data, (nuint)bytes, Bytes, root, communicator, stream), "Broadcast");

    /// <summary>Leaves the other ranks. What all did together is done: an error means nothing any more.</summary>
    public void Destroy(nint communicator) => _ = destroy(communicator);

    public void Abort(nint communicator) => _ = abort(communicator);

    private void Check(int error, string function)
    {
        if (error != 0)
            throw new CommunicationException(
                $"the other ranks cannot be reached: nccl{function}: {Marshal.PtrToStringUTF8(errorString(error))} ({error}). "
                    + "NCCL_DEBUG=WARN in the environment says more"
            );
    }
}
