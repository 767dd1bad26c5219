using System.Diagnostics;
using System.Globalization;
using Electra.Checkpoints;
using Electra.Checkpoints.Formats;
using Electra.Running;
using Electra.Storage;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Training;

/// <summary>What a run is: what must be the same where a saved state is resumed from.</summary>
/// <param name="Folder">The folder of the run.</param>
/// <param name="Script">The script that makes it.</param>
/// <param name="Experiment">What its learned weights depend on, as YAML.</param>
/// <param name="ValuesOf">Reads such YAML, of this version or an older one: <c>Config.LearnedValues</c>.</param>
/// <param name="Data">Names the examples that it learns from.</param>
/// <param name="Advice">What the user can do where a state belongs to another experiment.</param>
internal sealed record RunIdentity(
    string Folder,
    ScriptText Script,
    string Experiment,
    Func<string, IReadOnlyDictionary<string, string>> ValuesOf,
    string Data,
    string Advice
);

/// <summary>Saves the states of a run in progress, and goes on from the newest that is whole.</summary>
/// <typeparam name="T">Where a run stands. Everything random follows from seed and step: no generators are part of it.</typeparam>
/// <param name="run">Which run.</param>
/// <param name="store">The parameters; a state names their layout.</param>
/// <param name="tensors">All that an update changes, by name.</param>
/// <param name="keep">How many states are kept.</param>
internal sealed class StateKeeper<T>(
    RunIdentity run,
    ParameterStore store,
    Func<IEnumerable<(string Name, Tensor Value)>> tensors,
    int keep
)
    where T : class
{
    private const string Prefix = "step_";

    /// <summary>Whether a run whose states are all damaged begins anew, with a warning, instead of ending in an error.</summary>
    public bool BeginsAnew { get; init; }

    private sealed record Saved(T Position, string Experiment, string Data, string Precision);

    /// <summary>Where states lie.</summary>
    private string Folder { get; } = FolderOf(run.Folder);

    /// <summary>Where the states of a run lie.</summary>
    public static string FolderOf(string run) => Path.Combine(run, "states");

    /// <summary>What the run computes in, which <c>training.precision: auto</c> does not say.</summary>
    private string Precision { get; } = store.Compute.PrecisionName;

    /// <summary>How long saving a state takes: as the last one did, or an estimate.</summary>
    public TimeSpan SavingTime
    {
        get => field != default ? field : TrainingState.EstimatedTime(tensors());
        private set;
    }

    /// <summary>Saves all that is needed to go on, and removes the oldest states.</summary>
    public void Save(long step, T position)
    {
        long start = Stopwatch.GetTimestamp();
        // Older states go only when the new one is on the disk, whole.
        TrainingState.Save(
            Path.Combine(Folder, $"{Prefix}{step}"),
            tensors(),
            Fingerprint.Of(store.Layout),
            new Saved(position, run.Experiment, run.Data, Precision)
        );
        foreach (var (_, folder) in States().SkipLast(keep))
            Directory.Delete(folder, recursive: true);
        SavingTime = Stopwatch.GetElapsedTime(start);
    }

    /// <summary>Removes all states: the run is finished, or begins anew.</summary>
    public void Clear()
    {
        if (Directory.Exists(Folder))
            Directory.Delete(Folder, recursive: true);
    }

    /// <summary>Brings the tensors to where the newest whole state has them. A damaged state is named and set aside.</summary>
    /// <param name="warn">Told of damaged states.</param>
    /// <returns>Where the run stands, and its state's folder; null where nothing was saved.</returns>
    /// <exception cref="UserErrorException">
    /// Every state is damaged, the newest belongs to another experiment, or something else stands where states are saved.
    /// </exception>
    public (T Position, string Folder)? Resume(Action<string> warn)
    {
        // What stands in its place is found now, and not when the first state is to be saved.
        if (FileStatus.Of(Folder).Kind is not (FileKind.Missing or FileKind.Folder))
            throw new UserErrorException($"{Paths.Shown(Folder)} is {FileStatus.Described(Folder)}, and a folder is expected there");
        // The run is this process's alone, and so is what a killed one left of it.
        TemporaryName.RemoveLeft(Folder);
        if (NewestWhole(warn) is not { } newest)
            return null;
        var (saved, layout, stored) = newest.State;
        using (stored)
        {
            SameExperiment.Require(run.ValuesOf(saved.Experiment), run.Experiment, run.Folder, run.Advice);
            run.Script.RequireSame(run.Folder, run.Advice);
            if (saved.Data != run.Data)
                throw new UserErrorException(
                    $"the run in {Paths.Shown(run.Folder)} began with other data: "
                        + $"its text or rows, or the way they are read, have changed since. {run.Advice}"
                );
            if (layout != Fingerprint.Of(store.Layout))
                throw new UserErrorException(
                    $"the state {Paths.Shown(newest.Folder)} has its parameters in another order, under other names or of other shapes "
                        + $"than this model. {run.Advice}"
                );
            foreach (var (name, destination) in tensors())
                stored.CopyTo(name, destination);
        }
        store.PublishValues();
        if (saved.Precision != Precision)
            warn(
                $"{Paths.Shown(newest.Folder)} was computed in {saved.Precision}, and the run goes on in {Precision}: "
                    + "training.precision is auto, which depends on the device. On one device it would have learned otherwise"
            );
        return (saved.Position, newest.Folder);
    }

    /// <summary>
    /// Brings the tensors to where a state of another run has them. What that run did not keep, or in another shape, stays as it is.
    /// </summary>
    /// <param name="folder">The state.</param>
    /// <param name="key">The key that names it.</param>
    /// <returns>Where that run stood, and the names of the tensors that stay.</returns>
    /// <exception cref="UserErrorException">It is damaged, or of another model.</exception>
    public (T Position, IReadOnlySet<string> Missing) Branch(string folder, string key)
    {
        var (saved, layout, stored) = TrainingState.Load<Saved>(folder);
        using var _ = stored;
        if (layout != Fingerprint.Of(store.Layout))
            throw new UserErrorException(
                $"{key}: {Paths.Shown(folder)} is of a model with other parameters: a branch has the model and the vocabulary of the run "
                    + "that it leaves."
            );
        var missing = new HashSet<string>();
        foreach (var (name, destination) in tensors())
            if (stored.Tensors.TryGetValue(name, out var kept) && kept.Shape.SequenceEqual(destination.shape))
                stored.CopyTo(name, destination);
            else
                missing.Add(name);
        store.PublishValues();
        return (saved.Position, missing);
    }

    private ((Saved Info, string Layout, SafeTensorsFile Tensors) State, string Folder)? NewestWhole(Action<string> warn)
    {
        var damaged = new List<(string Folder, string Why)>();
        foreach (var (_, folder) in States().Reverse())
            try
            {
                var state = TrainingState.Load<Saved>(folder);
                foreach (var (path, why) in damaged)
                    warn($"{why} It is set aside as {TrainingState.SetAside(path)}, and the state before it is used.");
                return (state, folder);
            }
            catch (UserErrorException e)
            {
                damaged.Add((folder, e.Message));
            }
        if (BeginsAnew)
            foreach (var (path, why) in damaged)
                warn($"{why} It is set aside as {TrainingState.SetAside(path)}, and the run begins anew.");
        return damaged.Count == 0 || BeginsAnew
            ? null
            : throw new UserErrorException(
                $"no saved state of this run can be used:\n{string.Join('\n', damaged.Select(state => $"  {state.Why}"))}\n"
                    + "resume=never starts the run over."
            );
    }

    /// <summary>The step of a run's newest state, whole or not; null where there is none.</summary>
    public static long? NewestStep(string run) => StatesIn(FolderOf(run)) is [.., var newest] ? newest.Step : null;

    private IReadOnlyList<(long Step, string Folder)> States() => StatesIn(Folder);

    private static IReadOnlyList<(long Step, string Folder)> StatesIn(string states) =>
        !Directory.Exists(states)
            ? []
            :
            [
                .. from folder in Directory.GetDirectories(states, Prefix + "*")
                let step = long.TryParse(
                    Path.GetFileName(folder)[Prefix.Length..],
                    NumberStyles.None,
                    CultureInfo.InvariantCulture,
                    out long n
                )
                    ? n
                    : -1
                where step >= 0
                orderby step
                select (step, folder),
            ];
}
