using System.Globalization;
using CsvHelper;
using CsvHelper.Configuration;

namespace Electra.Data.Readers;

/// <summary>
/// Rows of fields as spreadsheets write them (RFC 4180), quoted where they hold a separator, a quotation mark or a line break. The
/// separator is told from the first line: a comma, a semicolon, a tab or a bar; or from Excel's own line before it, <c>sep=;</c>.
/// </summary>
internal static class DelimitedText
{
    private const string Separators = ",;\t|";

    /// <summary>The rows that are not blank, each with the number of the line that it begins in.</summary>
    /// <param name="lines">The lines of the text.</param>
    /// <param name="name">What names the text in a message.</param>
    /// <param name="wanted">Columns that the first line should name: they tell the separator where several would do.</param>
    /// <param name="hasComments">Whether lines that begin with # are passed over.</param>
    /// <exception cref="UserErrorException">A field is not quoted as it should be.</exception>
    public static IEnumerable<(int Line, string[] Fields)> Read(
        IEnumerable<string> lines,
        string name,
        IReadOnlyList<string> wanted,
        bool hasComments = false
    )
    {
        using var text = new Lines(lines.GetEnumerator(), wanted, hasComments);
        var configuration = new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            Delimiter = text.Separator.ToString(),
            AllowComments = hasComments,
            // A space before a quotation mark is as usual as wrong.
            TrimOptions = TrimOptions.Trim,
            BadDataFound = bad =>
                throw new UserErrorException(
                    $"{name}:{FirstLine(bad.Context.Parser!)}: a quotation mark is not closed, not doubled (\"\"), or inside a field that "
                        + "does not begin with one"
                ),
        };
        using var parser = new CsvParser(text, configuration);
        while (parser.Read())
            yield return (FirstLine(parser), parser.Record!);

        // The parser counts the end of the text as a line where a quotation mark is still open.
        int FirstLine(IParser parser) => Math.Min(parser.RawRow, text.Count) - parser.RawRecord.Trim('\n').AsSpan().Count('\n');
    }

    /// <summary>A field as text for a file, quoted where it must be.</summary>
    public static string Quoted(string field) => field.AsSpan().IndexOfAny(",\"\n\r") < 0 ? field : $"\"{field.Replace("\"", "\"\"")}\"";

    /// <summary>
    /// The separator with which the first line names all columns that are wanted; where none does, the one that is there most often.
    /// </summary>
    private static char SeparatorOf(string line, IReadOnlyList<string> wanted)
    {
        var split = Separators.ToDictionary(separator => separator, separator => Split(line, separator));
        return Separators.FirstOrDefault(
            separator => wanted.Count > 0 && wanted.All(column => split[separator].Contains(column, StringComparer.OrdinalIgnoreCase)),
            Separators.MaxBy(separator => split[separator].Count)
        );
    }

    private static List<string> Split(string line, char separator)
    {
        var fields = new List<string>();
        bool isQuoted = false;
        int start = 0;
        for (int i = 0; i <= line.Length; i++)
            if (i == line.Length || (line[i] == separator && !isQuoted))
            {
                fields.Add(line[start..i].Trim().Trim('"'));
                start = i + 1;
            }
            else if (line[i] == '"')
                isQuoted = !isQuoted;
        return fields;
    }

    /// <summary>Lines as one text again, for a parser that reads across them.</summary>
    private sealed class Lines : TextReader
    {
        private readonly IEnumerator<string> rest;
        private string current = "";
        private int position;

        public Lines(IEnumerator<string> rest, IReadOnlyList<string> wanted, bool hasComments)
        {
            this.rest = rest;
            while (rest.MoveNext())
            {
                Count++;
                var line = rest.Current;
                current += line + "\n";
                if (string.IsNullOrWhiteSpace(line) || (hasComments && line.StartsWith('#')))
                    continue;
                if (line.Trim('"') is ['s', 'e', 'p', '=', var given] && Separator == default)
                {
                    // A blank line in its place keeps the numbers of the others.
                    (Separator, current) = (given, current[..^(line.Length + 1)] + "\n");
                    continue;
                }
                if (Separator == default)
                    Separator = SeparatorOf(line, wanted);
                break;
            }
            if (Separator == default)
                Separator = Separators[0];
        }

        public char Separator { get; }

        /// <summary>Lines read so far.</summary>
        public int Count { get; private set; }

        public override int Peek() => Fill() ? current[position] : -1;

        public override int Read() => Fill() ? current[position++] : -1;

        public override int Read(char[] buffer, int index, int count)
        {
            if (count == 0 || !Fill())
                return 0;
            int n = Math.Min(count, current.Length - position);
            current.CopyTo(position, buffer, index, n);
            position += n;
            return n;
        }

        protected override void Dispose(bool disposing)
        {
            rest.Dispose();
            base.Dispose(disposing);
        }

        private bool Fill()
        {
            if (position < current.Length)
                return true;
            if (!rest.MoveNext())
                return false;
            Count++;
            (current, position) = (rest.Current + "\n", 0);
            return true;
        }
    }
}
