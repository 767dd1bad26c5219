using System.Text.Json;
using Electra.Data.Readers;
using Electra.Storage;

namespace Electra.Data.Tagging;

/// <summary>
/// Files of tagged words: columns with the word first and the tag last and a blank line between sentences (CoNLL), or JSON lines with a
/// list of tokens and one of tags, or with a text and spans of characters, as doccano and Label Studio write them; or Parquet with such
/// lists, as the hub has them. A tag may be a number that stands for one.
/// </summary>
internal static class TaggedFiles
{
    /// <summary>The kinds of files that are read.</summary>
    public const string Extensions =
        ".conll, .iob, .bio, .tsv or .txt (a word a line, with its tag), .jsonl (lists or spans) or .parquet (lists)";

    private static readonly string[] Texts = ["tokens", "words", "text", "data.text"];
    private static readonly string[] Labels = ["tags", "ner_tags", "entities", "spans", "label", "labels", "annotations"];

    /// <summary>Whether a file can be read, by its extension.</summary>
    public static bool IsOne(string path) =>
        HasFields(path) || TableFile.Extension(path) is ".conll" or ".iob" or ".bio" or ".tsv" or ".txt";

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="text">The field of the text or of the words, of JSON lines; null: the first that is there of the usual ones.</param>
    /// <param name="label">The same of the tags or spans.</param>
    /// <param name="hasLabels">Whether words have tags.</param>
    /// <param name="names">The tags that numbers stand for, from 0; none: those that a Parquet file of the hub names itself.</param>
    /// <exception cref="UserErrorException">A line is not as it should be: the message names file and line.</exception>
    public static IEnumerable<TaggedText> Read(
        string path,
        string? text,
        string? label,
        bool hasLabels,
        IReadOnlyList<string>? names = null
    )
    {
        InputFile.Check(path);
        names ??= [];
        var info = new FileInfo(path);
        var file = new SourceFile(info.FullName, info.Name, info.Length, info.LastWriteTimeUtc);
        if (file.Format == SourceFormat.Parquet)
            return Rows(file, text, label, hasLabels, names);
        var lines = SourceStreams.Lines(file, new ReadPosition(_ => { })).Select((line, i) => (Place: $"{file.Shown}:{i + 1}", Line: line));
        return HasFields(path)
            ? lines.Where(at => !string.IsNullOrWhiteSpace(at.Line)).Select(at => OfJson(at.Line, at.Place, text, label, hasLabels, names))
            : Columns(lines, hasLabels);
    }

    /// <summary>Whether a file has rows of fields, by its extension; else columns of words and tags.</summary>
    public static bool HasFields(string path) => TableFile.Extension(path) is ".jsonl" or ".ndjson" or ".json" or ".parquet";

    /// <summary>The rows of a Parquet file, each as the object that a line of JSON would be.</summary>
    private static IEnumerable<TaggedText> Rows(
        SourceFile file,
        string? text,
        string? label,
        bool hasLabels,
        IReadOnlyList<string> names
    )
    {
        var (hasLists, features) = ParquetColumns.Describe(file);
        text ??= Usual(Texts);
        label = hasLabels ? label ?? Usual(Labels) : null;
        if (names.Count == 0 && label is not null)
            names = ClassNames(features, label);
        string[] columns = label is null ? [text] : [text, label];
        foreach (var row in new AskedFields(columns) { Lists = true }.Read(file, new ReadPosition(_ => { })))
        {
            string Json(int column) => row.Values[column] is not { } value ? "null"
                : hasLists.GetValueOrDefault(columns[column]) ? value
                : JsonSerializer.Serialize(value);
            var line = $"{{\"words\": {Json(0)}, \"tags\": {(label is null ? "null" : Json(1))}}}";
            yield return OfJson(line, $"{file.Shown}:{row.Number}", "words", "tags", hasLabels, names);
        }

        string Usual(string[] usual) =>
            usual.FirstOrDefault(hasLists.ContainsKey)
            ?? throw new UserErrorException(
                $"{file.Shown}: there is no column {string.Join(" or ", usual)}. The columns are {string.Join(", ", hasLists.Keys)}"
            );
    }

    /// <summary>The names of a column's classes, as the hub's library writes them into a file; none where it does not.</summary>
    private static IReadOnlyList<string> ClassNames(string? features, string column)
    {
        try
        {
            using var json = JsonDocument.Parse(features ?? "{}");
            return Field(json.RootElement, $"info.features.{column}.feature.names", []) is { ValueKind: JsonValueKind.Array } names
                ? [.. names.EnumerateArray().Select(name => name.ToString())]
                : [];
        }
        catch (JsonException)
        {
            return []; // of another program
        }
    }

    private static IEnumerable<TaggedText> Columns(IEnumerable<(string Place, string Line)> lines, bool hasLabels)
    {
        var (words, tags, place, width) = (new List<string>(), new List<string>(), "", 0);
        foreach (var (at, line) in lines.Append(("", "")))
        {
            // Where tabs separate, a word may have spaces in it.
            var parts = line.Split(line.Contains('\t') ? '\t' : ' ').Select(part => part.Trim(' '));
            string[] columns = [.. parts.Where(part => part != "")];
            if (columns.Length == 0 && words.Count > 0)
            {
                yield return TaggedText.OfWords([.. words], place) with { Tags = hasLabels ? [.. tags] : null };
                words.Clear();
                tags.Clear();
            }
            if (columns.Length == 0 || columns[0] == "-DOCSTART-")
                continue;
            if (hasLabels && columns.Length < 2)
                throw new UserErrorException($"{at}: a word and its tag are expected, and the line has one column: {columns[0]}");
            width = width == 0 ? columns.Length : width;
            if (!hasLabels && columns.Length != width)
                throw new UserErrorException(
                    $"{at}: the line has {Plural.Of(columns.Length, "column")}, and those before it {width}: a word a line is "
                        + "expected, the first of its columns. Lines of text are predicted by predict.input, or as the field text of a "
                        + ".jsonl"
                );
            place = words.Count == 0 ? at : place;
            words.Add(columns[0]);
            tags.Add(columns[^1]);
        }
    }

    private static TaggedText OfJson(
        string line,
        string place,
        string? text,
        string? label,
        bool hasLabels,
        IReadOnlyList<string> names
    )
    {
        using var json = Parsed(line, place);
        if (Field(json.RootElement, text, Texts) is not { } content)
            throw new UserErrorException($"{place}: there is no field {text ?? string.Join(" or ", Texts)}");
        bool isWords = content.ValueKind == JsonValueKind.Array && content.EnumerateArray().All(IsText);
        if (!isWords && content.ValueKind != JsonValueKind.String)
            throw new UserErrorException($"{place}: a text or a list of words is expected, and not {content.GetRawText()}");
        var read = isWords ? TaggedText.OfWords([.. content.EnumerateArray().Select(word => word.GetString()!)], place)
            : TaggedText.OfText(content.GetString()!, place);
        if (!hasLabels)
            return read;
        if (Field(json.RootElement, label, Labels) is not { ValueKind: JsonValueKind.Array } said)
            throw new UserErrorException($"{place}: there is no list {label ?? string.Join(" or ", Labels)} of tags or spans");
        if (!isWords)
            return read.WithSpans(said.EnumerateArray().SelectMany(span => Spans(span, place)));
        bool areTags = said.EnumerateArray().All(tag => IsText(tag) || tag.ValueKind == JsonValueKind.Number);
        if (!areTags || said.GetArrayLength() != read.Words.Count)
            throw new UserErrorException(
                $"{place}: a tag is expected for each of {read.Words.Count} words, and there are {said.GetArrayLength()}"
                    + (areTags ? "" : ", not all of them texts or numbers")
            );
        return read with { Tags = [.. said.EnumerateArray().Select(tag => Tag(tag, place, names))] };

        static bool IsText(JsonElement element) => element.ValueKind == JsonValueKind.String;
    }

    private static string Tag(JsonElement tag, string place, IReadOnlyList<string> names)
    {
        if (tag.ValueKind == JsonValueKind.String)
            return tag.GetString()!;
        if (names.Count == 0)
            throw new UserErrorException(
                $"{place}: a tag is the number {tag.GetRawText()}, and nothing says which tag that is: give the tags in the order of "
                    + "their numbers, tags: [O, B-person, I-person]"
            );
        return tag.TryGetInt32(out int number) && number >= 0 && number < names.Count
            ? names[number]
            : throw new UserErrorException(
                $"{place}: a tag is the number {tag.GetRawText()}, and there are {names.Count} tags, from 0: {string.Join(", ", names)}"
            );
    }

    private static JsonDocument Parsed(string line, string place)
    {
        try
        {
            if (TolerantJson.Parse(line) is { RootElement.ValueKind: JsonValueKind.Object } json)
                return json;
        }
        catch (JsonException e)
        {
            throw new UserErrorException($"{place}: the line is not valid JSON: {TolerantJson.Reason(e)}", e);
        }
        throw new UserErrorException($"{place}: a JSON object is expected on each line");
    }

    private static JsonElement? Field(JsonElement root, string? name, string[] usual)
    {
        foreach (var one in name is null ? usual : [name])
        {
            JsonElement? at = root;
            foreach (var part in one.Split('.'))
                at = at is { ValueKind: JsonValueKind.Object } within && within.TryGetProperty(part, out var inner) ? inner : null;
            if (at is { } found)
                return found;
        }
        return null;
    }

    /// <summary>
    /// A span as <c>[start, end, label]</c>, as an object with <c>start</c>, <c>end</c> and <c>label</c> or their longer names, or the
    /// spans of an annotation of Label Studio.
    /// </summary>
    private static IEnumerable<(int Start, int End, string Label)> Spans(JsonElement span, string place)
    {
        if (span.ValueKind == JsonValueKind.Object && span.TryGetProperty("result", out var results))
            return results.EnumerateArray().SelectMany(result => Spans(result, place));
        if (span.ValueKind == JsonValueKind.Object && span.TryGetProperty("value", out var value))
            return Spans(value, place);
        var (start, end, label) = span.ValueKind switch
        {
            JsonValueKind.Array when span.GetArrayLength() == 3 => (span[0], span[1], span[2]),
            JsonValueKind.Object => (
                Field(span, null, ["start", "start_offset"]),
                Field(span, null, ["end", "end_offset"]),
                Field(span, null, ["label", "labels"])
            ),
            _ => ((JsonElement?)null, null, null),
        };
        if (label is { ValueKind: JsonValueKind.Array } list && list.GetArrayLength() == 1)
            label = list[0];
        return start is { ValueKind: JsonValueKind.Number }
            && end is { ValueKind: JsonValueKind.Number }
            && start.Value.TryGetInt32(out int from)
            && end.Value.TryGetInt32(out int to)
            && label is { ValueKind: JsonValueKind.String } name
            ? [(from, to, name.GetString()!)]
            : throw new UserErrorException(
                $"{place}: a span is [start, end, label], or has start, end and label, and this is {span.GetRawText()}"
            );
    }
}
