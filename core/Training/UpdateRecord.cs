namespace Electra.Training;

/// <summary>What one update was like.</summary>
/// <param name="Update">Its number, from 0.</param>
/// <param name="Losses">Its losses, each a mean over the whole batch; the first is the one that is minimised.</param>
/// <param name="GradientNorm">The norm of all gradients before clipping.</param>
/// <param name="IsOutlier">Whether it was out of line with the latest ones.</param>
internal sealed record UpdateRecord(long Update, IReadOnlyList<double> Losses, double GradientNorm, bool IsOutlier)
{
    /// <summary>The loss that is minimised.</summary>
    public double Loss => Losses[0];

    public bool HasFiniteLosses => Losses.All(double.IsFinite);

    /// <summary>Whether losses and gradients are finite. An update where they are not is skipped.</summary>
    public bool IsFinite => HasFiniteLosses && double.IsFinite(GradientNorm);
}

/// <summary>
/// Sums over updates: losses over those with finite ones, gradient norms over those with a finite one. In float16, gradients that
/// overflow belong to losses that are right.
/// </summary>
internal sealed record UpdateSums
{
    /// <summary>Sums over no update.</summary>
    public static UpdateSums None { get; } = new();

    /// <summary>How many had finite losses.</summary>
    public long WithLosses { get; init; }

    /// <summary>Their losses; empty where there is none.</summary>
    public IReadOnlyList<double> Losses { get; init; } = [];

    /// <summary>How many had a finite gradient norm.</summary>
    public long WithNorm { get; init; }

    /// <summary>Their gradient norms.</summary>
    public double GradientNorm { get; init; }

    /// <summary>How many were skipped because their losses or gradients were not finite.</summary>
    public long NotFinite { get; init; }

    /// <summary>The sums with one more update.</summary>
    public UpdateSums With(UpdateRecord update) =>
        new()
        {
            WithLosses = WithLosses + (update.HasFiniteLosses ? 1 : 0),
            Losses =
                !update.HasFiniteLosses ? Losses
                : Losses.Count == 0 ? update.Losses
                : [.. Losses.Zip(update.Losses, (sum, loss) => sum + loss)],
            WithNorm = WithNorm + (update.IsFinite ? 1 : 0),
            GradientNorm = GradientNorm + (update.IsFinite ? update.GradientNorm : 0),
            NotFinite = NotFinite + (update.IsFinite ? 0 : 1),
        };

    /// <summary>The mean of the i-th loss; NaN where no update had finite ones.</summary>
    public double MeanLoss(int i = 0) => WithLosses == 0 ? double.NaN : Losses[i] / WithLosses;

    /// <summary>The mean gradient norm; NaN where no update had a finite one.</summary>
    public double MeanNorm => WithNorm == 0 ? double.NaN : GradientNorm / WithNorm;
}
