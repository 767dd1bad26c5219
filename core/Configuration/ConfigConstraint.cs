using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;

namespace Electra.Configuration;

/// <summary>The attributes of System.ComponentModel.DataAnnotations, in the words of a configuration.</summary>
internal static class ConfigConstraint
{
    /// <summary>What is wrong with a value, as the second half of a sentence; null where it satisfies the constraint.</summary>
    public static string? Violation(ValidationAttribute constraint, object? value) =>
        (constraint, value) switch
        {
            (RequiredAttribute, _) => constraint.IsValid(value) ? null : "is missing, and has no default",
            (_, null) => null,
            // What is said of one value holds for each of a list.
            (RangeAttribute or AllowedValuesAttribute or RegularExpressionAttribute, IEnumerable items and not string) => items
                .Cast<object?>()
                .Select(item => Violation(constraint, item))
                .FirstOrDefault(violation => violation is not null),
            (RangeAttribute range, _) when Description(range) is { } description => IsWithin(
                range,
                Convert.ToDouble(value, CultureInfo.InvariantCulture)
            )
                ? null
                : $"cannot be {Text(value)}: {description} is expected",
            (AllowedValuesAttribute allowed, _) => allowed.IsValid(value)
                ? null
                : $"cannot be {Text(value)}: {Description(allowed)} is expected",
            (MinLengthAttribute length, string) => constraint.IsValid(value) ? null : $"must have at least {length.Length} letters",
            (MinLengthAttribute length, _) => Count(value) >= length.Length
                ? null
                : $"must have at least {length.Length} {(length.Length == 1 ? "item" : "items")}",
            (MaxLengthAttribute length, _) => Count(value) <= length.Length
                ? null
                : $"must have at most {length.Length} {(length.Length == 1 ? "item" : "items")}",
            (RegularExpressionAttribute pattern, _) => constraint.IsValid(value)
                ? null
                : $"cannot be {Text(value)}: {pattern.ErrorMessage ?? $"a text of the form {pattern.Pattern}"} is expected",
            _ => constraint.IsValid(value) ? null : constraint.FormatErrorMessage("the value"),
        };

    /// <summary>What a constraint allows, as a noun phrase; null where the expectation of the type says it already.</summary>
    public static string? Description(ValidationAttribute constraint) => constraint switch
    {
        RangeAttribute { Minimum: int or double } range => RangeDescription(range),
        AllowedValuesAttribute allowed => $"one of {string.Join(", ", allowed.Values.Select(Text))}",
        RequiredAttribute => "required",
        _ => null,
    };

    private static string RangeDescription(RangeAttribute range)
    {
        var (minimum, maximum) = Bounds(range);
        var least =
            double.IsFinite(minimum) && minimum != double.MinValue
                ? $"{(range.MinimumIsExclusive ? "more than" : "at least")} {Text(range.Minimum)}"
                : null;
        var most =
            double.IsFinite(maximum) && maximum != double.MaxValue && maximum != int.MaxValue
                ? $"{(range.MaximumIsExclusive ? "less than" : "at most")} {Text(range.Maximum)}"
                : null;
        return "a value of " + string.Join(" and ", new[] { least, most }.OfType<string>());
    }

    private static bool IsWithin(RangeAttribute range, double value)
    {
        var (minimum, maximum) = Bounds(range);
        return (range.MinimumIsExclusive ? value > minimum : value >= minimum)
            && (range.MaximumIsExclusive ? value < maximum : value <= maximum);
    }

    /// <summary>A range that ends at the largest int is meant to be open: it bounds a long no further.</summary>
    private static (double Minimum, double Maximum) Bounds(RangeAttribute range) =>
        (Convert.ToDouble(range.Minimum, CultureInfo.InvariantCulture),
         range.Maximum is int.MaxValue ? double.PositiveInfinity : Convert.ToDouble(range.Maximum, CultureInfo.InvariantCulture));

    private static int Count(object? value) => value is IEnumerable items ? items.Cast<object?>().Count() : 0;

    private static string Text(object? value) =>
        value is null
            ? "null"
            : ScalarFormat.BuiltIn(value.GetType())?.Write?.Invoke(value) ?? Convert.ToString(value, CultureInfo.InvariantCulture)!;
}
