using System.Text.Json;
using Electra.Data.Readers;
using Electra.Data.Tagging;
using Electra.Storage;

namespace Electra.Data.Answering;

/// <summary>What is asked of a file of questions.</summary>
/// <param name="HasAnswers">Whether its questions have answers.</param>
/// <param name="Unanswerable">Whether a question may have none, because its text does not answer it.</param>
/// <param name="Misplaced">Told of each answer that is not at its place, which is then left without one; null: that is an error.</param>
internal sealed record QuestionForm(bool HasAnswers, bool Unanswerable, Action? Misplaced = null);

/// <summary>
/// Files of questions: SQuAD 1.1 and 2.0 (one JSON value), JSON lines, a question or a text with questions on each: the hub's flat form of
/// SQuAD, and MRQA's; and Parquet in the flat form. All but the last may be compressed.
/// </summary>
internal static class QuestionFiles
{
    /// <summary>The kinds of files that are read.</summary>
    public const string Extensions = ".json (SQuAD's form), .jsonl (a question a line, or MRQA's form) or .parquet (a question a row)";

    /// <summary>Whether a file can be read, by its extension.</summary>
    public static bool IsOne(string path) => TableFile.Extension(path) is ".json" or ".jsonl" or ".ndjson" or ".parquet";

    /// <summary>The questions of a file.</summary>
    /// <exception cref="UserErrorException">A question is not as it should be: the message names file and line, or question.</exception>
    public static IEnumerable<Question> Read(string path, QuestionForm form)
    {
        InputFile.Check(path);
        var info = new FileInfo(path);
        var file = new SourceFile(info.FullName, info.Name, info.Length, info.LastWriteTimeUtc);
        var seen = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (question, place) in Of(file, form))
        {
            if (!seen.TryAdd(question.Id, place))
                throw new UserErrorException(
                    $"{place}: the id {question.Id} is there already ({seen[question.Id]}): a question's prediction goes by its id"
                );
            yield return question;
        }
    }

    /// <summary>A line of text as a question: an object with <c>question</c> and <c>context</c>, or the two with a tab between.</summary>
    /// <exception cref="UserErrorException">It is neither.</exception>
    public static Question OfLine(string line, string place)
    {
        const string Advice = "a line is a question and its text with a tab between, or a JSON object with question and context";
        if (!line.TrimStart().StartsWith('{'))
            return line.Split('\t') is [var question, var context]
                ? Checked(new Question("", question, context), place)
                : throw new UserErrorException($"{place}: {Advice}");
        using var json = Parsed(line, place);
        if (json.RootElement.TryGetProperty("data", out _) || json.RootElement.TryGetProperty("qas", out _))
            throw new UserErrorException($"{place}: {Advice}. A file in SQuAD's or MRQA's form is predicted as the task's test file");
        return Flat(json.RootElement, new QuestionForm(false, true), place, "");
    }

    private static IEnumerable<(Question Question, string Place)> Of(SourceFile file, QuestionForm form) =>
        file.Format == SourceFormat.Parquet ? OfRows(file, form)
        : IsLines(file) ? OfLines(file, form)
        : OfWhole(file, form);

    /// <summary>Whether a file has a JSON object on each line: its first one is whole, and is not SQuAD's.</summary>
    private static bool IsLines(SourceFile file)
    {
        if (SourceStreams.Lines(file, new ReadPosition(_ => { })).FirstOrDefault(line => !string.IsNullOrWhiteSpace(line)) is not { } first)
            throw new UserErrorException($"{file.Shown} is empty: questions are expected, {Extensions}");
        if (SourceFile.ExtensionOf(file.Path) != ".json")
            return true;
        try
        {
            using var json = TolerantJson.Parse(first.TrimStart('\uFEFF'));
            return json.RootElement.ValueKind == JsonValueKind.Object && !json.RootElement.TryGetProperty("data", out _);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static IEnumerable<(Question, string Place)> OfWhole(SourceFile file, QuestionForm form)
    {
        var text = string.Join('\n', SourceStreams.Lines(file, new ReadPosition(_ => { }))).TrimStart('\uFEFF');
        JsonDocument json;
        try
        {
            json = TolerantJson.Parse(text);
        }
        catch (JsonException e)
        {
            throw new UserErrorException($"{file.Shown}:{e.LineNumber + 1}: {TolerantJson.Reason(e)} It is not valid JSON.", e);
        }
        using var _ = json;
        var root = json.RootElement;
        if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("data", out var data))
            root = data;
        int article = 0;
        const string Form = "SQuAD's form is {\"data\": [{\"paragraphs\": [{\"context\", \"qas\"}]}]}, and data";
        foreach (var one in GoldAnswers.List(root, $"{file.Shown}: {Form}"))
        {
            var place = $"{file.Shown}: data[{article++}]";
            // A list of questions is flat.
            if (one.ValueKind == JsonValueKind.Object && one.TryGetProperty("question", out var _))
            {
                yield return (Flat(one, form, place, $"{article}"), place);
                continue;
            }
            int paragraph = 0;
            foreach (var part in GoldAnswers.List(GoldAnswers.Field(one, "paragraphs"), $"{place}.paragraphs"))
                foreach (var question in OfParagraph(part, form, $"{place}.paragraphs[{paragraph++}]"))
                    yield return question;
        }
    }

    private static IEnumerable<(Question, string Place)> OfLines(SourceFile file, QuestionForm form)
    {
        int number = 0;
        foreach (var line in SourceStreams.Lines(file, new ReadPosition(_ => { })))
        {
            var place = $"{file.Shown}:{++number}";
            if (string.IsNullOrWhiteSpace(line))
                continue;
            using var json = Parsed(number == 1 ? line.TrimStart('\uFEFF') : line, place);
            if (number == 1 && json.RootElement.TryGetProperty("header", out _))
                continue;
            if (json.RootElement.TryGetProperty("qas", out _))
                foreach (var question in OfParagraph(json.RootElement, form, place))
                    yield return question;
            else
                yield return (Flat(json.RootElement, form, place, $"{number}"), place);
        }
    }

    /// <summary>The rows of a Parquet file, each as the object that a line of JSON has.</summary>
    private static IEnumerable<(Question, string Place)> OfRows(SourceFile file, QuestionForm form)
    {
        string[] answers = form.HasAnswers ? ["answers.text", "answers.answer_start"] : [];
        var asked = new AskedFields(["question", "context", .. answers, "id"])
        {
            Lists = true,
            Optional = 1,
            Advice = "A row is a question as the hub has SQuAD: id, question, context, and answers with the lists text and answer_start",
        };
        foreach (var row in asked.Read(file, new ReadPosition(_ => { })))
        {
            var (place, values) = ($"{file.Shown}:{row.Number}", row.Values);
            var json = JsonSerializer.SerializeToElement(new
            {
                question = values[0],
                context = values[1],
                answers = form.HasAnswers ? new { text = List(values[2]), answer_start = List(values[3]) } : null,
                id = values[^1],
            });
            yield return (Flat(json, form, place, $"{row.Number}"), place);
        }

        static JsonElement List(string? json) => JsonSerializer.Deserialize<JsonElement>(json ?? "[]");
    }

    /// <summary>The questions about one text, as SQuAD or MRQA has them.</summary>
    private static IEnumerable<(Question, string Place)> OfParagraph(JsonElement paragraph, QuestionForm form, string place)
    {
        var context = Text(paragraph, "context", place);
        var places = new Lazy<int[]>(() => CodePoints.Starts(context));
        int number = 0;
        foreach (var one in GoldAnswers.List(GoldAnswers.Field(paragraph, "qas"), $"{place}: qas"))
        {
            var at = $"{place}.qas[{number++}]";
            var id = Id(GoldAnswers.Field(one, "qid") ?? GoldAnswers.Field(one, "id"))
                ?? throw new UserErrorException($"{at}: there is no id: predictions and scores go by it");
            at = $"{at} ({id})";
            var question = Checked(new Question(id, Text(one, "question", at), context), at);
            bool isMrqa = GoldAnswers.Field(one, "detected_answers") is not null;
            yield return (
                form.HasAnswers
                    ? question with
                    {
                        Answers = isMrqa
                            ? GoldAnswers.Detected(one, places, form, at)
                            : GoldAnswers.Of(one, context, places, form, at),
                    }
                    : question,
                at
            );
        }
    }

    /// <summary>A question with its text and answers in one object: the form in which the hub has SQuAD.</summary>
    private static Question Flat(JsonElement row, QuestionForm form, string place, string number)
    {
        var context = Text(row, "context", place);
        var question = Checked(new Question(Id(GoldAnswers.Field(row, "id")) ?? number, Text(row, "question", place), context), place);
        return form.HasAnswers
            ? question with { Answers = GoldAnswers.Of(row, context, new(() => CodePoints.Starts(context)), form, place) }
            : question;
    }

    /// <summary>A question that has words, and a text to search.</summary>
    /// <exception cref="UserErrorException">One of them is empty.</exception>
    public static Question Checked(Question question, string place) =>
        string.IsNullOrWhiteSpace(question.Text) ? throw new UserErrorException($"{place}: the question is empty")
        : string.IsNullOrWhiteSpace(question.Context)
            ? throw new UserErrorException($"{place}: the question has no text (context) that could answer it")
        : question;

    private static JsonDocument Parsed(string line, string place)
    {
        try
        {
            if (TolerantJson.Parse(line) is { RootElement.ValueKind: JsonValueKind.Object } json)
                return json;
        }
        catch (JsonException e)
        {
            throw new UserErrorException(
                $"{place}: the line is not valid JSON: {TolerantJson.Reason(e)} One value over many lines, as SQuAD has it, is named .json",
                e
            );
        }
        throw new UserErrorException($"{place}: a JSON object is expected on each line");
    }

    private static string? Id(JsonElement? id) => id switch
    {
        { ValueKind: JsonValueKind.String } text when text.GetString() is { Length: > 0 } name => name,
        { ValueKind: JsonValueKind.Number } number => number.GetRawText(),
        _ => null,
    };

    private static string Text(JsonElement element, string name, string place) =>
        GoldAnswers.Field(element, name) is { ValueKind: JsonValueKind.String } text
            ? text.GetString()!
            : throw new UserErrorException(
                $"{place}: there is no {name}{(name == "context" ? ", the text that answers the question" : "")}"
            );
}
