namespace Electra.Optimization;

/// <summary>Schedules as shares of the peak: of update k of N, with w updates of warm-up.</summary>
internal static class RateDecay
{
    /// <summary>k/w, then (1 + cos(π · (k − w)/(N − w)))/2: <c>get_cosine_schedule_with_warmup</c> of Hugging Face's library.</summary>
    public static double Cosine(long k, long steps, double warmup) =>
        k < warmup ? k / warmup : (1 + Math.Cos(Math.PI * Math.Min(1, (k - warmup) / Math.Max(1, steps - warmup)))) / 2;

    /// <summary>k/w, then 1, and in the last updates from 1 to <paramref name="final"/>: ModernBERT's
    /// <c>WarmupStableDecayScheduler</c> and <c>OneMinusSqrtScheduler</c>.</summary>
    public static double Stable(long k, long steps, double warmup, double decay, DecayForm form, double final)
    {
        double start = Math.Max(warmup, steps - decay);
        if (k < warmup)
            return k / warmup;
        if (k <= start)
            return 1;
        double done = (k - start) / (steps - start);
        return final + (1 - final) * (1 - (form == DecayForm.OneMinusSqrt ? Math.Sqrt(done) : done));
    }

    /// <summary>k/w, then √(w/k), and in the last updates a line to <paramref name="final"/>: cramming's
    /// <c>get_inverse_sqrt_scheduler</c>. Without warm-up, as with one update of it.</summary>
    public static double InverseRoot(long k, long steps, double warmup, double decay, double final)
    {
        double start = Math.Max(warmup, steps - decay);
        return k < warmup ? k / warmup : Ended(Root, k, steps, start, final);

        double Root(double at) => Math.Sqrt(Math.Min(1, Math.Max(1, warmup) / Math.Max(1, at)));
    }

    /// <summary>
    /// k/w; for c updates α + (1 − α)(1 + cos(π j/2c))/2, where j = k − w and α is <paramref name="final"/>; then γ/√(j + δ), with γ and δ
    /// so that value and slope go on; in the last updates a line to α: ModernBERT's <c>CosineInverseSqrtScheduler</c>.
    /// </summary>
    public static double CosineInverseRoot(long k, long steps, double warmup, double cosine, double decay, double final)
    {
        double delta = cosine * (1 + final - Math.PI * (1 - final)) / (Math.PI * (1 - final));
        double gamma = (1 + final) / 2 * Math.Sqrt(cosine + delta);
        return k < warmup ? k / warmup : Ended(Curve, k, steps, Math.Max(warmup, steps - decay), final);

        double Curve(double at) =>
            at - warmup is var j && j <= cosine
                ? final + (1 - final) * (1 + Math.Cos(Math.PI / 2 * j / cosine)) / 2
                : gamma / Math.Sqrt(j + delta);
    }

    /// <summary>From <paramref name="start"/> up to 1 and down to 0, of the share x of the run: cramming's
    /// <c>get_budget_triangle</c>.</summary>
    /// <param name="x">The share of the run that is done.</param>
    /// <param name="decay">The share at the end in which the rate falls.</param>
    /// <param name="start">Where it begins.</param>
    public static double Triangle(double x, double decay, double start = 0.25)
    {
        double rise = decay >= 1 ? double.PositiveInfinity : start + (1 - start) * x / (1 - decay);
        double fall = decay > 0 ? (1 - x) / decay : double.PositiveInfinity;
        return Math.Clamp(Math.Min(rise, fall), 0, 1);
    }

    /// <summary>A curve that ends, from an update on, in a line to a value that is not above it.</summary>
    private static double Ended(Func<double, double> curve, long k, long steps, double start, double final)
    {
        if (k <= start)
            return curve(k);
        double from = curve(start);
        return from + (Math.Min(from, final) - from) * Math.Min(1, (k - start) / (steps - start));
    }
}
