using System.Net;
using System.Net.Sockets;
using Electra.Distributed;
using static TorchSharp.torch;

namespace Electra.Tests.Distributed;

/// <summary>What ranks do together: on threads, and as processes of Open MPI.</summary>
public class CollectivesTests
{
    private sealed record Place(long Step, double? Loss, IReadOnlyDictionary<string, double> Figures);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Ranks_do_together_what_is_asked(int size) => ThreadRanks.Run(size, Check);

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Ranks_that_TCP_connects_do_together_what_is_asked(int size) => OverTcp(size, Check);

    [Fact]
    public void Ranks_that_TCP_connects_know_whether_they_end_alike()
    {
        Assert.Equal([true, true, false], OverTcp(3, ranks => ranks.EndsAlike(ranks.Rank == 2 ? "another reason" : "a reason")));
        Assert.Equal([true, true], OverTcp(2, ranks => ranks.EndsAlike("a reason")));
    }

    [Fact]
    public void A_rank_that_is_gone_is_named()
    {
        var said = OverTcp(2, ranks =>
        {
            if (ranks.Rank == 1)
                ranks.Abort(1);
            return ranks.Rank == 1 ? null : Record.Exception(() => ranks.Sum(1));
        });
        Assert.StartsWith("the other ranks cannot be reached: rank 1: ", Assert.IsType<CommunicationException>(said[0]).Message);
    }

    [Fact]
    public void A_rank_that_ends_while_another_goes_on_is_noticed_by_both()
    {
        var ends = OverTcp<object?>(2, ranks => ranks.Rank == 1 ? ranks.EndsAlike("a reason") : Record.Exception(() => ranks.Sum(1)));
        Assert.Contains("rank 1: it ends", Assert.IsType<CommunicationException>(ends[0]).Message);
        Assert.Null(ends[1]);
    }

    /// <summary>Ranks on threads, connected by TCP.</summary>
    private static T[] OverTcp<T>(int size, Func<ICommunicator, T> work)
    {
        int port;
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            port = ((IPEndPoint)free.LocalEndpoint).Port;
        }
        return ThreadRanks.Run(
            size,
            threads =>
            {
                using var ranks = new TcpCommunicator(threads.Rank, size, "localhost", port, TimeSpan.FromMinutes(5));
                return work(ranks);
            }
        );
    }

    /// <summary>This test starts itself on ranks of MPI: there it finds a launcher, and joins the world.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Processes_do_together_what_is_asked(int size)
    {
        OpenMpi.Require();
        var self = Environment.ProcessPath!;
        using var ranks = OpenMpi.Start(size, AppContext.BaseDirectory, [self, "-method", "*.This_process_is_a_rank", "-noColor"]);
        var result = (await ranks.Finish()).Succeeded();
        Assert.Equal(size, result.Lines.Count(line => line.Contains("Total: 1") && line.Contains("Skipped: 0")));
    }

    [Fact]
    public void This_process_is_a_rank()
    {
        using var ranks = World.Join(new() { TimeoutMinutes = 1, Device = "cpu" });
        Assert.SkipWhen(ranks.WorldSize == 1, "is a part of Processes_do_together_what_is_asked");
        Check(ranks);
        Assert.StartsWith("Open MPI v", ranks.Description);
        using var large = full(600_001, ranks.Rank + 1f); // more than one call's worth
        ranks.AllReduce(large);
        Assert.Equal(ranks.WorldSize * (ranks.WorldSize + 1) / 2f * 600_001, large.sum().item<float>());
        Assert.Equal(ranks.Rank == 0, ranks.EndsAlike($"rank {ranks.Rank}"));
        Assert.True(ranks.EndsAlike("all"));
    }

    private static bool Check(ICommunicator ranks)
    {
        var (rank, size) = (ranks.Rank, ranks.WorldSize);
        Assert.Equal([size, size * (size - 1) / 2.0], ranks.Sum(1, rank));
        Assert.Equal(size - 1, ranks.Max(rank));
        Assert.True(ranks.Any(rank == size - 1));
        Assert.False(ranks.Any(false));
        Assert.Equal(0.125, ranks.OfFirst(0.125 + rank));

        var place = ranks.OfFirst(() => new Place(7 + rank, double.NaN, new Dictionary<string, double> { ["held_out/loss"] = 1.5 }));
        Assert.Equal((7, double.NaN, 1.5), (place.Step, place.Loss!.Value, place.Figures["held_out/loss"]));

        // Rank r has r values, the first none.
        float[] own = [.. Enumerable.Repeat((float)rank, rank)];
        Assert.Equal(Enumerable.Range(0, size).SelectMany(r => Enumerable.Repeat((float)r, r)), ranks.Concatenated(own));
        Assert.Equal(Enumerable.Range(0, size).Select(r => r % 2 == 1), ranks.Concatenated([rank % 2 == 1]));

        using var weights = ones(100);
        Assert.True(ranks.AllHave(weights));
        using (no_grad())
            if (rank == 0)
                weights[50].add_(1e-6);
        Assert.Equal(size == 1, ranks.AllHave(weights));

        ranks.AwaitAll();
        Assert.Equal(7, ranks.OfFirst(() => 7 + rank, takesLong: true));

        var shared = ranks.Concatenated(ranks.Share(Enumerable.Range(0, 7), () => false).ToList());
        Assert.Equal(Enumerable.Range(0, 7), shared.Order());
        Assert.Throws<OperationCanceledException>(() => ranks.Share([1], () => true).Count());

        var failure = Record.Exception(() => ranks.First(() => throw new UserErrorException("the disk is full")));
        Assert.IsType(rank == 0 ? typeof(UserErrorException) : typeof(OtherRankException), failure);
        return true;
    }
}
