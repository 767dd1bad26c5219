using System.Globalization;

namespace Electra.Finetuning;

/// <summary>
/// How often a run is measured: after each epoch; after so many updates (<c>500</c>); or after a share of an epoch (<c>0.25</c>). The end
/// of an epoch is always measured.
/// </summary>
public readonly struct EvaluationInterval
{
    private const string EachEpoch = "epoch";
    private readonly long updates;
    private readonly decimal share;

    private EvaluationInterval(long updates, decimal share) => (this.updates, this.share) = (updates, share);

    /// <summary>Reads <c>epoch</c>, a whole number of updates, or a share of an epoch with a point.</summary>
    /// <exception cref="FormatException">It is none of them.</exception>
    public static EvaluationInterval Parse(string text)
    {
        if (text == EachEpoch)
            return default;
        var digits = text.Replace("_", "", StringComparison.Ordinal);
        if (long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long updates) && updates > 0)
            return new(updates, 0);
        return decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal share)
            && text.Contains('.')
            && share is >= 0.001m and <= 1
            ? new(0, share == 1 ? 0 : share)
            : throw new FormatException("epoch, a number of updates (500) or a share of an epoch from 0.001 (0.25) is expected");
    }

    /// <summary>Whether a run is measured after so many updates.</summary>
    internal bool IsDue(long update, int epochUpdates)
    {
        long inEpoch = update % epochUpdates;
        return inEpoch == 0
            || (updates > 0 && update % updates == 0)
            || (share > 0 && decimal.Floor(inEpoch / (share * epochUpdates)) > decimal.Floor((inEpoch - 1) / (share * epochUpdates)));
    }

    /// <summary>As <see cref="Parse"/> reads it.</summary>
    public override string ToString() =>
        updates > 0 ? updates.ToString(CultureInfo.InvariantCulture)
        : share > 0 ? share.ToString("0.0##########", CultureInfo.InvariantCulture)
        : EachEpoch;
}
