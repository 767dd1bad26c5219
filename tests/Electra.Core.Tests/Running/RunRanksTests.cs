using Electra.Distributed;
using Electra.Running;
using static TorchSharp.torch;

namespace Electra.Tests.Running;

public class RunRanksTests
{
    [Fact]
    public void What_differs_from_rank_0_is_named_on_the_rank_that_has_it()
    {
        var said = ThreadRanks.Run(
            3,
            ranks =>
                Record.Exception(() =>
                    RunRanks.RequireSame(
                        ranks,
                        new Dictionary<string, string>
                        {
                            ["tokenizer"] = "120 tokens",
                            ["training.precision"] = ranks.Rank == 2 ? "bfloat16" : "float32",
                        },
                        "all must be alike",
                        "Say which"
                    )
                )
        );
        Assert.All(said[..2], failure => Assert.IsType<OtherRankException>(failure));
        Assert.Equal(
            "all must be alike: training.precision is bfloat16, and float32 on rank 0. Say which",
            Assert.IsType<UserErrorException>(said[2]).Message
        );
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Why_a_rank_ends_is_said_also_where_the_others_cannot_be_reached(int rank)
    {
        var ranks = new CutRank(rank);
        var said = new List<string>();
        RunRanks.End(ranks, "error: the disk is full", exitCode: 1, said.Add);
        Assert.EndsWith("error: the disk is full", Assert.Single(said));
        Assert.Equal(1, ranks.Aborted);
    }

    /// <summary>A rank that has lost the others.</summary>
    private sealed class CutRank(int rank) : ICommunicator
    {
        public int? Aborted { get; private set; }

        public int Rank => rank;

        public int WorldSize => 2;

        public string Description => "nothing";

        public void AllReduce(Tensor tensor, Reduction reduction = Reduction.Sum) => throw Lost();

        public void Broadcast(Tensor tensor, int root = 0) => throw Lost();

        public void AwaitAll(Action? waiting = null) => throw Lost();

        public bool? EndsAlike(string reason) => throw Lost();

        public void Abort(int exitCode) => Aborted = exitCode;

        public void Dispose() { }

        private static CommunicationException Lost() => new("the other ranks cannot be reached");
    }
}
