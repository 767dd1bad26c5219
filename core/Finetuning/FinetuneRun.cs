using System.Diagnostics;
using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Data.Tasks;
using Electra.Model;
using Electra.Optimization;
using Electra.Running;
using Electra.Storage;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Finetuning;

/// <summary>One run of a task: it trains, measures after every epoch, and leaves in its folder all there is to know of it.</summary>
internal sealed class FinetuneRun : IDisposable
{
    /// <summary>Rows to measure at once: nothing is kept for a backward pass.</summary>
    private const int MeasuredRows = 64;

    private readonly FinetuneConfig config;
    private readonly FinetuneStart start;
    private readonly FinetuneMethod method;
    private readonly Compute compute;
    private readonly FinetuneJob job;
    private readonly TaskData data;
    private readonly TaskDefinition task;
    private readonly RandomKey key;

    private readonly ElectraClassifier model;
    private readonly Adam optimizer;
    private readonly Func<long, StepRates> schedule;
    private readonly FinetuneState state;
    private readonly MetricsLog metrics;
    private readonly LossBuffer losses;
    private readonly List<FinetuneEpoch> epochs;
    private readonly int epochsLogged;
    private readonly double secondsBefore;
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private TimeSpan savedAt;

    /// <summary>Brings a run to its beginning, or to where it stopped.</summary>
    /// <param name="config">The experiment.</param>
    /// <param name="start">Checkpoint and data.</param>
    /// <param name="method">How to learn.</param>
    /// <param name="compute">Device, precision, threads.</param>
    /// <param name="job">Which run.</param>
    /// <param name="warn">Told of what should not be overlooked.</param>
    /// <exception cref="UserErrorException">The checkpoint cannot be read, or the folder holds another experiment's run.</exception>
    public FinetuneRun(FinetuneConfig config, FinetuneStart start, FinetuneMethod method, Compute compute, FinetuneJob job, Action<string> warn)
    {
        (this.config, this.start, this.method, this.compute, this.job) = (config, start, method, compute, job);
        (data, task) = (job.Data, job.Data.Task);
        // Everything random is a function of the seed and the step: a state needs no generators in it.
        key = RandomKey.FromSeed(job.Seed)[1];
        try
        {
            model = start.Create(task, job.Seed, compute);
            optimizer = new Adam(model.Store, config.Optimizer, method.Rates(model));
            schedule = method.Schedule(start.Updates(data));
            state = new FinetuneState(config, job);
            var position = state.Resume(model, optimizer, warn);
            (Step, epochs, secondsBefore) = (position.Step, [.. position.Epochs], position.Seconds);
            losses = new LossBuffer(start.EpochUpdates(data), position.Losses, compute);
            metrics = MetricsLog.Open(job.Folder, Step > 0 ? Step : null);
            // A signal may have come between an epoch's last update and its scores, and a kill after these: they are in the log then.
            epochsLogged = (int)MetricsLog.Read(job.Folder).Select(row => row.Values.GetValueOrDefault("epoch")).Append(0).Max();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Updates that are done.</summary>
    public long Step { get; private set; }

    /// <summary>How long saving a state may take.</summary>
    public TimeSpan SavingTime => TrainingState.EstimatedTime(optimizer.State());

    /// <summary>Trains to the end, and saves the result.</summary>
    /// <param name="report">Told of each epoch.</param>
    /// <param name="updated">Called after every update.</param>
    /// <param name="cancellation">Saves where the run stands, and stops.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    /// <exception cref="UserErrorException">The loss is no number any more.</exception>
    public FinetuneResult Train(Action<FinetuneEpoch> report, Action updated, CancellationToken cancellation)
    {
        int last = start.Epochs(task);
        float[][] outputs = [];
        try
        {
            while (epochs.Count < last)
            {
                TrainEpoch(updated, cancellation);
                outputs = [.. data.Dev.Select(split => TaskScorer.Score(model, split, MeasuredRows, null, cancellation))];
                report(EndEpoch(outputs));
            }
        }
        catch (OperationCanceledException)
        {
            SaveState();
            throw;
        }
        return Finish(outputs);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        metrics?.Dispose();
        losses?.Dispose();
        optimizer?.Dispose();
        model?.Dispose();
    }

    /// <summary>The updates of an epoch that are still to be made.</summary>
    private void TrainEpoch(Action updated, CancellationToken cancellation)
    {
        foreach (var batch in data.Train.Shuffled(config.Training.BatchSize, job.Seed, epochs.Count).Skip(losses.Count))
        {
            cancellation.ThrowIfCancellationRequested();
            var rates = schedule(Step);
            losses.Add(Update(batch, rates));
            Step++;
            if (Step % config.Logging.Every == 0)
                metrics.Write(Step, ("loss", losses.Last()), ("learning_rate", rates.LearningRate));
            updated();
            if (config.SaveMinutes > 0 && clock.Elapsed - savedAt > TimeSpan.FromMinutes(config.SaveMinutes))
                SaveState();
        }
    }

    /// <summary>One update of the weights.</summary>
    /// <returns>The loss, a scalar on the device.</returns>
    private Tensor Update(TaskBatch batch, StepRates rates)
    {
        using var scope = NewDisposeScope();
        model.Store.ZeroGradients();
        if (compute.IsCuda)
            manual_seed((long)(key[Step].Value >> 1)).Dispose(); // there libtorch draws the dropout
        var loss = method.Forward(model, task, batch, new Dropout(key[Step], compute));
        optimizer.Scaled(loss).backward();
        model.Store.CollectGradients();
        optimizer.Step(Step, rates);
        return loss.detach().MoveToOuterDisposeScope();
    }

    private FinetuneEpoch EndEpoch(float[][] outputs)
    {
        var scores = data.Dev.Zip(outputs).SelectMany(pair => Metrics.Measure(task, pair.Second, [.. pair.First.Labels], pair.First.Split.Suffix)).ToDictionary();
        var epoch = new FinetuneEpoch(epochs.Count + 1, MeanLoss(), scores);
        epochs.Add(epoch);
        losses.Clear();
        if (epoch.Epoch > epochsLogged)
            metrics.Write(Step, [("epoch", epoch.Epoch), ("train_loss", epoch.TrainLoss), .. scores.Select(score => ("dev/" + score.Key, score.Value))]);
        return epoch;
    }

    private double MeanLoss()
    {
        float[] finite = [.. losses.Read().Where(float.IsFinite)];
        return finite.Length > 0 ? finite.Average() : throw new UserErrorException(
            $"{task.DisplayName}, run {job.Run}: training diverged: no loss of epoch {epochs.Count + 1} is a number. A lower training.learning_rate ({config.Training.LearningRate}) usually helps.");
    }

    private void SaveState()
    {
        metrics.FlushToDisk();
        state.Save(new FinetunePosition(Step, secondsBefore + clock.Elapsed.TotalSeconds, losses.Read(), epochs), optimizer);
        savedAt = clock.Elapsed;
    }

    /// <summary>Saves all that the run leaves; the result comes last, for it says that the run is finished.</summary>
    private FinetuneResult Finish(float[][] outputs)
    {
        var result = new FinetuneResult
        {
            Group = config.Group,
            Task = task.Name,
            Run = job.Run,
            Seed = job.Seed,
            Rows = job.Rows,
            Checkpoint = config.FromScratch ? "random" : config.Checkpoint,
            Parameters = model.Store.ParameterCount,
            Metric = task.ReportedMetric,
            Score = epochs[^1].Scores[task.ReportedMetric],
            Scores = epochs[^1].Scores,
            Epochs = epochs,
            Seconds = secondsBefore + clock.Elapsed.TotalSeconds,
        };
        SaveModel();
        AtomicFile.WriteAllText(Path.Combine(job.Folder, ModelCard.FileName), FinetuneCard.Of(result, task, config).ToString());
        DevPredictions.Write(job.Folder, task, data.Dev, outputs);
        metrics.FlushToDisk();
        result.Save(job.Folder);
        state.Delete();
        return result;
    }

    private void SaveModel()
    {
        IReadOnlyList<string> labels = task.IsRegression ? ["value"] : task.Labels;
        var description = HuggingFaceConfig.Of(model.Config, model.Config.Discriminator, nameof(ElectraClassifier), start.Tokenizer.Vocabulary.PadId) with
        {
            ClassifierDropout = config.Training.HeadDropout,
            ProblemType = task.IsRegression ? "regression" : "single_label_classification",
            Id2label = labels.Index().ToDictionary(label => label.Index, label => label.Item),
            Label2id = labels.Index().ToDictionary(label => label.Item, label => label.Index),
        };
        HuggingFaceFolder.WriteFiles(job.Folder, description, model.Store.Named(), start.Tokenizer);
    }
}
