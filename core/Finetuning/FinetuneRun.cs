using System.Diagnostics;
using System.Globalization;
using System.Text;
using Electra.Checkpoints;
using Electra.Experiments;
using Electra.Files;
using Electra.Finetuning.Data;
using Electra.Finetuning.Tasks;
using Electra.Model;
using Electra.Optimization;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Finetuning;

/// <summary>One run of a task: it trains, measures after every epoch, and leaves in its folder all there is to know of it.</summary>
/// <param name="config">The experiment.</param>
/// <param name="start">Checkpoint and data.</param>
/// <param name="method">How to learn.</param>
/// <param name="compute">Device, precision, threads.</param>
/// <param name="job">Which run.</param>
internal sealed class FinetuneRun(FinetuneConfig config, FinetuneStart start, FinetuneMethod method, Compute compute, FinetuneJob job)
{
    private const string StateFolder = "state", Values = "values", Means = "means", Squares = "squares";

    /// <summary>Rows to measure at once: nothing is kept for a backward pass.</summary>
    private const int MeasuredRows = 64;

    /// <summary>Everything random is a function of the seed and the step: a state needs no generators in it.</summary>
    private readonly RandomKey key = RandomKey.FromSeed(job.Seed)[1];

    private readonly TaskDefinition task = job.Data.Task;

    /// <summary>Where a run stands.</summary>
    /// <param name="Step">Updates done.</param>
    /// <param name="Seconds">Time spent.</param>
    /// <param name="Losses">The losses of the updates of the epoch in progress.</param>
    /// <param name="Epochs">The epochs that are done.</param>
    private sealed record Position(long Step, double Seconds, IReadOnlyList<float> Losses, IReadOnlyList<FinetuneEpoch> Epochs);

    private sealed record SavedRun(Position Position, string Experiment, string Rows);

    /// <summary>Told of what should not be overlooked.</summary>
    public Action<string> Warn { get; init; } = _ => { };

    /// <summary>Trains, or goes on from where the run stopped, and saves the result.</summary>
    /// <param name="report">Told of each epoch.</param>
    /// <param name="updated">Called after every update.</param>
    /// <param name="cancellation">Saves where the run stands, and stops.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    /// <exception cref="UserErrorException">The loss is no number any more.</exception>
    public FinetuneResult Train(Action<FinetuneEpoch> report, Action updated, CancellationToken cancellation)
    {
        var data = job.Data;
        int epochs = start.Epochs(task), perEpoch = start.EpochUpdates(data);
        using var model = start.Create(task, job.Seed, compute);
        using var optimizer = new Adam(model.Store, config.Optimizer, method.Rates(model));
        var schedule = method.Schedule(start.Updates(data));
        var position = Resume(model, optimizer);
        using var metrics = MetricsLog.Open(job.Folder, position.Step > 0 ? position.Step : null);
        // A signal may have come between an epoch's last update and its scores, and a kill after these: they are in the log then.
        int logged = (int)MetricsLog.Read(job.Folder).Select(row => row.Values.GetValueOrDefault("epoch")).Append(0).Max();
        using var losses = new LossBuffer(perEpoch, position.Losses, compute);
        var (clock, done, step, savedAt) = (Stopwatch.StartNew(), position.Epochs.ToList(), position.Step, TimeSpan.Zero);

        float[][] outputs = [];
        for (int epoch = done.Count; epoch < epochs; epoch++)
        {
            foreach (var batch in data.Train.Shuffled(config.Training.BatchSize, job.Seed, epoch).Skip(losses.Count))
            {
                if (cancellation.IsCancellationRequested)
                {
                    Save();
                    cancellation.ThrowIfCancellationRequested();
                }
                losses.Add(Update(model, optimizer, batch, step, schedule(step)));
                step++;
                if (step % config.Logging.Every == 0)
                    metrics.Write(step, ("loss", losses.Last()), ("learning_rate", schedule(step - 1).LearningRate));
                updated();
            }
            try
            {
                outputs = Measure(model, cancellation);
            }
            catch (OperationCanceledException)
            {
                Save();
                throw;
            }
            var measured = new FinetuneEpoch(epoch + 1, MeanLoss(losses, epoch), Scores(outputs));
            done.Add(measured);
            losses.Clear();
            if (measured.Epoch > logged)
                metrics.Write(step, [("epoch", measured.Epoch), ("train_loss", measured.TrainLoss), .. measured.Scores.Select(score => ("dev/" + score.Key, score.Value))]);
            report(measured);
            if (epoch + 1 < epochs && config.SaveMinutes > 0 && clock.Elapsed - savedAt > TimeSpan.FromMinutes(config.SaveMinutes))
                Save();
        }

        var result = new FinetuneResult
        {
            Group = config.Group,
            Task = task.Name,
            Run = job.Run,
            Seed = job.Seed,
            Checkpoint = config.FromScratch ? "random" : config.Checkpoint,
            Parameters = model.Store.ParameterCount,
            Metric = task.SelectionMetric,
            Score = done[^1].Scores[task.SelectionMetric],
            Scores = done[^1].Scores,
            Epochs = done,
            Seconds = position.Seconds + clock.Elapsed.TotalSeconds,
        };
        SaveModel(model);
        AtomicFile.WriteAllText(Path.Combine(job.Folder, ModelCard.FileName), FinetuneCard.Of(result, task, config).ToString());
        AtomicFile.WriteAllText(Path.Combine(job.Folder, "dev_predictions.tsv"), Predictions(outputs));
        metrics.FlushToDisk();
        result.Save(job.Folder);
        if (Directory.Exists(StatePath))
            Directory.Delete(StatePath, recursive: true);
        return result;

        void Save()
        {
            metrics.FlushToDisk();
            var now = new Position(step, position.Seconds + clock.Elapsed.TotalSeconds, losses.Read(), done);
            TrainingState.Save(StatePath, Tensors(model, optimizer), new SavedRun(now, config.WhatIsLearned(job), job.Data.Train.Fingerprint));
            savedAt = clock.Elapsed;
        }
    }

    private string StatePath => Path.Combine(job.Folder, StateFolder);

    /// <summary>One update of the weights.</summary>
    /// <returns>The loss, a scalar on the device.</returns>
    private Tensor Update(ElectraClassifier model, Adam optimizer, TaskBatch batch, long step, StepRates rates)
    {
        using var scope = NewDisposeScope();
        model.Store.ZeroGradients();
        if (compute.IsCuda)
            manual_seed((long)(key[step].Value >> 1)).Dispose(); // there libtorch draws the dropout
        var loss = method.Forward(model, task, batch, new Dropout(key[step], compute));
        loss.backward();
        model.Store.CollectGradients();
        optimizer.Step(step, rates);
        return loss.detach().MoveToOuterDisposeScope();
    }

    private float[][] Measure(ElectraClassifier model, CancellationToken cancellation) =>
        [.. job.Data.Dev.Select(split => TaskScorer.Score(model, split, MeasuredRows, null, cancellation))];

    private Dictionary<string, double> Scores(float[][] outputs) =>
        job.Data.Dev.Zip(outputs).SelectMany(pair => Metrics.Measure(task, pair.Second, [.. pair.First.Labels], pair.First.Split.Suffix)).ToDictionary();

    private double MeanLoss(LossBuffer losses, int epoch)
    {
        float[] finite = [.. losses.Read().Where(float.IsFinite)];
        return finite.Length > 0 ? finite.Average() : throw new UserErrorException(
            $"{task.DisplayName}, run {job.Run}: training diverged: no loss of epoch {epoch + 1} is a number. A lower training.learning_rate ({config.Training.LearningRate}) usually helps.");
    }

    private void SaveModel(ElectraClassifier model)
    {
        var description = HuggingFaceConfig.Of(model.Config, model.Config.Discriminator, nameof(ElectraClassifier), start.Tokenizer.Vocabulary.PadId) with
        {
            ClassifierDropout = config.Training.HeadDropout,
            ProblemType = task.IsRegression ? "regression" : "single_label_classification",
            Id2label = Labels().Index().ToDictionary(label => label.Index, label => label.Item),
            Label2id = Labels().Index().ToDictionary(label => label.Item, label => label.Index),
        };
        HuggingFaceFolder.WriteFiles(job.Folder, description, model.Store.Named(), start.Tokenizer);

        IReadOnlyList<string> Labels() => task.IsRegression ? ["value"] : task.Labels;
    }

    /// <summary>Every row of the development sets: its label, what was predicted, and the outputs.</summary>
    private string Predictions(float[][] outputs)
    {
        string Name(double label) => task.IsRegression ? label.ToString(CultureInfo.InvariantCulture) : task.Labels[(int)label];
        var text = new StringBuilder("split\trow\tlabel\tprediction");
        foreach (var output in task.IsRegression ? ["value"] : task.Labels)
            text.Append("\toutput:").Append(output);
        text.Append('\n');
        foreach (var (split, all) in job.Data.Dev.Zip(outputs))
            for (int row = 0; row < split.Count; row++)
            {
                var logits = all.AsSpan(row * task.Outputs, task.Outputs);
                double predicted = task.IsRegression ? Prediction.Labels.Value(task, logits[0]) : Metrics.Classes(logits, task.Outputs)[0];
                text.Append(CultureInfo.InvariantCulture, $"{split.Split.Name}\t{row}\t{Name(split.Labels[row])}\t{Name(predicted)}");
                foreach (float output in logits)
                    text.Append(CultureInfo.InvariantCulture, $"\t{output}");
                text.Append('\n');
            }
        return text.ToString();
    }

    private Position Resume(ElectraClassifier model, Adam optimizer)
    {
        AtomicFolder.Recover(StatePath);
        if (!Directory.Exists(StatePath))
            return new Position(0, 0, [], []);
        (SavedRun Run, SafeTensorsFile Tensors) state;
        try
        {
            state = TrainingState.Load<SavedRun>(StatePath);
        }
        catch (UserErrorException e)
        {
            var aside = StatePath + ".damaged";
            if (Directory.Exists(aside))
                Directory.Delete(aside, recursive: true);
            Directory.Move(StatePath, aside);
            Warn($"{e.Message} It is set aside as {Path.GetFileName(aside)}, and the run begins anew.");
            return new Position(0, 0, [], []);
        }
        var (saved, tensors) = state;
        using (tensors)
        {
            SameExperiment.Require(saved.Experiment, config.WhatIsLearned(job), job.Folder, FinetuneJob.OtherExperimentAdvice);
            if (saved.Rows != job.Data.Train.Fingerprint)
                throw new UserErrorException($"the run in {ProjectPath.Shown(job.Folder)} began with other training rows: its files have changed since. {FinetuneJob.OtherExperimentAdvice}");
            foreach (var (name, destination) in Tensors(model, optimizer))
                tensors.CopyTo(name, destination);
        }
        model.Store.PublishValues();
        return saved.Position;
    }

    private static IEnumerable<(string Name, Tensor Value)> Tensors(ElectraClassifier model, Adam optimizer) =>
        [(Values, model.Store.Values), (Means, optimizer.Means), (Squares, optimizer.Squares)];
}
