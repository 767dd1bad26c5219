using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Electra.Distributed;

/// <summary>How ranks find each other by TCP: rank 0 listens, and the others try until it does.</summary>
internal static class TcpMeeting
{
    private const int Greeting = 0x454c4543; // what other programs do not begin with
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(200);

    private readonly record struct Hello(int Greeting, int Rank, int WorldSize);

    /// <summary>Rank 0 waits for the others.</summary>
    /// <returns>The connections, in the order of the ranks.</returns>
    /// <exception cref="UserErrorException">The port is in use.</exception>
    public static Socket[] Accept(int worldSize, int port)
    {
        using var listener = TcpListener.Create(port);
        try
        {
            listener.Start(worldSize);
        }
        catch (SocketException e)
        {
            throw new UserErrorException(
                $"rank 0 cannot listen on port {port} of this machine: {e.Message}. MASTER_PORT names another, the same on all ranks"
            );
        }
        var connected = new Socket?[worldSize - 1];
        while (connected.Any(socket => socket is null))
        {
            var socket = Prepared(listener.AcceptSocket());
            Hello hello = default;
            socket.ReceiveTimeout = (int)ICommunicator.Unmentioned.TotalMilliseconds;
            bool isRank =
                TryFill(socket, MemoryMarshal.AsBytes(new Span<Hello>(ref hello)), out string _)
                && hello is { Greeting: Greeting, Rank: > 0 }
                && hello.WorldSize == worldSize
                && hello.Rank < worldSize;
            socket.ReceiveTimeout = 0;
            if (isRank)
            {
                connected[hello.Rank - 1]?.Dispose(); // it has come again
                connected[hello.Rank - 1] = socket;
            }
            else
                socket.Dispose(); // another program
        }
        return [.. connected.OfType<Socket>()];
    }

    /// <summary>Another rank waits for rank 0.</summary>
    public static Socket Connect(string host, int port, int rank, int worldSize)
    {
        for (; ; Thread.Sleep(Retry))
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Connect(host, port);
                var hello = new Hello(Greeting, rank, worldSize);
                Prepared(socket).Send(MemoryMarshal.AsBytes(new ReadOnlySpan<Hello>(in hello)));
                return socket;
            }
            catch (SocketException)
            {
                socket.Dispose(); // rank 0 does not listen yet
            }
        }
    }

    private static Socket Prepared(Socket socket)
    {
        socket.NoDelay = true;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        return socket;
    }

    /// <summary>Receives so many bytes.</summary>
    /// <returns>Whether they came.</returns>
    public static bool TryFill(Socket socket, Span<byte> bytes, out string why)
    {
        why = "it has ended";
        try
        {
            while (bytes.Length > 0)
            {
                int read = socket.Receive(bytes);
                if (read == 0)
                    return false;
                bytes = bytes[read..];
            }
            return true;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            why = e.Message;
            return false;
        }
    }
}
