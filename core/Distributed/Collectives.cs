using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using Electra.Native;
using Electra.Storage;
using static TorchSharp.torch;

namespace Electra.Distributed;

/// <summary>What ranks do together. In one process each costs nothing.</summary>
internal static class Collectives
{
    /// <summary>The sums over all ranks.</summary>
    public static double[] Sum(this ICommunicator ranks, params double[] values) => ranks.Reduced(values, Reduction.Sum);

    /// <summary>The largest over all ranks.</summary>
    public static long Max(this ICommunicator ranks, long value) =>
        ranks.WorldSize == 1 ? value : (long)ranks.Reduced([value], Reduction.Max)[0];

    /// <summary>Rank 0's value.</summary>
    public static double OfFirst(this ICommunicator ranks, double value) =>
        ranks.WorldSize == 1 ? value : ranks.Sum(ranks.Rank == 0 ? value : 0)[0];

    /// <summary>Whether it holds on any rank.</summary>
    public static bool Any(this ICommunicator ranks, bool holds) => ranks.Max(holds ? 1 : 0) == 1;

    private static double[] Reduced(this ICommunicator ranks, double[] values, Reduction reduction)
    {
        if (ranks.WorldSize == 1)
            return values;
        using var _ = no_grad();
        using var sent = tensor(values, dtype: float64);
        ranks.AllReduce(sent, reduction);
        return sent.data<double>().ToArray();
    }

    /// <summary>The values of all ranks, one rank after the other.</summary>
    public static IReadOnlyList<T> Concatenated<T>(this ICommunicator ranks, IReadOnlyList<T> values)
        where T : unmanaged
    {
        if (ranks.WorldSize == 1)
            return values;
        var own = new double[ranks.WorldSize];
        own[ranks.Rank] = values.Count;
        var bytes = MemoryMarshal.AsBytes<T>(values.ToArray()).ToArray();
        var all = new List<T>();
        foreach (var (rank, count) in ranks.Sum(own).Index())
            if (count > 0)
                all.AddRange(
                    MemoryMarshal.Cast<byte, T>(
                        ranks.Sent(rank == ranks.Rank ? bytes : null, rank, (long)count * Unsafe.SizeOf<T>())
                    )
                );
        return all;
    }

    private static byte[] Sent(this ICommunicator ranks, byte[]? bytes, int root, long count)
    {
        using var sent = bytes is null ? empty(count, dtype: ScalarType.Byte) : tensor(bytes, dtype: ScalarType.Byte);
        ranks.Broadcast(sent, root);
        return NativeTensors.Elements<byte>(sent).ToArray();
    }

    /// <summary>Rank 0 alone does something, and all have its result, which is sent as JSON.</summary>
    /// <param name="ranks">All ranks.</param>
    /// <param name="work">What it does.</param>
    /// <param name="takesLong">Whether the others wait for it however long it takes.</param>
    /// <exception cref="OtherRankException">Rank 0 failed, and this is another one.</exception>
    public static T OfFirst<T>(this ICommunicator ranks, Func<T> work, bool takesLong = false)
    {
        if (ranks.WorldSize == 1)
            return work();
        T result = default!;
        ranks.First(() => result = work(), takesLong);
        var json = ranks.Rank == 0 ? JsonSerializer.SerializeToUtf8Bytes(result, SealedJson.Options) : null;
        long length = ranks.Max(json?.Length ?? 0);
        var sent = ranks.Sent(json, 0, length);
        return ranks.Rank == 0 ? result : JsonSerializer.Deserialize<T>(sent, SealedJson.Options)!;
    }

    /// <summary>Rank 0 alone does something. All go on when it is done.</summary>
    /// <param name="ranks">All ranks.</param>
    /// <param name="work">What it does.</param>
    /// <param name="takesLong">Whether the others wait for it however long it takes.</param>
    /// <exception cref="OtherRankException">Rank 0 failed, and this is another one.</exception>
    public static void First(this ICommunicator ranks, Action work, bool takesLong = false)
    {
        if (ranks.WorldSize == 1)
        {
            work();
            return;
        }
        Exception? failure = null;
        if (ranks.Rank == 0)
            try
            {
                work();
            }
            catch (Exception e)
            {
                failure = e;
            }
        if (takesLong)
            ranks.AwaitAll();
        if (ranks.Max(failure is null ? 0 : 1) == 0)
            return;
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
        throw new OtherRankException();
    }

    /// <summary>Whether all ranks have the same bits in a float32 tensor.</summary>
    public static bool AllHave(this ICommunicator ranks, Tensor tensor)
    {
        if (ranks.WorldSize == 1)
            return true;
        using var here = tensor.cpu();
        ulong hash = XxHash3.HashToUInt64(MemoryMarshal.AsBytes(NativeTensors.Elements<float>(here)));
        double high = hash >> 32, low = (uint)hash;
        return ranks.Reduced([high, -high, low, -low], Reduction.Max) is [var a, var b, var c, var d] && a == -b && c == -d;
    }

    /// <summary>This rank's share of what is to be worked through: of each round of as many as there are ranks, one.</summary>
    /// <param name="ranks">All ranks.</param>
    /// <param name="all">The same on all.</param>
    /// <param name="stops">Asked before each round, on all ranks, which must have the same answer: then it is given up.</param>
    /// <exception cref="OperationCanceledException">It is given up.</exception>
    public static IEnumerable<T> Share<T>(this ICommunicator ranks, IEnumerable<T> all, Func<bool> stops)
    {
        foreach (var round in all.Chunk(ranks.WorldSize))
        {
            if (stops())
                throw new OperationCanceledException();
            if (ranks.Rank < round.Length)
                yield return round[ranks.Rank];
        }
    }
}
