namespace Electra.Training;

/// <summary>Reads what updates were like, sums it up until it is taken, and stops a run that has diverged.</summary>
/// <param name="step">Makes the updates.</param>
/// <param name="guard">Stops the run when too many in a row are not finite.</param>
/// <param name="sums">Sums over updates that were made before the run was stopped and are not taken yet.</param>
/// <param name="skipped">Told of each update that was not applied.</param>
internal sealed class UpdateLog(TrainingStep step, DivergenceGuard guard, UpdateSums sums, Action<UpdateRecord>? skipped = null)
{
    /// <summary>Sums over the updates since the last <see cref="Take"/>, as far as they are read.</summary>
    public UpdateSums Sums { get; private set; } = sums;

    /// <summary>The latest update that was read; null before the first.</summary>
    public UpdateRecord? Last { get; private set; }

    /// <summary>Reads the updates since the last call. This is where training waits for the device.</summary>
    /// <exception cref="UserErrorException">Training has diverged.</exception>
    public UpdateSums Read()
    {
        foreach (var update in step.Read())
        {
            (Sums, Last) = (Sums.With(update), update);
            if (!update.IsFinite || update.IsOutlier)
                skipped?.Invoke(update);
            guard.Check(update);
        }
        return Sums;
    }

    /// <summary>Reads, and begins new sums.</summary>
    public UpdateSums Take()
    {
        var taken = Read();
        Sums = UpdateSums.None;
        return taken;
    }
}
