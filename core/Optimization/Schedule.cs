namespace Electra.Optimization;

/// <summary>How the learning rate moves over a run.</summary>
public enum ScheduleKind
{
    /// <summary>Warmup and decay at once, lr · (1 − k/N) · min(1, k/warmup): what Google's and the re-implementation's runs used.</summary>
    OriginalLinear,

    /// <summary>Up to the full rate over the warmup, then down to zero over what is left.</summary>
    SeparateLinear,

    /// <summary>Two half cosines, up from lr/25 over a quarter of the run and down to lr/100,000; the first moment's decay moves
    /// against it.</summary>
    OneCycle,

    /// <summary>The same with a start at lr/100,000 and the warmup of the linear schedules.</summary>
    AdjustedOneCycle,

    /// <summary>The full rate throughout.</summary>
    Constant,

    /// <summary>Google's: <see cref="OriginalLinear"/> with a power of what is left, lr · (1 − k/N)ᵖ · min(1, k/warmup); p is
    /// <c>decay.power</c>.</summary>
    Polynomial,

    /// <summary>Up over the warm-up, then down along half a cosine to zero.</summary>
    Cosine,

    /// <summary>
    /// Up over the warm-up, the full rate, and down in the last <c>decay.share</c> of the run (a tenth) to <c>decay.final</c> of the peak
    /// (a tenth), in a line or as <c>decay.form</c> says. While the rate is full, the length of the run need not be known: from any saved
    /// state a run can be prolonged or ended (<c>branch_from</c>).
    /// </summary>
    WarmupStableDecay,

    /// <summary>Up over the warm-up, then lr · √(warmup/k), and in the last <c>decay.share</c> (a tenth) in a line to
    /// <c>decay.final</c> (0).</summary>
    InverseRoot,

    /// <summary>
    /// Up over the warm-up, a quarter of a cosine for <c>decay.cosine_share</c> of the run (a quarter), then on as 1/√k without a step in
    /// value or slope, and in the last <c>decay.share</c> (a tenth) in a line to <c>decay.final</c> (0).
    /// </summary>
    CosineInverseRoot,

    /// <summary>From a quarter of the rate up to it, and down to zero in the last <c>decay.share</c> (a quarter); it has no other
    /// warm-up.</summary>
    Triangle,
}

/// <summary>The learning rate and the decay of Adam's first moment for one update.</summary>
/// <param name="LearningRate">The learning rate.</param>
/// <param name="Momentum">β₁; null where the schedule leaves it alone.</param>
public readonly record struct StepRates(double LearningRate, double? Momentum = null)
{
    /// <summary>A learning rate alone, so that a schedule may be written as <c>k => 1e-3 * Math.Min(1, k / 100.0)</c>.</summary>
    public static implicit operator StepRates(double learningRate) => new(learningRate);
}

/// <summary>The learning rate as a function of the update's number k, counted from 0, of N updates in all.</summary>
public static class Schedule
{
    /// <summary>The function that a kind names.</summary>
    /// <param name="kind">How the rate moves.</param>
    /// <param name="peak">The highest learning rate.</param>
    /// <param name="steps">N, the number of updates of the whole run.</param>
    /// <param name="warmup">Updates of warm-up; one-cycle and triangle have their own.</param>
    /// <param name="decay">How the rate falls; null: as the kind has it by default.</param>
    public static Func<long, StepRates> Of(ScheduleKind kind, double peak, long steps, double warmup, DecayOptions? decay = null) =>
        Of(kind, peak, steps, warmup, warmup / steps, decay ?? new());

    /// <summary>The function that a kind names, where the warm-up is given as a share of the run, as in fine-tuning.</summary>
    /// <param name="kind">How the rate moves.</param>
    /// <param name="peak">The highest learning rate.</param>
    /// <param name="steps">N, the number of updates of the whole run.</param>
    /// <param name="warmupShare">
    /// The share of the updates in which the rate rises. The linear schedules take whole updates of it, int(share · N); the one-cycle ones
    /// the share itself (richarddwang/electra_pytorch, <c>finetune.py</c>).
    /// </param>
    /// <param name="roundWarmup">
    /// False: the linear schedules take share · N as it is (google-research/electra, <c>optimization.py</c>).
    /// </param>
    /// <param name="decay">How the rate falls; null: as the kind has it by default.</param>
    public static Func<long, StepRates> OfShare(
        ScheduleKind kind,
        double peak,
        long steps,
        double warmupShare,
        bool roundWarmup = true,
        DecayOptions? decay = null
    ) => Of(kind, peak, steps, roundWarmup ? (long)(warmupShare * steps) : warmupShare * steps, warmupShare, decay ?? new());

    private static Func<long, StepRates> Of(
        ScheduleKind kind,
        double peak,
        long steps,
        double warmup,
        double warmupShare,
        DecayOptions decay
    ) => kind switch
    {
        ScheduleKind.OriginalLinear => k => new(OriginalLinear(k, peak, steps, warmup)),
        ScheduleKind.SeparateLinear => k => new(SeparateLinear(k, peak, steps, warmup)),
        ScheduleKind.OneCycle => k => OneCycle(k, peak, steps, startDivisor: 25, endDivisor: 1e5, warmupShare: 0.25),
        ScheduleKind.AdjustedOneCycle => k => OneCycle(k, peak, steps, startDivisor: 1e5, endDivisor: 1e5, warmupShare),
        ScheduleKind.Constant => _ => new(peak),
        ScheduleKind.Polynomial => k => new(OriginalLinear(k, peak, steps, warmup, decay.Power ?? 1)),
        ScheduleKind.Cosine => k => new(peak * RateDecay.Cosine(k, steps, warmup)),
        ScheduleKind.WarmupStableDecay => k =>
            new(peak * RateDecay.Stable(k, steps, warmup, decay.StepsOf(steps), decay.Form ?? DecayForm.Linear, decay.Final ?? 0.1)),
        ScheduleKind.InverseRoot => k => new(peak * RateDecay.InverseRoot(k, steps, warmup, decay.StepsOf(steps), decay.Final ?? 0)),
        ScheduleKind.CosineInverseRoot => k =>
            new(
                peak
                    * RateDecay.CosineInverseRoot(
                        k,
                        steps,
                        warmup,
                        (decay.CosineShare ?? 0.25) * steps,
                        decay.StepsOf(steps),
                        decay.Final ?? 0
                    )
            ),
        ScheduleKind.Triangle => k => new(peak * RateDecay.Triangle((double)k / steps, decay.Share ?? 0.25)),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "unknown schedule"),
    };

    /// <summary>lr · (1 − k/N)ᵖ · min(1, k/warmup): the first update has a rate of zero.</summary>
    /// <param name="k">The update's number.</param>
    /// <param name="peak">The rate that the whole is a share of.</param>
    /// <param name="steps">N.</param>
    /// <param name="warmup">Updates of warm-up, which need not be whole.</param>
    /// <param name="power">p, the <c>lr_decay_power</c> of Google's code.</param>
    public static double OriginalLinear(long k, double peak, long steps, double warmup, double power = 1) =>
        peak * Math.Pow(1 - (double)k / steps, power) * (warmup > 0 ? Math.Min(1, k / warmup) : 1);

    /// <summary>lr · k/warmup, then lr · (N − k)/(N − warmup).</summary>
    public static double SeparateLinear(long k, double peak, long steps, double warmup) =>
        k < warmup ? peak * k / warmup : peak * Math.Max(0, steps - k) / Math.Max(1, steps - warmup);

    /// <summary>fastai's one-cycle policy: the rate up and down, β₁ from 0.95 down to 0.85 and back, along half cosines.</summary>
    /// <param name="k">The update's number.</param>
    /// <param name="peak">The highest rate.</param>
    /// <param name="steps">N.</param>
    /// <param name="startDivisor">The rate starts at peak / this.</param>
    /// <param name="endDivisor">The rate ends at peak / this.</param>
    /// <param name="warmupShare">The share of the run in which the rate rises.</param>
    public static StepRates OneCycle(long k, double peak, long steps, double startDivisor, double endDivisor, double warmupShare)
    {
        const double HighMomentum = 0.95, LowMomentum = 0.85;
        double position = (double)k / steps;
        if (position < warmupShare)
        {
            double rise = position / warmupShare;
            return new(HalfCosine(peak / startDivisor, peak, rise), HalfCosine(HighMomentum, LowMomentum, rise));
        }
        double fall = (position - warmupShare) / Math.Max(1 - warmupShare, double.Epsilon);
        return new(HalfCosine(peak, peak / endDivisor, fall), HalfCosine(LowMomentum, HighMomentum, fall));
    }

    private static double HalfCosine(double from, double to, double share) => from + (to - from) * (1 - Math.Cos(Math.PI * share)) / 2;
}
