using System.ComponentModel.DataAnnotations;

namespace Electra.Optimization;

/// <summary>The form of the last part of <see cref="ScheduleKind.WarmupStableDecay"/>.</summary>
public enum DecayForm
{
    /// <summary>A line.</summary>
    Linear,

    /// <summary>1 − √x, where x is the share of the fall that is done: fast at first.</summary>
    OneMinusSqrt,
}

/// <summary>How the rate of a schedule falls. A key belongs to the schedules that its text names, and is refused for others.</summary>
public sealed record DecayOptions
{
    /// <summary>
    /// The power of <c>polynomial</c>, Google's <c>lr_decay_power</c>: 1 is a line, 0.5 stays high for longer; null: 1.
    /// </summary>
    [Range(0.0, 100.0)]
    public double? Power { get; init; }

    /// <summary>
    /// The share of the run at its end in which the rate falls, of <c>warmup_stable_decay</c>, <c>inverse_root</c>,
    /// <c>cosine_inverse_root</c> (null: 0.1) and <c>triangle</c> (null: 0.25).
    /// </summary>
    [InsteadOf("steps"), Range(0.0, 1.0)]
    public double? Share { get; init; }

    /// <summary>The same in updates, in place of <c>share</c>; not of <c>triangle</c>.</summary>
    [InsteadOf("share"), Range(0, long.MaxValue)]
    public long? Steps { get; init; }

    /// <summary>The form of that fall, of <c>warmup_stable_decay</c>: <c>linear</c> or <c>one_minus_sqrt</c>; null: linear.</summary>
    public DecayForm? Form { get; init; }

    /// <summary>
    /// Where that fall ends, as a share of the peak, of <c>warmup_stable_decay</c> (null: 0.1), <c>inverse_root</c> and
    /// <c>cosine_inverse_root</c> (null: 0).
    /// </summary>
    [Range(0.0, 0.99)]
    public double? Final { get; init; }

    /// <summary>The share of the run in which <c>cosine_inverse_root</c> follows the cosine; null: 0.25.</summary>
    [Range(0.001, 1.0)]
    public double? CosineShare { get; init; }

    /// <summary>How many of a run's updates the fall takes.</summary>
    internal double StepsOf(long steps) => Steps ?? (Share ?? 0.1) * steps;

    /// <summary>Keys that have no meaning under a schedule, with what is wrong.</summary>
    internal IEnumerable<(string Key, string Problem)> Problems(ScheduleKind kind)
    {
        (string Key, bool IsGiven, ScheduleKind[] Kinds)[] keys =
        [
            ("power", Power is not null, [ScheduleKind.Polynomial]),
            ("share", Share is not null, [.. Falling, ScheduleKind.Triangle]),
            ("steps", Steps is not null, Falling),
            ("form", Form is not null, [ScheduleKind.WarmupStableDecay]),
            ("final", Final is not null, Falling),
            ("cosine_share", CosineShare is not null, [ScheduleKind.CosineInverseRoot]),
        ];
        foreach (var (key, _, kinds) in keys.Where(key => key.IsGiven && !key.Kinds.Contains(kind)))
            yield return (
                key,
                $"is of the {(kinds.Length == 1 ? "schedule" : "schedules")} {string.Join(", ", kinds.Select(one => KeyName.Of(one)))}, "
                    + $"and the schedule is {KeyName.Of(kind)}"
            );
        if (Share is not null && Steps is not null)
            yield return ("steps", "says the same as share in another way: give one of the two");
    }

    private static ScheduleKind[] Falling =>
        [ScheduleKind.WarmupStableDecay, ScheduleKind.InverseRoot, ScheduleKind.CosineInverseRoot];
}
