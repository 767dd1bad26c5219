using System.Text.RegularExpressions;

namespace Electra.Data.Readers;

/// <summary>Shell patterns over paths: <c>*</c> within a folder, <c>**</c> over folders, <c>?</c> and <c>[0-9]</c> for a character, <c>{a,b}</c> for either.</summary>
internal static class Glob
{
    /// <summary>Whether a path, with <c>/</c> between its parts, fits a pattern as a whole.</summary>
    public static bool Fits(string path, string pattern) => ToRegex(pattern).IsMatch(path);

    /// <summary>A pattern for many paths.</summary>
    public static Regex ToRegex(string pattern)
    {
        var regex = Regex.Escape(pattern)
            .Replace(@"\*\*/", "(.*/)?").Replace(@"\*\*", ".*").Replace(@"\*", "[^/]*").Replace(@"\?", "[^/]");
        regex = Regex.Replace(regex, @"\\\[([^\]]+)\]", "[$1]");
        regex = Regex.Replace(regex, @"\\\{([^}]+)}", match => $"({match.Groups[1].Value.Replace(',', '|')})");
        return new Regex($"^{regex}$");
    }
}
