using System.ComponentModel.DataAnnotations;
using Electra.Optimization;

namespace Electra.Pretraining;

/// <summary>A part of a run with examples of its own length.</summary>
public sealed record PhaseOptions
{
    /// <summary>Most tokens of an example in this part. Examples of each length are prepared separately.</summary>
    [Range(8, 32768)]
    public required int MaxLength { get; init; }

    /// <summary>Its share of the updates; the shares of all phases add up to 1.</summary>
    [Range(0.0, 1.0)]
    public required double Share { get; init; }

    /// <summary>Examples in one update; null: <c>training.batch_size</c>.</summary>
    [Range(1, 1 << 20)]
    public int? BatchSize { get; init; }

    /// <summary>
    /// The highest learning rate of this part. Where a phase has a rate or a warm-up, each phase follows the schedule from its beginning
    /// to its end; else one schedule covers all, counted in tokens. Null: <c>training.learning_rate</c>.
    /// </summary>
    [Range(0.0, 10.0)]
    public double? LearningRate { get; init; }

    /// <summary>Updates of warm-up at its beginning; null: <c>training.warmup_steps</c>.</summary>
    [Range(0, long.MaxValue)]
    public long? WarmupSteps { get; init; }
}

/// <summary>A part of a run.</summary>
/// <param name="MaxLength">Most tokens of an example.</param>
/// <param name="BatchSize">Examples in an update.</param>
/// <param name="Start">Its first update, from 0.</param>
/// <param name="End">The first update after it.</param>
internal sealed record LengthPhase(int MaxLength, int BatchSize, long Start, long End)
{
    public long Updates => End - Start;

    /// <summary>Positions of an update, padding included.</summary>
    public long Positions => (long)MaxLength * BatchSize;
}

/// <summary>The parts of a run, in order: one, or those of <see cref="TrainingOptions.Phases"/>.</summary>
internal sealed class LengthPhases
{
    private readonly IReadOnlyList<LengthPhase> phases;

    private LengthPhases(IReadOnlyList<LengthPhase> phases) => this.phases = phases;

    /// <summary>The parts.</summary>
    public IReadOnlyList<LengthPhase> All => phases;

    /// <summary>The parts of a run.</summary>
    /// <param name="training">Its options.</param>
    /// <param name="maxLength">Most tokens of an example where there are no phases.</param>
    public static LengthPhases Of(TrainingOptions training, int maxLength)
    {
        if (training.Phases.Count == 0)
            return new([new(maxLength, training.BatchSize, 0, training.Budget is null ? training.Steps : long.MaxValue)]);
        var phases = new List<LengthPhase>();
        double share = 0;
        foreach (var options in training.Phases)
        {
            share += options.Share;
            long start = phases.Count > 0 ? phases[^1].End : 0;
            long end = phases.Count + 1 == training.Phases.Count ? training.Steps : (long)Math.Round(training.Steps * share);
            phases.Add(new(options.MaxLength, options.BatchSize ?? training.BatchSize, start, end));
        }
        return new(phases);
    }

    /// <summary>The number of the part of an update, from 0.</summary>
    public int IndexAt(long step)
    {
        int index = 0;
        while (index + 1 < phases.Count && step >= phases[index].End)
            index++;
        return index;
    }

    /// <summary>The updates of each part among those from one on and before another.</summary>
    public IEnumerable<(LengthPhase Phase, long Updates)> Between(long from, long to) =>
        phases.Select(phase => (phase, Math.Max(0, Math.Min(to, phase.End) - Math.Max(from, phase.Start))));

    /// <summary>Positions, padding included, of the updates before one.</summary>
    public long PositionsBefore(long step) => Between(0, step).Sum(part => part.Phase.Positions * part.Updates);

    /// <summary>
    /// Where in the examples of its part an update begins to read. The text goes on where the part before it stopped: as many epochs have
    /// been read of examples of each length.
    /// </summary>
    /// <param name="step">The update.</param>
    /// <param name="rows">How many rows of examples there are for each part.</param>
    /// <param name="from">An update whose place is known.</param>
    /// <param name="read">That place.</param>
    public long RowsBefore(long step, IReadOnlyList<long> rows, long from, long read)
    {
        int first = IndexAt(from), last = IndexAt(step);
        for (int i = first; i <= last; i++)
        {
            if (i > first)
                read = (long)((((Int128)read * rows[i]) + rows[i - 1] - 1) / rows[i - 1]);
            read += (Math.Min(step, phases[i].End) - Math.Max(from, phases[i].Start)) * phases[i].BatchSize;
        }
        return read;
    }

    /// <summary>The parts in words.</summary>
    public override string ToString() =>
        string.Join(
            "; ",
            phases.Select(phase =>
                FormattableString.Invariant($"up to update {phase.End:N0} {phase.BatchSize} examples of up to {phase.MaxLength} tokens")
            )
        );

    /// <summary>The rates of the k-th update of a run with phases.</summary>
    public static Func<long, StepRates> Rates(TrainingOptions training)
    {
        var phases = Of(training, 0);
        if (HaveOwnRates(training))
        {
            Func<long, StepRates>[] each =
            [
                .. training.Phases.Zip(phases.All).Select(phase =>
                    Schedule.Of(
                        training.Schedule,
                        phase.First.LearningRate ?? training.LearningRate,
                        phase.Second.Updates,
                        phase.First.WarmupSteps ?? training.WarmupOf(phase.Second.Updates),
                        training.Decay
                    )
                ),
            ];
            return k => phases.IndexAt(k) is var i ? each[i](k - phases.All[i].Start) : default;
        }
        long all = phases.PositionsBefore(training.Steps);
        var decay = training.Decay.Steps is { } last
            ? training.Decay with { Steps = all - phases.PositionsBefore(Math.Max(0, training.Steps - last)) }
            : training.Decay;
        double warmup = training.WarmupShare is { } share ? share * all : phases.PositionsBefore(training.WarmupSteps);
        var schedule = Schedule.Of(training.Schedule, training.LearningRate, all, warmup, decay);
        return k => schedule(phases.PositionsBefore(k));
    }

    /// <summary>Whether each phase follows the schedule from its beginning to its end.</summary>
    public static bool HaveOwnRates(TrainingOptions training) =>
        training.Phases.Any(phase => phase.LearningRate is not null || phase.WarmupSteps is not null);

    /// <summary>What is wrong with a run's phases.</summary>
    public static IEnumerable<string> Problems(TrainingOptions training, int maxLength, int positions)
    {
        if (training.Phases.Count == 0)
            yield break;
        double share = training.Phases.Sum(phase => phase.Share);
        if (Math.Abs(share - 1) > 1e-6)
            yield return FormattableString.Invariant($"have shares that add up to {share:0.######}, and 1 is expected");
        int longest = training.Phases.Max(phase => phase.MaxLength);
        if (longest > positions)
            yield return $"have examples of {longest} tokens, which do not fit into {positions} positions (model.max_positions)";
        else if (longest != maxLength)
            yield return $"have examples of up to {longest} tokens, and examples.max_length, which held-out text is measured with, is "
                + $"{maxLength}: leave it out, or make it {longest}";
        if (training.Budget is not null)
            yield break;
        var phases = Of(training, maxLength).All;
        if (phases.FirstOrDefault(phase => phase.Updates <= 0) is { } empty)
            yield return $"have one, of {empty.MaxLength} tokens, whose share of {training.Steps:N0} updates is none";
        else if (HaveOwnRates(training))
            foreach (var (options, phase) in training.Phases.Zip(phases))
                if ((options.WarmupSteps ?? training.WarmupOf(phase.Updates)) is var warmup && warmup >= phase.Updates)
                    yield return FormattableString.Invariant(
                        $"have one, of {phase.MaxLength} tokens, that is warm-up ({warmup:N0}) from the first of its {phase.Updates:N0} "
                    ) + "updates to the last: give it warmup_steps of its own";
    }
}
