using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Electra.Configuration;

/// <summary>How a value is written as one word, and read back.</summary>
/// <param name="Expectation">What is allowed, as a noun phrase: "a whole number".</param>
/// <param name="Parse">Text to value. Throws <see cref="FormatException"/>; its message is empty where the expectation says it all.</param>
/// <param name="Write">Value to text; null where the type cannot be written so.</param>
internal sealed record ScalarFormat(string Expectation, Func<string, object> Parse, Func<object, string>? Write)
{
    private static readonly CultureInfo Invariant = CultureInfo.InvariantCulture;

    /// <summary>The format of a word, a number, true or false, or an enumeration; null for other types.</summary>
    public static ScalarFormat? BuiltIn(Type type) =>
        type == typeof(string) ? new("a text", text => text, value => (string)value)
        : type == typeof(bool) ? new("true or false", ParseBool, value => (bool)value ? "true" : "false")
        : type == typeof(int)
            ? new("a whole number", text => (int)ParseInteger(text, int.MinValue, int.MaxValue), value => ((int)value).ToString(Invariant))
        : type == typeof(long)
            ? new("a whole number", text => ParseInteger(text, long.MinValue, long.MaxValue), value => ((long)value).ToString(Invariant))
        : type == typeof(float)
            ? new("a number", text => (float)ParseDouble(text), value => WriteDouble((float)value, ((float)value).ToString(Invariant)))
        : type == typeof(double)
            ? new("a number", text => ParseDouble(text), value => WriteDouble((double)value, ((double)value).ToString(Invariant)))
        : type.IsEnum ? OfEnumeration(type)
        : null;

    /// <summary>The format of a type with <c>public static T Parse(string)</c>; null for other types.</summary>
    public static ScalarFormat? OfParseMethod(Type type)
    {
        var parse = type.GetMethod("Parse", BindingFlags.Public | BindingFlags.Static, [typeof(string)]);
        if (parse is null || parse.ReturnType != type)
            return null;

        // What a record's ToString gives by itself, Parse does not read.
        var toString = type.GetMethod("ToString", BindingFlags.Public | BindingFlags.Instance, [])!;
        return new($"a {KeyName.Of(type.Name).Replace('_', ' ')}",
                   text => Invoke(parse, text),
                   toString.IsDefined(typeof(CompilerGeneratedAttribute)) ? null : value => Convert.ToString(value, Invariant)!);
    }

    private static object Invoke(MethodInfo parse, string text)
    {
        try
        {
            return parse.Invoke(null, [text])!;
        }
        catch (TargetInvocationException e)
            when (e.InnerException is FormatException or ArgumentException or OverflowException or UserErrorException)
        {
            throw new FormatException(e.InnerException.Message, e.InnerException);
        }
    }

    private static ScalarFormat OfEnumeration(Type type)
    {
        var values = Enum.GetNames(type).ToDictionary(KeyName.Of, name => Enum.Parse(type, name));
        var names = string.Join(", ", values.Keys);
        return new(
            $"one of {names}",
            text =>
                values.GetValueOrDefault(text)
                ?? throw new FormatException(
                    Spelling.Nearest(text, values.Keys) is { } nearest ? $"did you mean {nearest}? Allowed: {names}" : $"allowed: {names}"
                ),
            value => KeyName.Of(value.ToString()!)
        );
    }

    private static object ParseBool(string text) => text switch
    {
        "true" or "True" or "TRUE" => true,
        "false" or "False" or "FALSE" => false,
        _ => throw new FormatException($"true or false is expected{YamlAdvice.Boolean(text)}"),
    };

    private static long ParseInteger(string text, long least, long most)
    {
        // Decimal holds every 64-bit integer exactly, and reads 1e6 as the million it is.
        if (
            !decimal.TryParse(
                WithoutSeparators(text),
                NumberStyles.AllowLeadingSign | NumberStyles.AllowExponent | NumberStyles.AllowDecimalPoint,
                Invariant,
                out var number
            )
            || number != decimal.Truncate(number)
        )
            throw new FormatException($"a whole number is expected{YamlAdvice.Number(text)}");
        return number >= least && number <= most ? (long)number : throw new FormatException($"it must lie between {least} and {most}");
    }

    private static double ParseDouble(string text) =>
        text switch
        {
            ".inf" or ".Inf" or ".INF" or "+.inf" or "+.Inf" or "+.INF" => double.PositiveInfinity,
            "-.inf" or "-.Inf" or "-.INF" => double.NegativeInfinity,
            ".nan" or ".NaN" or ".NAN" => double.NaN,
            _ => double.TryParse(
                WithoutSeparators(text),
                NumberStyles.Float & ~NumberStyles.AllowLeadingWhite & ~NumberStyles.AllowTrailingWhite,
                Invariant,
                out var number
            ) && double.IsFinite(number)
                ? number
                : throw new FormatException($"a number is expected{YamlAdvice.Number(text)}"),
        };

    /// <summary>
    /// The shortest text that reads back as the same number, in a form that YAML 1.1 readers take for a number too (<c>1.0e-06</c>, not
    /// <c>1E-06</c>).
    /// </summary>
    private static string WriteDouble(double number, string shortest) =>
        double.IsNaN(number) ? ".nan"
        : double.IsPositiveInfinity(number) ? ".inf"
        : double.IsNegativeInfinity(number) ? "-.inf"
        : shortest.Split('E') is [var digits, var exponent] ? $"{digits}{(digits.Contains('.') ? "" : ".0")}e{exponent}"
        : shortest;

    /// <summary>1_000_000 is 1000000: underscores stand between digits only.</summary>
    private static string WithoutSeparators(string text) =>
        string.Concat(
            text.Where(
                (c, i) => c != '_' || i == 0 || i == text.Length - 1 || !char.IsAsciiDigit(text[i - 1]) || !char.IsAsciiDigit(text[i + 1])
            )
        );
}
