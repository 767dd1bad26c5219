using System.ComponentModel.DataAnnotations;
using System.Globalization;

namespace Electra.Pretraining;

/// <summary>What the generator's logits are divided by before drawing: a number, or one that falls to 1 over a run.</summary>
public sealed record SamplingTemperature
{
    private const double Least = 0.01, Most = 100;

    /// <summary>The temperature, at the start of the run where it moves.</summary>
    [Range(Least, Most)]
    public double Start { get; init; } = 1;

    /// <summary>
    /// The share of a run's updates after which half of the way to 1 is left: T(k) = 1 + (start − 1) · 2^(−k / (half_life · steps)).
    /// Null: the temperature stays. Held-out text is measured at 1 where it moves.
    /// </summary>
    [Range(0.0001, 100.0)]
    public double? HalfLife { get; init; }

    /// <summary>A temperature that stays.</summary>
    /// <exception cref="FormatException">It is not a number in the range.</exception>
    public static SamplingTemperature Parse(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && number is >= Least and <= Most
            ? number
            : throw new FormatException($"a number from {Least} to {Most} is expected, or a mapping of start and half_life");

    /// <summary>A temperature that stays.</summary>
    public static implicit operator SamplingTemperature(double temperature) => new() { Start = temperature };

    /// <summary>The temperature of the k-th update, from 0, of so many.</summary>
    internal double At(long k, long steps) =>
        HalfLife is { } half ? 1 + ((Start - 1) * Math.Pow(2, -k / (half * steps))) : Start;
}
