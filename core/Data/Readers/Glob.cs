using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Electra.Data.Readers;

/// <summary>
/// The shell's patterns over paths with <c>/</c> between their parts: <c>*</c> and <c>?</c> within a name, <c>**</c> over folders,
/// <c>[a-z]</c>, <c>[!a-z]</c> and <c>[[:digit:]]</c> for one character, <c>{a,b}</c> and <c>{1..9}</c> for several patterns, and
/// <c>\</c> before a character that stands for itself. A name that begins with a dot is matched by a pattern that does.
/// </summary>
internal static class Glob
{
    private static readonly Dictionary<string, string> NamedClasses = new()
    {
        ["digit"] = "0-9",
        ["alpha"] = @"\p{L}",
        ["alnum"] = @"\p{L}0-9",
        ["lower"] = @"\p{Ll}",
        ["upper"] = @"\p{Lu}",
        ["space"] = @"\s",
        ["punct"] = @"\p{P}\p{S}",
        ["xdigit"] = "0-9A-Fa-f",
    };

    /// <summary>Whether a text has anything in it that a shell would expand.</summary>
    public static bool IsPattern(string text) => text.IndexOfAny(['*', '?', '[', '{']) >= 0;

    /// <summary>Whether a path fits a pattern as a whole.</summary>
    public static bool Fits(string path, string pattern) => Alternatives(pattern).Any(alternative => ToRegex(alternative).IsMatch(path));

    /// <summary>The patterns without braces that a pattern stands for, in the shell's order.</summary>
    public static IEnumerable<string> Alternatives(string pattern)
    {
        for (int open = NextOf(pattern, '{', 0); open >= 0; open = NextOf(pattern, '{', open + 1))
            if (Braces(pattern, open) is var (close, items) && items.Count > 0)
                return items.SelectMany(item => Alternatives(pattern[..open] + item + pattern[(close + 1)..]));
        return [pattern];
    }

    /// <summary>A pattern without braces, for many paths.</summary>
    public static Regex ToRegex(string pattern)
    {
        const string VisibleFolders = @"(?:(?!\.)[^/]+/)*";
        var regex = new StringBuilder("^");
        for (int i = 0; i < pattern.Length;)
        {
            bool isStart = i == 0 || pattern[i - 1] == '/';
            var visible = isStart ? @"(?!\.)" : "";
            var rest = pattern.AsSpan(i);
            if (isStart && rest.StartsWith("**/"))
                (_, i) = (regex.Append(VisibleFolders), i + 3);
            else if (rest.StartsWith("**"))
                (_, i) = (regex.Append(isStart ? $@"{VisibleFolders}(?!\.)[^/]*" : ".*"), i + 2);
            else if (rest[0] == '*')
                (_, i) = (regex.Append(visible).Append("[^/]*"), i + 1);
            else if (rest[0] == '?')
                (_, i) = (regex.Append(visible).Append("[^/]"), i + 1);
            else if (rest[0] == '[' && ClassEnd(pattern, i) is { } end)
                (_, i) = (regex.Append(visible).Append("(?!/)").Append(Class(pattern[(i + 1)..end])), end + 1);
            else
            {
                i += rest is ['\\', _, ..] ? 1 : 0;
                regex.Append(Regex.Escape(pattern[i].ToString()));
                i++;
            }
        }
        return new Regex(regex.Append("\\z").ToString(), RegexOptions.Singleline | RegexOptions.CultureInvariant);
    }

    /// <summary>Where a character stands next without a backslash before it; −1 where it does not.</summary>
    private static int NextOf(string text, char wanted, int from)
    {
        for (int i = from; i < text.Length; i++)
            if (text[i] == '\\')
                i++;
            else if (text[i] == wanted)
                return i;
        return -1;
    }

    /// <summary>
    /// Where a pair of braces closes, and what it lists; nothing where it is not closed, or lists nothing: then it stands for itself.
    /// </summary>
    private static (int Close, IReadOnlyList<string> Items) Braces(string text, int open)
    {
        int depth = 0, begin = open + 1;
        var items = new List<string>();
        for (int i = open; i < text.Length; i++)
        {
            char c = text[i];
            if (c == '\\')
            {
                i++;
                continue;
            }
            depth += c == '{' ? 1 : c == '}' ? -1 : 0;
            if ((depth == 1 && c == ',') || depth == 0)
            {
                items.Add(text[begin..i]);
                begin = i + 1;
            }
            if (depth == 0)
                return (i, items.Count > 1 ? items : Sequence(items[0]));
        }
        return (-1, []);
    }

    /// <summary><c>1..9</c>, <c>01..12</c> or <c>a..e</c>.</summary>
    private static IReadOnlyList<string> Sequence(string text)
    {
        if (text.Split("..") is not [var first, var last])
            return [];
        if (
            int.TryParse(first, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int from)
            && int.TryParse(last, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int to)
        )
        {
            bool isPadded = (first.Length > 1 && first[0] == '0') || (last.Length > 1 && last[0] == '0');
            var format = isPadded ? $"D{Math.Max(first.Length, last.Length)}" : "D";
            return [.. Steps(from, to).Select(number => number.ToString(format, CultureInfo.InvariantCulture))];
        }
        return first is [var low] && last is [var high] ? [.. Steps(low, high).Select(c => ((char)c).ToString())] : [];

        static IEnumerable<int> Steps(int from, int to) =>
            from <= to ? Enumerable.Range(from, to - from + 1) : Enumerable.Range(to, from - to + 1).Reverse();
    }

    /// <summary>Where a bracket closes; null where it stands for itself.</summary>
    private static int? ClassEnd(string pattern, int open)
    {
        int i = open + 1;
        i += i < pattern.Length && pattern[i] is '!' or '^' ? 1 : 0;
        // A closing bracket right after the opening one is a member.
        for (i += i < pattern.Length && pattern[i] == ']' ? 1 : 0; i < pattern.Length && pattern[i] != '/'; i++)
            if (pattern[i] == ']')
                return i;
            else if (pattern.AsSpan(i).StartsWith("[:") && pattern.IndexOf(":]", i + 2, StringComparison.Ordinal) is > 0 and var end)
                i = end + 1;
        return null;
    }

    private static string Class(string content)
    {
        bool isNegated = content[0] is '!' or '^';
        var members = new StringBuilder();
        for (int i = isNegated ? 1 : 0; i < content.Length; i++)
        {
            if (
                content.AsSpan(i).StartsWith("[:")
                && content.IndexOf(":]", i, StringComparison.Ordinal) is > 0 and var end
                && NamedClasses.TryGetValue(content[(i + 2)..end], out var named)
            )
            {
                members.Append(named);
                i = end + 1;
                continue;
            }
            i += content[i] == '\\' && i + 1 < content.Length ? 1 : 0;
            char from = content[i], to = from;
            if (i + 2 < content.Length && content[i + 1] == '-')
            {
                to = content[i + 2];
                i += 2;
            }
            // A range that runs backwards has no members.
            if (from <= to)
                members.Append($"\\u{(int)from:x4}-\\u{(int)to:x4}");
        }
        return members.Length == 0 ? (isNegated ? "[^/]" : "(?!)") : $"[{(isNegated ? "^" : "")}{members}]";
    }
}
