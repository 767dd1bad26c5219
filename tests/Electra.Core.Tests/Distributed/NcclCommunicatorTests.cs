using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Electra.Distributed;
using static TorchSharp.torch;

namespace Electra.Tests.Distributed;

/// <summary>NCCL's C interface, recorded by functions that stand in for it: they act as if every rank had the same.</summary>
[Collection("NCCL")]
public sealed unsafe class NcclCommunicatorTests
{
    private const nint Stream = 0x5157;
    private static readonly List<string> Calls = [];
    private static int world, error;

    public NcclCommunicatorTests()
    {
        Calls.Clear();
        error = 0;
    }

    [Fact]
    public void Each_call_has_its_arguments_on_the_stream_of_libtorch_and_its_device()
    {
        using var gradients = ones(5);
        using var counts = tensor(new double[] { 1, 2 });
        using (var nccl = Join(new FirstOfFour()))
        {
            nccl.AllReduce(gradients);
            nccl.AllReduce(counts, Reduction.Max);
            nccl.Broadcast(counts, root: 2);
        }
        Assert.Equal(
            [
                "id",
                "join 0 of 4, the id as it was, on the device",
                "all-reduce 5 float32 sum in place, rank 0 on the stream, on the device",
                "all-reduce 2 float64 max in place, rank 0 on the stream, on the device",
                "broadcast 16 bytes of 2 in place, rank 0 on the stream, on the device",
                "destroy 0, on the device",
            ],
            Calls
        );
        Assert.Equal([4f, 4, 4, 4, 4], gradients.data<float>().ToArray());
    }

    [Fact]
    public void Rank_0s_id_is_handed_round()
    {
        var ids = ThreadRanks.Run(2, ranks =>
        {
            using var nccl = Join(ranks);
            return nccl.Rank;
        });
        Assert.Equal([0, 1], ids);
        Assert.Single(Calls, call => call == "id");
        Assert.Equal(2, Calls.Count(call => call.EndsWith("the id as it was, on the device", StringComparison.Ordinal)));
    }

    [Fact]
    public void What_is_on_the_CPU_does_not_wait_for_the_GPU()
    {
        var sums = ThreadRanks.Run(2, ranks =>
        {
            using var nccl = new NcclCommunicator(StandIn(), new Device("meta"), ranks, TimeSpan.FromMinutes(1), Cuda);
            return nccl.Sum(1, nccl.Rank);
        });
        Assert.All(sums, sum => Assert.Equal([2, 1], sum));
        Assert.DoesNotContain(Calls, call => call.StartsWith("all-reduce", StringComparison.Ordinal));
    }

    [Fact]
    public void An_error_says_which_call_and_why()
    {
        using var nccl = Join(new FirstOfFour());
        error = 6;
        using var values = ones(1);
        var said = Assert.Throws<CommunicationException>(() => nccl.AllReduce(values)).Message;
        Assert.StartsWith("the other ranks cannot be reached: ncclAllReduce: remote error (6). NCCL_DEBUG=WARN", said);
    }

    [Fact]
    public void Abort_ends_the_world_without_leaving_it()
    {
        using (var nccl = Join(new FirstOfFour()))
            nccl.Abort(1);
        Assert.Equal(["id", "join 0 of 4, the id as it was, on the device", "abort 0"], Calls);
    }

    private static NcclCommunicator Join(ICommunicator control) => new(StandIn(), CPU, control, TimeSpan.FromMinutes(5), Cuda);

    private static CudaCalls Cuda => new(() => Stream, () => new OnDevice());

    /// <summary>This thread computes on the device while it lives.</summary>
    private sealed class OnDevice : IDisposable
    {
        [ThreadStatic]
        private static int count;

        public OnDevice() => count++;

        public static string Said => count == 1 ? ", on the device" : "";

        public void Dispose() => count--;
    }

    /// <summary>The first of four ranks that all have the same.</summary>
    private sealed class FirstOfFour : ICommunicator
    {
        public int Rank => 0;

        public int WorldSize => 4;

        public string Description => "nothing";

        public void AllReduce(Tensor tensor, Reduction reduction = Reduction.Sum) =>
            tensor.mul_(reduction == Reduction.Sum ? WorldSize : 1);

        public void Broadcast(Tensor tensor, int root = 0) { }

        public void AwaitAll(Action? waiting = null) { }

        public bool? EndsAlike(string reason) => true;

        public void Abort(int exitCode) { }

        public void Dispose() { }
    }

    private static Nccl StandIn() =>
        new(name => name switch
        {
            "ncclGetUniqueId" => (nint)(delegate* unmanaged<byte*, int>)&GetUniqueId,
            "ncclCommInitRank" => (nint)(delegate* unmanaged<nint*, int, Nccl.UniqueId, int, int>)&Join,
            "ncclAllReduce" => (nint)(delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int>)&AllReduce,
            "ncclBroadcast" => (nint)(delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int>)&Broadcast,
            "ncclCommDestroy" => (nint)(delegate* unmanaged<nint, int>)&Destroy,
            "ncclCommAbort" => (nint)(delegate* unmanaged<nint, int>)&Abort,
            "ncclGetErrorString" => (nint)(delegate* unmanaged<int, nint>)&ErrorString,
            _ => throw new EntryPointNotFoundException(name),
        });

    private static int Record(string call)
    {
        lock (Calls)
            Calls.Add(call);
        return error;
    }

    private static byte ByteOf(int i) => (byte)((i * 7) + 1);

    [UnmanagedCallersOnly]
    private static int GetUniqueId(byte* id)
    {
        for (int i = 0; i < Nccl.UniqueId.Length; i++)
            id[i] = ByteOf(i);
        return Record("id");
    }

    [UnmanagedCallersOnly]
    private static int Join(nint* communicator, int size, Nccl.UniqueId id, int rank)
    {
        var bytes = MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<Nccl.UniqueId, byte>(ref id), Nccl.UniqueId.Length);
        bool isSame = bytes.SequenceEqual(Enumerable.Range(0, Nccl.UniqueId.Length).Select(ByteOf).ToArray());
        (world, *communicator) = (size, 1000 + rank);
        return Record($"join {rank} of {size}, {(isSame ? "the id as it was" : "another id")}{OnDevice.Said}");
    }

    [UnmanagedCallersOnly]
    private static int AllReduce(nint from, nint to, nuint count, int type, int operation, nint communicator, nint stream)
    {
        if (type == 7 && operation == 0)
            foreach (ref float value in new Span<float>((void*)to, (int)count))
                value *= world;
        var (what, how) = (type == 7 ? "float32" : type == 8 ? "float64" : "?", operation == 0 ? "sum" : operation == 2 ? "max" : "?");
        return Record($"all-reduce {count} {what} {how} {Where(from, to, communicator, stream)}");
    }

    [UnmanagedCallersOnly]
    private static int Broadcast(nint from, nint to, nuint count, int type, int root, nint communicator, nint stream) =>
        Record($"broadcast {count} {(type == 1 ? "bytes" : "?")} of {root} {Where(from, to, communicator, stream)}");

    private static string Where(nint from, nint to, nint communicator, nint stream) =>
        $"{(from == to ? "in place" : "elsewhere")}, rank {communicator - 1000} {(stream == Stream ? "on the stream" : "elsewhere")}"
        + OnDevice.Said;

    [UnmanagedCallersOnly]
    private static int Destroy(nint communicator) => Record($"destroy {communicator - 1000}{OnDevice.Said}");

    [UnmanagedCallersOnly]
    private static int Abort(nint communicator) => Record($"abort {communicator - 1000}");

    [UnmanagedCallersOnly]
    private static nint ErrorString(int code) => code == 6 ? Remote : 0;

    private static readonly nint Remote = Marshal.StringToCoTaskMemUTF8("remote error");
}
