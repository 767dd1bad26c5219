namespace Electra.Running;

/// <summary>A word, literal, operator or preprocessor line of a script. A literal of several lines is a token for each.</summary>
/// <param name="Text">Its text; a preprocessor line without superfluous spaces.</param>
/// <param name="Line">Its line, from 1.</param>
internal readonly record struct ScriptToken(string Text, int Line);

/// <summary>
/// Splits a C# script into tokens, so that comments and white space between them do not count. It knows no grammar: what matters is
/// where strings, interpolations and comments begin and end. The compiler, which knows the rest, is not loaded when a script is kept.
/// </summary>
internal sealed class ScriptLexer
{
    // Longest first. `>>` is left out: in generics it is two.
    private static readonly string[] Operators =
    [
        "<<=",
        "??=",
        "...",
        "++",
        "--",
        "&&",
        "||",
        "==",
        "!=",
        "<=",
        ">=",
        "+=",
        "-=",
        "*=",
        "/=",
        "%=",
        "&=",
        "|=",
        "^=",
        "<<",
        "=>",
        "->",
        "::",
        "??",
        "?.",
        "..",
    ];

    private readonly string text;
    private readonly List<ScriptToken> tokens = [];
    private int at, line = 1, lineStart;

    private ScriptLexer(string text) => this.text = text;

    /// <summary>The tokens of a text whose lines end in <c>\n</c>.</summary>
    public static IReadOnlyList<ScriptToken> Read(string text)
    {
        var lexer = new ScriptLexer(text);
        lexer.Code(holeBraces: 0);
        return lexer.tokens;
    }

    private char Here => At(0);

    private char At(int ahead) => at + ahead < text.Length ? text[at + ahead] : '\0';

    /// <summary>Code: to the end of the text, or up to the braces that close an interpolation's hole.</summary>
    private void Code(int holeBraces)
    {
        for (int depth = 0; at < text.Length;)
        {
            char c = Here;
            if (holeBraces > 0 && depth == 0)
            {
                if (c == '}')
                    return;
                // A format: its text is not code.
                if (c == ':' && At(1) != ':')
                {
                    SkipTo('}');
                    return;
                }
            }
            if (char.IsWhiteSpace(c))
                Skip(1);
            else if (c == '#' && text.AsSpan(lineStart, at - lineStart).IsWhiteSpace())
                Directive();
            else if (c == '/' && At(1) == '/')
                SkipTo('\n');
            else if (c == '/' && At(1) == '*')
                SkipPast("*/");
            else if (StringPrefix() is >= 0 and var prefix)
                Emit(() => String(prefix));
            else if (c == '\'')
                Emit(Character);
            else
            {
                depth += c is '(' or '[' or '{' ? 1 : c is ')' or ']' or '}' ? -1 : 0;
                Emit(WordOrOperator);
            }
        }
    }

    private void WordOrOperator()
    {
        if (IsWord(Here))
            while (IsWord(Here))
                Skip(1);
        else
            Skip(Operators.FirstOrDefault(known => string.CompareOrdinal(text, at, known, 0, known.Length) == 0)?.Length ?? 1);

        static bool IsWord(char c) => char.IsLetterOrDigit(c) || c is '_' or '@';
    }

    private void Character()
    {
        Skip(1);
        while (Here is not ('\'' or '\n' or '\0'))
            Skip(Here == '\\' ? 2 : 1);
        Skip(1);
    }

    /// <summary>The length of the <c>$</c> and <c>@</c> before the quotes of a string that begins here; −1 where none does.</summary>
    private int StringPrefix()
    {
        int length = 0;
        while (At(length) is '$' or '@')
            length++;
        return At(length) == '"' ? length : -1;
    }

    private void String(int prefix)
    {
        var marks = text.AsSpan(at, prefix);
        int dollars = marks.Count('$');
        bool isVerbatim = marks.Contains('@');
        Skip(prefix);
        int quotes = Run('"');
        if (!isVerbatim && quotes == 2)
            Skip(2);
        else if (!isVerbatim && quotes > 2)
            Raw(quotes, dollars);
        else
            Quoted(isVerbatim, dollars > 0);
    }

    private void Quoted(bool isVerbatim, bool hasHoles)
    {
        Skip(1);
        while (Here != '\0' && (isVerbatim || Here != '\n'))
        {
            if (Here == '"' && !(isVerbatim && At(1) == '"'))
            {
                Skip(1);
                return;
            }
            if (hasHoles && Here == '{' && At(1) != '{')
                Hole(1);
            else
                Skip(Here == '\\' && !isVerbatim || Here == '"' || hasHoles && Here == '{' ? 2 : 1);
        }
    }

    private void Raw(int quotes, int dollars)
    {
        Skip(quotes);
        while (Here != '\0')
        {
            // More quotes than it takes belong to the text before.
            if (Here == '"' && Run('"') is var found)
            {
                Skip(found);
                if (found >= quotes)
                    return;
            }
            else if (dollars > 0 && Here == '{' && Run('{') is var braces)
            {
                Skip(Math.Max(0, braces - dollars));
                if (braces >= dollars)
                    Hole(dollars);
                else
                    Skip(braces);
            }
            else
                Skip(1);
        }
    }

    private void Hole(int braces)
    {
        Skip(braces);
        Code(braces);
        Skip(braces);
    }

    /// <summary>A line for the preprocessor, without its comment and with single spaces outside quotes.</summary>
    private void Directive()
    {
        int start = at, startLine = line;
        SkipTo('\n');
        if (text[start..at].StartsWith("#!", StringComparison.Ordinal))
            return;
        var words = new List<string> { "" };
        bool isQuoted = false;
        for (int i = start; i < at && (isQuoted || !(text[i] == '/' && i + 1 < at && text[i + 1] == '/')); i++)
        {
            isQuoted ^= text[i] == '"';
            if (isQuoted || !char.IsWhiteSpace(text[i]))
                words[^1] += text[i];
            else if (words[^1] is not ("" or "#"))
                words.Add("");
        }
        tokens.Add(new ScriptToken(string.Join(' ', words.Where(word => word != "")), startLine));
    }

    private void Emit(Action read)
    {
        int start = at, startLine = line, count = tokens.Count;
        read();
        // What stands in an interpolation's holes is part of the literal.
        tokens.RemoveRange(count, tokens.Count - count);
        tokens.AddRange(text[start..at].Split('\n').Select((part, i) => new ScriptToken(part, startLine + i)));
    }

    private int Run(char c)
    {
        int length = 0;
        while (At(length) == c)
            length++;
        return length;
    }

    private void SkipTo(char end)
    {
        while (Here != end && Here != '\0')
            Skip(1);
    }

    private void SkipPast(string end)
    {
        int found = text.IndexOf(end, at + 2, StringComparison.Ordinal);
        Skip((found < 0 ? text.Length : found + end.Length) - at);
    }

    private void Skip(int count)
    {
        for (int stop = Math.Min(at + count, text.Length); at < stop; at++)
            if (text[at] == '\n')
                (line, lineStart) = (line + 1, at + 1);
    }
}
