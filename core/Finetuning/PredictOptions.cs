using System.ComponentModel.DataAnnotations;
using Electra.Configuration;

namespace Electra.Finetuning;

/// <summary>What <c>scripts/predict.csx</c> predicts, and with which runs.</summary>
public sealed record PredictOptions
{
    /// <summary>
    /// Runs by number, for tasks where not the best one by its dev metric is wanted: <c>{cola: 1, rte: [0, 3]}</c>. The outputs of several
    /// are averaged.
    /// </summary>
    public IReadOnlyDictionary<string, IReadOnlyList<int>> Runs { get; init; } = new Dictionary<string, IReadOnlyList<int>>();

    /// <summary>Where predictions of test sets go, in a folder for each group.</summary>
    [Required]
    public string Folder { get; init; } = "test_outputs";

    /// <summary>
    /// A file of texts to predict instead of the test sets, one a line, the two of a pair separated by a tab; a pipe will do, and <c>-</c>
    /// is standard input.
    /// </summary>
    public string Input { get; init; } = "";

    /// <summary>
    /// The file that predictions of <see cref="Input"/> go to; a device or a named pipe is written to as it is. Empty: standard output.
    /// </summary>
    public string Output { get; init; } = "";

    /// <summary>Rows that are computed at once.</summary>
    [Range(1, 1 << 16)]
    public int BatchSize { get; init; } = 64;

    /// <summary>What is wrong between values that are each right.</summary>
    /// <param name="key">The key of this record in the configuration.</param>
    /// <param name="tasks">The names of all tasks.</param>
    internal IEnumerable<ConfigProblem> Problems(string key, IReadOnlyCollection<string> tasks)
    {
        foreach (var (task, runs) in Runs)
        {
            if (!tasks.Contains(task))
                yield return new ConfigProblem(
                    $"{key}.runs.{task}",
                    "is not a task"
                        + (Spelling.Nearest(task, tasks) is { } nearest ? $"; did you mean {nearest}?" : $": {string.Join(", ", tasks)}")
                );
            if (runs.Count == 0)
                yield return new ConfigProblem(
                    $"{key}.runs.{task}",
                    "has no run: give its number, or several whose outputs are averaged: [0, 3]"
                );
            if (runs.Distinct().Count() != runs.Count)
                yield return new ConfigProblem($"{key}.runs.{task}", "has a run twice");
        }
        if (Output != "" && Input == "")
            yield return new ConfigProblem(
                $"{key}.output",
                $"is where the predictions of {key}.input go: give that too. Those of test sets go to {key}.folder"
            );
    }
}
