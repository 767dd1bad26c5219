using System.ComponentModel.DataAnnotations;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Training;

/// <summary>Which weights of a run.</summary>
public enum SavedWeights
{
    /// <summary>Those of the last update.</summary>
    Weights,

    /// <summary>Their exponential moving average.</summary>
    Ema,

    /// <summary>The mean of the latest snapshots.</summary>
    Last,
}

/// <summary>Averages of the weights. They are measured and saved beside the weights, and training never sees them.</summary>
public sealed record AverageOptions
{
    /// <summary>The decay β of an exponential moving average, β · average + (1 − β) · weights after each update; null: none.</summary>
    [Range(0.0, 0.9999999)]
    public double? Ema { get; init; }

    /// <summary>
    /// How many of the latest snapshots are averaged, of those that there are; 0: none. Each takes as much memory as the weights.
    /// </summary>
    [Range(0, 100)]
    public int Last { get; init; }

    /// <summary>Updates between the snapshots of <c>last</c>.</summary>
    [Range(1, long.MaxValue)]
    public long Every { get; init; } = 1_000;

    /// <summary>Which is saved as the run's model: <c>weights</c>, <c>ema</c> or <c>last</c>. The others are saved in folders beside
    /// it.</summary>
    public SavedWeights Model { get; init; }

    /// <summary>The averages that are kept.</summary>
    internal IEnumerable<SavedWeights> Kept =>
        new[] { SavedWeights.Ema, SavedWeights.Last }.Where(which => which == SavedWeights.Ema ? Ema is not null : Last > 0);

    /// <summary>What an average is, in words.</summary>
    internal string Describe(SavedWeights which) => which switch
    {
        SavedWeights.Ema => FormattableString.Invariant($"the exponential moving average of decay {Ema}"),
        SavedWeights.Last => FormattableString.Invariant($"the mean of the latest {Last} snapshots, {Every:N0} updates apart"),
        _ => "those of the last update",
    };

    /// <summary>What cannot be together, as (key, problem).</summary>
    internal IEnumerable<(string Key, string Problem)> Problems()
    {
        if (Model != SavedWeights.Weights && !Kept.Contains(Model))
            yield return (
                "model",
                $"is an average that is not kept: averages.{(Model == SavedWeights.Ema ? "ema=0.999" : "last=5")} keeps one"
            );
    }
}

/// <summary>Keeps the averages of a run's weights.</summary>
/// <param name="options">Which.</param>
/// <param name="store">The weights, with the values that the run begins with.</param>
internal sealed class WeightAverages(AverageOptions options, ParameterStore store) : IDisposable
{
    private readonly Tensor? ema = options.Ema is null ? null : store.Values.clone().DetachFromDisposeScope();

    private readonly Tensor? latest =
        options.Last > 0
            ? zeros(options.Last, store.Values.numel(), device: store.Compute.Device).DetachFromDisposeScope()
            : null;

    private readonly Tensor taken = zeros(1, dtype: int64).DetachFromDisposeScope();

    /// <summary>All that an update changes, by name.</summary>
    public IEnumerable<(string Name, Tensor Value)> State =>
        [
            .. ema is null ? [] : new[] { ("ema", ema) },
            .. latest is null ? [] : new[] { ("latest", latest), ("latest_taken", taken) },
        ];

    /// <summary>Where each of the run's models is saved: the chosen one in a folder, the others inside it under their own names.</summary>
    public IEnumerable<(SavedWeights Which, string Folder)> Models(string folder) =>
        options
            .Kept.Prepend(SavedWeights.Weights)
            .OrderBy(which => which != options.Model)
            .Select(which => (which, which == options.Model ? folder : Path.Combine(folder, Name(which))));

    /// <summary>The name of weights in folders and figures.</summary>
    public static string Name(SavedWeights which) => which.ToString().ToLowerInvariant();

    /// <summary>What the names of figures of these weights begin with.</summary>
    public static string Prefix(SavedWeights which) => which == SavedWeights.Weights ? "" : $"{Name(which)}_";

    /// <summary>Begins averages anew, from the weights as they are: of a branch whose run kept none, or of other snapshots.</summary>
    /// <param name="missing">What that run did not keep, by its name in <see cref="State"/>.</param>
    public void Restart(IReadOnlySet<string> missing)
    {
        using var _ = no_grad();
        if (missing.Contains("ema"))
            ema!.copy_(store.Values);
        if (missing.Contains("latest"))
            taken.zero_();
    }

    /// <summary>Called after each update.</summary>
    /// <param name="at">Updates that are done.</param>
    public void Update(long at)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        ema?.mul_(options.Ema!.Value).add_(store.Values, alpha: 1 - options.Ema.Value);
        if (latest is null || at % options.Every != 0)
            return;
        long count = taken.item<long>();
        latest.select(0, count % options.Last).copy_(store.Values);
        taken.fill_(count + 1);
    }

    /// <summary>Does something while the model has other weights: <see cref="ParameterStore.Values"/> are the same before and
    /// after.</summary>
    public void With(SavedWeights which, Action work)
    {
        if (which == SavedWeights.Weights)
        {
            work();
            return;
        }
        using var own = store.Values.clone();
        try
        {
            using (no_grad())
            using (NewDisposeScope())
                store.Values.copy_(which == SavedWeights.Ema ? ema! : Mean());
            store.PublishValues();
            work();
        }
        finally
        {
            using (no_grad())
                store.Values.copy_(own);
            store.PublishValues();
        }
    }

    /// <summary>What is measured with each average, under its name.</summary>
    /// <param name="measure">Figures of the weights that the model has, whose name it is given.</param>
    public List<(string Name, double Value)> Figures(Func<string, IEnumerable<(string Name, double Value)>> measure)
    {
        var figures = new List<(string, double)>();
        foreach (var which in options.Kept)
            With(which, () => figures.AddRange(measure(Name(which)).Select(figure => (Prefix(which) + figure.Name, figure.Value))));
        return figures;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ema?.Dispose();
        latest?.Dispose();
        taken.Dispose();
    }

    /// <summary>The mean of the snapshots that there are; before the first, the weights.</summary>
    private Tensor Mean()
    {
        long count = Math.Min(taken.item<long>(), options.Last);
        return count == 0 ? store.Values : latest!.narrow(0, 0, count).mean([0]);
    }
}
