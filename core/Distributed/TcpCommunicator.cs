using System.IO.Hashing;
using System.Net.Sockets;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using Electra.Native;
using static TorchSharp.torch;

namespace Electra.Distributed;

/// <summary>
/// Ranks that are connected by TCP through rank 0: what processes on GPUs agree on beside NCCL where their launcher has no MPI. It is for
/// a few numbers at a time, in the memory of the CPU.
/// </summary>
internal sealed unsafe class TcpCommunicator : ICommunicator
{
    /// <summary>The connection to each rank; of all but the first, to rank 0 alone.</summary>
    private readonly Socket[] peers;
    private readonly Watchdog watchdog;
    private bool isAlone;

    private enum Call
    {
        AllReduce,
        Broadcast,
        Meet,
        End,
    }

    private readonly record struct Header(Call Call, int Length);

    /// <summary>Joins the other processes.</summary>
    /// <param name="rank">This process, from 0.</param>
    /// <param name="worldSize">How many there are.</param>
    /// <param name="host">The machine of rank 0.</param>
    /// <param name="port">Where it listens.</param>
    /// <param name="patience">How long a call may wait for the others.</param>
    /// <exception cref="UserErrorException">The port is in use.</exception>
    public TcpCommunicator(int rank, int worldSize, string host, int port, TimeSpan patience)
    {
        (Rank, WorldSize) = (rank, worldSize);
        watchdog = Watchdog.Of(rank, worldSize, patience);
        using var _ = watchdog.During("start");
        peers = rank == 0 ? TcpMeeting.Accept(worldSize, port) : [TcpMeeting.Connect(host, port, rank, worldSize)];
    }

    public int Rank { get; }

    public int WorldSize { get; }

    public string Description => "TCP";

    public void AllReduce(Tensor tensor, Reduction reduction = Reduction.Sum)
    {
        if (tensor.dtype == ScalarType.Float32)
            Reduce(NativeTensors.Elements<float>(tensor), reduction);
        else if (tensor.dtype == ScalarType.Float64)
            Reduce(NativeTensors.Elements<double>(tensor), reduction);
        else
            throw new NotSupportedException($"an all-reduce of {tensor.dtype}");
    }

    public void Broadcast(Tensor tensor, int root = 0)
    {
        using var _ = watchdog.During("broadcast");
        var bytes = new Span<byte>((void*)NativeTensors.DataPointer(tensor), checked((int)(tensor.numel() * tensor.ElementSize)));
        if (Rank == root && Rank > 0)
            Send(0, Call.Broadcast, bytes);
        else if (Rank > 0 || root > 0)
            Receive(Rank > 0 ? 0 : root, Call.Broadcast, bytes);
        for (int rank = 1; Rank == 0 && rank < WorldSize; rank++)
            if (rank != root)
                Send(rank, Call.Broadcast, bytes);
    }

    public void AwaitAll(Action? waiting = null)
    {
        // Rank 0 hears from all, and then tells all.
        if (Rank > 0)
            Send(0, Call.Meet, []);
        foreach (int rank in Others)
        {
            while (!Peer(rank).Poll(ICommunicator.Unmentioned, SelectMode.SelectRead))
                Interlocked.Exchange(ref waiting, null)?.Invoke();
            Receive(rank, Call.Meet, []);
        }
        if (Rank == 0)
            SendAll(Call.Meet, []);
    }

    public bool? EndsAlike(string reason)
    {
        isAlone = true; // also where the others cannot be reached
        try
        {
            return Compare(reason);
        }
        catch (CommunicationException)
        {
            return null; // another is in another call, or has ended
        }
    }

    private bool? Compare(string reason)
    {
        ulong own = XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(reason)), first = own;
        var bytes = new Span<byte>(&first, sizeof(ulong));
        long end = Environment.TickCount64 + (long)ICommunicator.EndPatience.TotalMilliseconds;
        bool Comes(int rank) =>
            Peer(rank).Poll(TimeSpan.FromMilliseconds(Math.Max(0, end - Environment.TickCount64)), SelectMode.SelectRead);
        // Rank 0 hears from all, and then tells all.
        if (Rank > 0)
            Send(0, Call.End, bytes);
        foreach (int rank in Others)
        {
            if (!Comes(rank))
                return null;
            Receive(rank, Call.End, bytes);
        }
        if (Rank == 0)
        {
            first = own;
            SendAll(Call.End, bytes);
        }
        isAlone = false;
        return first == own;
    }

    /// <summary>The others find out when they call next; the launcher ends them when this process ends with an error.</summary>
    public void Abort(int exitCode)
    {
        isAlone = true;
        Close();
    }

    /// <summary>Leaves the others, once all are at their end.</summary>
    public void Dispose()
    {
        if (!isAlone)
            try
            {
                using var _ = watchdog.During("end");
                AwaitAll();
            }
            catch (CommunicationException)
            {
                // What all did together is done.
            }
        Close();
        watchdog.Dispose();
    }

    private void Close()
    {
        foreach (var peer in peers)
            peer.Dispose();
    }

    private void Reduce<T>(Span<T> own, Reduction reduction)
        where T : unmanaged, INumber<T>
    {
        using var _ = watchdog.During("all-reduce");
        var bytes = MemoryMarshal.AsBytes(own);
        if (Rank > 0)
        {
            Send(0, Call.AllReduce, bytes);
            Receive(0, Call.AllReduce, bytes);
            return;
        }
        var others = new T[own.Length];
        for (int rank = 1; rank < WorldSize; rank++)
        {
            Receive(rank, Call.AllReduce, MemoryMarshal.AsBytes(others.AsSpan()));
            for (int i = 0; i < own.Length; i++)
                own[i] = reduction == Reduction.Sum ? own[i] + others[i] : T.Max(own[i], others[i]);
        }
        SendAll(Call.AllReduce, bytes);
    }

    /// <summary>The ranks that this one is connected to.</summary>
    private IEnumerable<int> Others => Rank > 0 ? [0] : Enumerable.Range(1, WorldSize - 1);

    private Socket Peer(int rank) => peers[Rank > 0 ? 0 : rank - 1];

    private void Send(int rank, Call call, ReadOnlySpan<byte> bytes)
    {
        var header = new Header(call, bytes.Length);
        try
        {
            Peer(rank).Send(MemoryMarshal.AsBytes(new ReadOnlySpan<Header>(in header)));
            if (bytes.Length > 0)
                Peer(rank).Send(bytes);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            throw Lost(rank, e.Message);
        }
    }

    /// <summary>Rank 0 to the others.</summary>
    private void SendAll(Call call, ReadOnlySpan<byte> bytes)
    {
        for (int rank = 1; rank < WorldSize; rank++)
            Send(rank, call, bytes);
    }

    private void Receive(int rank, Call call, Span<byte> bytes)
    {
        Header header = default;
        Fill(rank, MemoryMarshal.AsBytes(new Span<Header>(ref header)));
        if (header.Call == Call.End && call != Call.End)
            throw Lost(rank, "it ends");
        if (header != new Header(call, bytes.Length))
            throw Lost(rank, $"it calls {header.Call} with {header.Length} bytes, and this one {call} with {bytes.Length}");
        Fill(rank, bytes);
    }

    private void Fill(int rank, Span<byte> bytes)
    {
        if (!TcpMeeting.TryFill(Peer(rank), bytes, out var why))
            throw Lost(rank, why);
    }

    private static CommunicationException Lost(int rank, string why) =>
        new($"the other ranks cannot be reached: rank {rank}: {why}");
}
