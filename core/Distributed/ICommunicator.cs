using static TorchSharp.torch;

namespace Electra.Distributed;

/// <summary>How the tensors of all ranks become one.</summary>
internal enum Reduction
{
    /// <summary>Their sum, element by element.</summary>
    Sum,

    /// <summary>Their maximum, element by element.</summary>
    Max,
}

/// <summary>
/// The processes that train one model together. Every call is made by all of them, in the same order, and returns when this one may go
/// on; those of <see cref="Collectives"/> too.
/// </summary>
internal interface ICommunicator : IDisposable
{
    /// <summary>How long a rank that ends waits for the others to end too: on a busy machine they come one after the other.</summary>
    static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(10);

    /// <summary>How long a rank waits for the others, in what may take long, before it says that it waits.</summary>
    static readonly TimeSpan Unmentioned = TimeSpan.FromSeconds(10);

    /// <summary>This process, from 0.</summary>
    int Rank { get; }

    /// <summary>How many processes there are.</summary>
    int WorldSize { get; }

    /// <summary>What connects them, in words.</summary>
    string Description { get; }

    /// <summary>Reduces a contiguous float32 or float64 tensor in place.</summary>
    void AllReduce(Tensor tensor, Reduction reduction = Reduction.Sum);

    /// <summary>Copies a contiguous tensor of one rank to the others.</summary>
    void Broadcast(Tensor tensor, int root = 0);

    /// <summary>
    /// Waits for all ranks, however long one takes to come: after work of which one machine may have much more than another. No time is
    /// too long for it, and little of the processor is used.
    /// </summary>
    /// <param name="waiting">Called once where it takes more than a moment.</param>
    void AwaitAll(Action? waiting = null);

    /// <summary>
    /// Waits a little for all ranks to end too. The only call that a rank may make while the others are in another one.
    /// </summary>
    /// <param name="reason">Why this one ends.</param>
    /// <returns>Whether rank 0 ends for the same reason; null: not all have come.</returns>
    bool? EndsAlike(string reason);

    /// <summary>Ends all processes: for an error that only this one knows of. May not return.</summary>
    void Abort(int exitCode);
}

/// <summary>One process.</summary>
internal sealed class SingleProcess : ICommunicator
{
    /// <summary>The only one there needs to be.</summary>
    public static SingleProcess Instance { get; } = new();

    private SingleProcess() { }

    public int Rank => 0;

    public int WorldSize => 1;

    public string Description => "one process";

    public void AllReduce(Tensor tensor, Reduction reduction = Reduction.Sum) { }

    public void Broadcast(Tensor tensor, int root = 0) { }

    public void AwaitAll(Action? waiting = null) { }

    public bool? EndsAlike(string reason) => true;

    public void Abort(int exitCode) { }

    public void Dispose() { }
}

/// <summary>The other processes cannot be reached.</summary>
internal sealed class CommunicationException(string message) : UserErrorException(message);

/// <summary>Rank 0 has failed, and says why.</summary>
internal sealed class OtherRankException() : Exception("rank 0 has failed");
