using Electra.Tensors;

namespace Electra.Statistics.Inference;

/// <summary>One number over several tasks with several runs each, and its interval (Agarwal et al. 2021, rliable).</summary>
internal static class TaskAggregates
{
    /// <summary>The mean of tasks' means: the usual average.</summary>
    public static double Mean(IReadOnlyList<IReadOnlyList<double>> tasks) => tasks.Average(runs => runs.Average());

    /// <summary>The interquartile mean over all runs of all tasks: a quarter of them is left out at each end.</summary>
    public static double InterquartileMean(IReadOnlyList<IReadOnlyList<double>> tasks)
    {
        double[] sorted = [.. tasks.SelectMany(runs => runs).Order()];
        int cut = sorted.Length / 4;
        return sorted[cut..^cut].Average();
    }

    /// <summary>
    /// The chance that a run of the second is above one of the first on the same task, averaged over tasks: Mann–Whitney's U / (n·m),
    /// ties as a half.
    /// </summary>
    public static double ProbabilityOfImprovement(
        IReadOnlyList<IReadOnlyList<double>> first,
        IReadOnlyList<IReadOnlyList<double>> second
    ) => first.Zip(second, (a, b) => a.Average(x => b.Average(y => y > x ? 1 : y == x ? 0.5 : 0))).Average();

    /// <summary>The 95% interval of a statistic over tasks: runs are drawn within each task (stratified), percentile.</summary>
    /// <param name="statistic">What is computed of the drawn scores.</param>
    /// <param name="key">What the draws follow from.</param>
    /// <param name="resamples">How many are drawn.</param>
    /// <param name="sides">Each side's tasks: both sides are drawn, each for itself.</param>
    public static Interval Stratified(
        Func<IReadOnlyList<IReadOnlyList<double>>[], double> statistic,
        RandomKey key,
        int resamples,
        params IReadOnlyList<IReadOnlyList<double>>[] sides
    )
    {
        var values = new double[resamples];
        Parallel.For(0, resamples, i =>
        {
            var numbers = key[i].Numbers();
            var drawn = new IReadOnlyList<IReadOnlyList<double>>[sides.Length];
            foreach (var (side, tasks) in sides.Index())
            {
                var task = new List<IReadOnlyList<double>>();
                foreach (var runs in tasks)
                {
                    var draw = new double[runs.Count];
                    for (int r = 0; r < draw.Length; r++)
                        draw[r] = runs[numbers.Next(draw.Length)];
                    task.Add(draw);
                }
                drawn[side] = task;
            }
            values[i] = statistic(drawn);
        });
        return BootstrapIntervals.Percentile(values);
    }
}
