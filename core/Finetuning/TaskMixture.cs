using Electra.Data.Tasks;
using Electra.Tensors;

namespace Electra.Finetuning;

/// <summary>
/// Which task each update of a run learns, and with which of the task's batches: a function of the run's seed and the update. In every
/// epoch a task has the updates that belong to its rows^mixing, and their order is drawn.
/// </summary>
internal sealed class TaskMixture
{
    private readonly IReadOnlyList<int> shares;
    private readonly RandomKey key;
    private (long Number, (int Task, long Batch)[] Updates) epoch = (-1, []);

    /// <param name="epochUpdates">Of each task the updates that are one pass over its own rows.</param>
    /// <param name="mixing">1: every row is learned once an epoch; 0: all tasks have as many updates.</param>
    /// <param name="key">Names the order.</param>
    public TaskMixture(IReadOnlyList<int> epochUpdates, double mixing, RandomKey key)
    {
        this.key = key;
        double[] weights = [.. epochUpdates.Select(updates => Math.Pow(updates, mixing))];
        double unit = epochUpdates.Sum() / weights.Sum();
        shares = [.. weights.Select(weight => Math.Max(1, (int)Math.Round(weight * unit)))];
    }

    /// <summary>Updates of an epoch.</summary>
    public int EpochUpdates => shares.Sum();

    /// <summary>Updates that a task has in an epoch.</summary>
    public int Of(int task) => shares[task];

    /// <summary>The task of the k-th update, from 0, and how many updates it had before.</summary>
    public (int Task, long Batch) this[long k]
    {
        get
        {
            var (number, i) = Math.DivRem(k, EpochUpdates);
            if (epoch.Number != number)
                epoch = (number, Drawn(number));
            return epoch.Updates[i];
        }
    }

    private (int, long)[] Drawn(long number)
    {
        int[] tasks = [.. shares.SelectMany((share, task) => Enumerable.Repeat(task, share))];
        var numbers = key[number].Numbers();
        LengthOrder.Shuffle<int>(tasks, ref numbers);
        long[] before = [.. shares.Select(share => number * share)];
        return [.. tasks.Select(task => (task, before[task]++))];
    }
}
