
using Electra.Checkpoints;
using Electra.Checkpoints.Formats;
using Electra.Model;
using Electra.Optimization;
using Electra.Running;
using Electra.Storage;

namespace Electra.Finetuning;

/// <summary>Where a run stands.</summary>
/// <param name="Step">Updates done.</param>
/// <param name="Seconds">Time spent.</param>
/// <param name="Losses">The losses of the updates of the epoch in progress.</param>
/// <param name="Epochs">The epochs that are done.</param>
internal sealed record FinetunePosition(long Step, double Seconds, IReadOnlyList<float> Losses, IReadOnlyList<FinetuneEpoch> Epochs)
{
    /// <summary>At the beginning.</summary>
    public static FinetunePosition Start { get; } = new(0, 0, [], []);
}

/// <summary>What a run in progress leaves in its folder, to go on from bit by bit; the folder of a finished run has none.</summary>
/// <param name="config">The experiment.</param>
/// <param name="job">Which run.</param>
internal sealed class FinetuneState(FinetuneConfig config, FinetuneJob job)
{
    private readonly string folder = Path.Combine(job.Folder, "state");

    private sealed record Saved(FinetunePosition Position, string Experiment, string Rows);

    /// <summary>Replaces what was saved before.</summary>
    public void Save(FinetunePosition position, Adam optimizer) =>
        TrainingState.Save(folder, optimizer.State(), new Saved(position, config.WhatIsLearned(job), job.Rows));

    /// <summary>Brings model and optimizer to where the run stopped. What cannot be read is set aside, and the run begins anew.</summary>
    /// <param name="model">Receives the weights.</param>
    /// <param name="optimizer">Receives the moments.</param>
    /// <param name="warn">Told of what is set aside.</param>
    /// <exception cref="UserErrorException">The state is another experiment's, or the script or the task's rows have changed.</exception>
    public FinetunePosition Resume(ElectraClassifier model, Adam optimizer, Action<string> warn)
    {
        AtomicFolder.Recover(folder);
        if (!Directory.Exists(folder))
            return FinetunePosition.Start;
        (Saved Run, SafeTensorsFile Tensors) state;
        try
        {
            state = TrainingState.Load<Saved>(folder);
        }
        catch (UserErrorException e)
        {
            warn($"{e.Message} It is set aside as {TrainingState.SetAside(folder)}, and the run begins anew.");
            return FinetunePosition.Start;
        }
        var (saved, tensors) = state;
        using (tensors)
        {
            SameExperiment.Require(saved.Experiment, config.WhatIsLearned(job), job.Folder, FinetuneJob.OtherExperimentAdvice);
            job.Script.RequireSame(job.Folder, FinetuneJob.OtherExperimentAdvice);
            job.RequireSameRows(saved.Rows);
            foreach (var (name, destination) in optimizer.State())
                tensors.CopyTo(name, destination);
        }
        model.Store.PublishValues();
        return saved.Position;
    }

    /// <summary>Removes it: the run is finished, or is to begin anew.</summary>
    public void Delete()
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    }
}
