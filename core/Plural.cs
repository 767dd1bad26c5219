using System.Globalization;

namespace Electra;

/// <summary>Numbers of things in messages.</summary>
internal static class Plural
{
    /// <summary><c>1 run</c>, <c>2 runs</c>, <c>9,815 rows</c>.</summary>
    /// <param name="count">How many.</param>
    /// <param name="noun">One of them.</param>
    public static string Of(long count, string noun) =>
        string.Create(CultureInfo.InvariantCulture, $"{count:N0} {noun}{(count == 1 ? "" : "s")}");
}
