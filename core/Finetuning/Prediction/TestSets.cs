using Electra.Data.Tasks;
using Electra.Hub;
using Electra.Running;
using Electra.Tensors;

namespace Electra.Finetuning.Prediction;

/// <summary>The predictions of a test set.</summary>
/// <param name="Split">The test set.</param>
/// <param name="Rows">The outputs for each row, in the file's order.</param>
/// <param name="Runs">The runs they are the mean of.</param>
internal sealed record TestPredictions(TaskSplit Split, TaskOutputs Rows, IReadOnlyList<FinetuneResult> Runs)
{
    /// <summary>The rows as text; they are read again.</summary>
    public Func<IEnumerable<TaskRow>> Texts { get; init; } = () => [];

    public TaskDefinition Task => Rows.Task;
}

/// <summary>What was predicted, and what was not.</summary>
public sealed record PredictedTests
{
    internal PredictedTests(IReadOnlyList<TestPredictions> predictions, IReadOnlyList<(TaskDefinition Task, string Why)> omitted) =>
        (Predictions, Omitted) = (predictions, omitted);

    /// <summary>Tasks that were not predicted, each with the reason.</summary>
    public IReadOnlyList<(TaskDefinition Task, string Why)> Omitted { get; }

    /// <summary>The predictions, in the order of the tasks and their splits.</summary>
    internal IReadOnlyList<TestPredictions> Predictions { get; }

    /// <summary>What was cut or left out of the rows, a sentence each.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>What is probably wrong with the rows, a sentence each.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}

/// <summary>Predicts the test sets of tasks.</summary>
public static class TestSets
{
    /// <summary>
    /// Encodes all test sets with the tokenizer of each run, and only then predicts: what is wrong with a file shows at once.
    /// </summary>
    /// <param name="chosen">The tasks with the runs that predict them.</param>
    /// <param name="config">Where rows lie, and how many are computed at once.</param>
    /// <param name="compute">Where to compute.</param>
    /// <param name="progress">Told of the rows done.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="UserErrorException">A row is not as it should be, a run cannot be read, its outputs are not finite, or there is
    /// nothing to predict.</exception>
    public static PredictedTests Predict(IReadOnlyList<ChosenRuns> chosen, FinetuneConfig config, Compute compute,
        IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default)
    {
        var (texts, omitted) = (new List<(ChosenRuns Chosen, TaskText Rows)>(), new List<(TaskDefinition Task, string Why)>());
        foreach (var task in chosen)
            if (Rows(task, config.Data, progress, cancellation, out var why) is { } rows)
                texts.Add((task, rows));
            else
                omitted.Add((task.Task, why));
        if (texts.Count == 0)
        {
            var reasons = omitted
                .GroupBy(task => task.Why, task => task.Task.DisplayName)
                .Select(tasks => $"\n  {string.Join(", ", tasks)}: {tasks.Key}");
            throw new UserErrorException($"there is nothing to predict:{string.Concat(reasons)}");
        }

        var (notes, warnings) = (new List<string>(), new List<string>());
        foreach (var (task, rows) in texts)
            foreach (var run in task.Runs)
            {
                using var model = task.Open(run, compute);
                using var data = Encode(model, rows, config, progress, cancellation);
                notes.AddRange(data.Notes);
                warnings.AddRange(data.Warnings);
            }
        return new PredictedTests(
            [.. texts.SelectMany(text => Predict(text.Chosen, text.Rows, config, compute, progress, cancellation))],
            omitted
        )
        {
            // The runs of a task read its rows alike.
            Notes = [.. notes.Distinct()],
            Warnings = [.. warnings.Distinct()],
        };
    }

    /// <summary>The rows of a task's test sets; null, and the reason, where it cannot be predicted.</summary>
    private static TaskText? Rows(
        ChosenRuns chosen,
        TaskSourceOptions source,
        IProgress<ProgressReport>? progress,
        CancellationToken cancellation,
        out string why
    )
    {
        var task = chosen.Task;
        why = $"no run of {task.Model} is finished";
        if (chosen.Runs.Count == 0)
            return null;
        try
        {
            var text = TaskSources.Open(task.Name, source, progress, cancellation);
            why = "there is no test set";
            return text.Of(SplitRole.Test).ToArray() is { Length: > 0 } tests ? text with { Splits = tests } : null;
        }
        catch (UserErrorException e) when (!IsUnreachable(e))
        {
            why = e.Message;
            return null;
        }
    }

    /// <summary>Whether the hub cannot be reached: then no task's files can be had, and it is of no use to try the next.</summary>
    private static bool IsUnreachable(Exception? e) => e is not null && (e is HubUnreachableException || IsUnreachable(e.InnerException));

    private static TaskData Encode(
        FinetunedModel model,
        TaskText rows,
        FinetuneConfig config,
        IProgress<ProgressReport>? progress,
        CancellationToken cancellation
    ) => TaskData.Prepare(rows, model.Tokenizer, model.Encoding, config.Datasets, progress, cancellation);

    /// <summary>The mean outputs of the runs of a task for each of its test sets.</summary>
    private static IEnumerable<TestPredictions> Predict(
        ChosenRuns chosen,
        TaskText rows,
        FinetuneConfig config,
        Compute compute,
        IProgress<ProgressReport>? progress,
        CancellationToken cancellation
    )
    {
        var outputs = new List<TaskOutputs[]>();
        foreach (var run in chosen.Runs)
        {
            using var model = chosen.Open(run, compute);
            using var data = Encode(model, rows, config, progress, cancellation);
            outputs.Add([
                .. data.Test.Select(split =>
                    split.Examples.With(model.Predict(split, config.Predict.BatchSize, progress, cancellation))
                ),
            ]);
        }
        return rows.Splits.Select(
            (split, i) =>
                new TestPredictions(
                    split.Split,
                    outputs[0][i] with
                    {
                        Task = chosen.Task,
                        Outputs = chosen.Mean([.. outputs.Select(run => run[i].Outputs)]),
                    },
                    chosen.Runs
                )
                {
                    Texts = split.Rows,
                }
        );
    }
}
