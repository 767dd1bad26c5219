using System.Globalization;
using Electra.Tensors;

namespace Electra.Finetuning;

/// <summary>The values that a sweep gives a key: a list, or a range to draw from.</summary>
[ListForm(texts: "values", mappings: "values")]
public sealed record SweepValues
{
    /// <summary>The values, each as it would be written for the key.</summary>
    public IReadOnlyList<string> Values { get; init; } = [];

    /// <summary>The lowest value of a range.</summary>
    public double? From { get; init; }

    /// <summary>The highest value of a range.</summary>
    public double? To { get; init; }

    /// <summary>Whether a range is drawn from evenly by its logarithm: as often from 1e-5 to 1e-4 as from 1e-4 to 1e-3.</summary>
    public bool Log { get; init; }

    /// <summary>Whether it is a range.</summary>
    internal bool IsRange => From is not null || To is not null;

    /// <summary>What is wrong with it, as the second half of a sentence; null: nothing.</summary>
    internal string? Problem =>
        IsRange && Values.Count > 0 ? "has a list of values and a range: one of them"
        : !IsRange && Values.Count == 0 ? "has no value: [1e-4, 3e-4], or {from: 1e-5, to: 1e-3, log: true} to draw from"
        : !IsRange && Log ? "has log: true, which is about a range"
        : !IsRange ? null
        : From is not { } from || To is not { } to ? "is a range without an end: {from: 1e-5, to: 1e-3}"
        : from >= to ? $"is a range from {from} to {to}: upwards"
        : Log && from <= 0 ? "is a range by its logarithm: it begins above 0"
        : null;

    /// <summary>A value that follows from a key of random numbers; a range's has three digits, or is whole where that is asked.</summary>
    internal string Drawn(RandomKey key, bool isWhole)
    {
        var numbers = key.Numbers();
        if (!IsRange)
            return Values[numbers.Next(Values.Count)];
        var (from, to, share) = (From!.Value, To!.Value, numbers.NextDouble());
        double value = Log ? from * Math.Pow(to / from, share) : from + (share * (to - from));
        return isWhole
            ? Math.Round(value).ToString(CultureInfo.InvariantCulture)
            : double.Parse(value.ToString("E2", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture)
                .ToString(CultureInfo.InvariantCulture);
    }
}
