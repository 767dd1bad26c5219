using Electra.Checkpoints.HuggingFace;
using Electra.Data.Tasks;
using Electra.Model;
using Electra.Running;
using Electra.Storage;
using Electra.Tensors;
using Electra.Tokenization;
using static TorchSharp.torch;

namespace Electra.Finetuning;

/// <summary>A task of a run: its batches, what is measured on its development sets, and what it leaves in its folder.</summary>
/// <param name="config">The experiment.</param>
/// <param name="method">How to learn.</param>
/// <param name="of">The task, with its rows and its folder.</param>
/// <param name="model">The encoder with the task's head.</param>
/// <param name="seed">The seed of the run.</param>
internal sealed class FinetunePart(FinetuneConfig config, FinetuneMethod method, JobTask of, ElectraClassifier model, int seed)
{
    /// <summary>Rows to measure at once: nothing is kept for a backward pass.</summary>
    private const int MeasuredRows = 64;

    private readonly TaskData data = of.Data;
    private readonly int epochUpdates = FinetuneStart.EpochUpdates(config, of.Data);
    private (long Epoch, IReadOnlyList<int[]> Batches) order = (-1, []);
    private float[][] kept = [];

    /// <summary>The task.</summary>
    public TaskDefinition Task => data.Task;

    /// <summary>The passes of an update with the k-th of its batches, from 0.</summary>
    /// <param name="k">The batch: after those of an epoch, the rows are shuffled anew.</param>
    /// <param name="key">Names the dropout of the update.</param>
    public IReadOnlyList<Func<Tensor[]>> Passes(long k, RandomKey key)
    {
        var (epoch, i) = Math.DivRem(k, epochUpdates);
        if (order.Epoch != epoch)
            order = (epoch, data.Train.Examples.Shuffled(config.Training.BatchSize, seed, (int)epoch));
        return method.Passes(model, Task, data.Train.Examples.Part, order.Batches[(int)i], config.Training.MicroBatchSize, key);
    }

    /// <summary>The outputs for the rows of its development sets, in the task's own unit.</summary>
    public float[][] Outputs(CancellationToken cancellation) =>
        [
            .. data.Dev.Select(split =>
                method.InOwnUnit(
                    Task,
                    TaskScorer.Score(model, split.Examples, MeasuredRows, $"predicting {split.Split.Name}", null, cancellation)
                )
            ),
        ];

    /// <summary>The mean loss on its development sets.</summary>
    public double Loss(CancellationToken cancellation) => TaskScorer.Loss(model, method, data.Dev, MeasuredRows, cancellation);

    /// <summary>What outputs for its development sets score, by metric.</summary>
    public Dictionary<string, double> Scores(float[][] outputs) =>
        data
            .Dev.Zip(outputs)
            .SelectMany(pair => Metrics.Measure(pair.First.Examples.With(pair.Second), pair.First.Split.Suffix))
            .ToDictionary();

    /// <summary>These are the outputs that the run leaves, unless others come.</summary>
    public void Keep(float[][] outputs) => kept = outputs;

    /// <summary>Saves all that the task leaves in its folder; the result comes last, for it says that the task is finished.</summary>
    /// <param name="result">What came of the run.</param>
    /// <param name="tokenizer">The tokenizer of the model.</param>
    /// <returns>The result with what the rows say.</returns>
    public FinetuneResult Save(FinetuneResult result, ElectraTokenizer tokenizer)
    {
        if (kept.Length == 0) // it was measured before the run was stopped
            kept = Outputs(default);
        var sets = data.Dev.Zip(kept, (split, values) => (split.Split, Rows: split.Examples.With(values))).ToList();
        result = result with
        {
            Parameters = model.Named().Sum(weight => weight.Value.numel()),
            Threshold = Task.Kind.Threshold?.Invoke(sets[0].Rows),
        };
        FinetunedFiles.Save(of.Folder, Task with { Threshold = result.Threshold }, model, method, config, tokenizer);
        void Write(string name, string text) => AtomicFile.WriteAllText(Path.Combine(of.Folder, name), text);
        Write(ModelCard.FileName, FinetuneCard.Of(result, Task, config).ToString());
        foreach (var (name, text) in Task.Kind.DevPredictions(sets))
            Write(name, text);
        if (Task.Kind.Report is { } report)
            Write(
                FinetuneJob.ReportFile,
                string.Join('\n', sets.Select(set => $"# {Task.DisplayName}, {set.Split.Name}\n\n{report(set.Rows)}"))
            );
        result.Save(of.Folder);
        return result;
    }
}
