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
/// Files of questions: SQuAD 1.1 and 2.0 (one JSON value), and JSON lines, a question or a text with questions on each: the hub's flat form
/// of SQuAD, and MRQA's. All may be compressed.
/// </summary>
internal static class QuestionFiles
{
    /// <summary>The kinds of files that are read.</summary>
    public const string Extensions = ".json (SQuAD's form) or .jsonl (a question a line, or MRQA's form)";

    /// <summary>Whether a file can be read, by its extension.</summary>
    public static bool IsOne(string path) => TableFile.Extension(path) is ".json" or ".jsonl" or ".ndjson";

    /// <summary>The questions of a file.</summary>
    /// <exception cref="UserErrorException">A question is not as it should be: the message names file and line, or question.</exception>
    public static IEnumerable<Question> Read(string path, QuestionForm form)
    {
        InputFile.Check(path);
        var info = new FileInfo(path);
        var file = new SourceFile(info.FullName, info.Name, info.Length, info.LastWriteTimeUtc);
        var seen = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (question, place) in IsLines(file) ? OfLines(file, form) : OfWhole(file, form))
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
        foreach (var one in List(root, $"{file.Shown}: {Form}"))
        {
            var place = $"{file.Shown}: data[{article++}]";
            // A list of questions is flat.
            if (one.ValueKind == JsonValueKind.Object && one.TryGetProperty("question", out var _))
            {
                yield return (Flat(one, form, place, $"{article}"), place);
                continue;
            }
            int paragraph = 0;
            foreach (var part in List(Field(one, "paragraphs"), $"{place}.paragraphs"))
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

    /// <summary>The questions about one text, as SQuAD or MRQA has them.</summary>
    private static IEnumerable<(Question, string Place)> OfParagraph(JsonElement paragraph, QuestionForm form, string place)
    {
        var context = Text(paragraph, "context", place);
        var places = new Lazy<int[]>(() => CodePoints.Starts(context));
        int number = 0;
        foreach (var one in List(Field(paragraph, "qas"), $"{place}: qas"))
        {
            var at = $"{place}.qas[{number++}]";
            var id = Id(Field(one, "qid") ?? Field(one, "id"))
                ?? throw new UserErrorException($"{at}: there is no id: predictions and scores go by it");
            at = $"{at} ({id})";
            var question = Checked(new Question(id, Text(one, "question", at), context), at);
            bool isMrqa = Field(one, "detected_answers") is not null;
            yield return (
                form.HasAnswers
                    ? question with { Answers = isMrqa ? Detected(one, places, form, at) : Answers(one, context, places, form, at) }
                    : question,
                at
            );
        }
    }

    /// <summary>A question with its text and answers in one object: the form in which the hub has SQuAD.</summary>
    private static Question Flat(JsonElement row, QuestionForm form, string place, string number)
    {
        var context = Text(row, "context", place);
        var question = Checked(new Question(Id(Field(row, "id")) ?? number, Text(row, "question", place), context), place);
        return form.HasAnswers
            ? question with { Answers = Answers(row, context, new(() => CodePoints.Starts(context)), form, place) }
            : question;
    }

    private static Question Checked(Question question, string place) =>
        string.IsNullOrWhiteSpace(question.Text) ? throw new UserErrorException($"{place}: the question is empty")
        : string.IsNullOrWhiteSpace(question.Context)
            ? throw new UserErrorException($"{place}: the question has no text (context) that could answer it")
        : question;

    /// <summary>
    /// The answers of a question: a list of objects with <c>text</c> and <c>answer_start</c>, or an object with a list of each.
    /// </summary>
    private static IReadOnlyList<GoldAnswer> Answers(
        JsonElement row,
        string context,
        Lazy<int[]> places,
        QuestionForm form,
        string place
    )
    {
        var answers = Field(row, "answers") switch
        {
            { ValueKind: JsonValueKind.Array } list => list.EnumerateArray()
                .Select(one => (Field(one, "text"), Field(one, "answer_start"))),
            { ValueKind: JsonValueKind.Object } lists => List(Field(lists, "text"), $"{place}: answers.text")
                .Zip(
                    List(Field(lists, "answer_start"), $"{place}: answers.answer_start"),
                    (text, start) => ((JsonElement?)text, (JsonElement?)start)
                ),
            null when IsImpossible(row) => [],
            _ => throw new UserErrorException(
                $"{place}: answers is missing: a list of objects with text and answer_start, empty where there is no answer"
            ),
        };
        var found = answers.Select((answer, i) => Placed(answer, context, places, form, $"{place}: answers[{i}]")).ToList();
        if (found.Count > 0 && IsImpossible(row))
            throw new UserErrorException($"{place}: the question is_impossible, and has answers: one of the two is wrong");
        return found.Count > 0 || form.Unanswerable ? found : throw NoAnswer(place);
    }

    private static UserErrorException NoAnswer(string place) => new(
        $"{place}: the question has no answer. Where questions may have none, as in SQuAD 2.0, say so: answers: {{unanswerable: true}}");

    private static bool IsImpossible(JsonElement row) => Field(row, "is_impossible") is { ValueKind: JsonValueKind.True };

    /// <summary>An answer with its place: offsets count code points.</summary>
    private static GoldAnswer Placed(
        (JsonElement? Text, JsonElement? Start) answer,
        string context,
        Lazy<int[]> places,
        QuestionForm form,
        string place
    )
    {
        if (answer.Text is not { ValueKind: JsonValueKind.String } said || said.GetString() is not { Length: > 0 } text)
            throw new UserErrorException($"{place}: text is missing: the answer as it stands in the context");
        if (answer.Start is not { ValueKind: JsonValueKind.Number } offset || !offset.TryGetInt32(out int start))
            throw new UserErrorException(
                $"{place}: answer_start is missing: the number of the answer's first character in the context, from 0, in code points"
            );
        bool isWithin = start >= 0 && start < places.Value.Length - 1;
        if (isWithin && string.CompareOrdinal(context, places.Value[start], text, 0, text.Length) == 0)
            return new GoldAnswer(text, places.Value[start], places.Value[start] + text.Length);
        if (form.Misplaced is { } leave)
        {
            leave();
            return new GoldAnswer(text);
        }
        int right = context.IndexOf(text, StringComparison.Ordinal);
        var there = !isWithin ? "" : context[places.Value[start]..Math.Min(context.Length, places.Value[start] + text.Length)];
        throw new UserErrorException(
            (
                isWithin
                    ? $"{place}: \"{text}\" is not at {start}, where the context has \"{there}\""
                    : $"{place}: answer_start is {start}, and the context has {places.Value.Length - 1} characters"
            )
                + (right >= 0 ? $"; it is at {Array.BinarySearch(places.Value, right)}" : "; the context does not have this text")
                + ". Offsets count code points from 0. To leave such questions out of training: answers: {drop_misplaced: true}"
        );
    }

    /// <summary>
    /// The answers of a question of MRQA: all texts, and the place of the first one that was found in the context, whose end is its last
    /// character.
    /// </summary>
    private static IReadOnlyList<GoldAnswer> Detected(JsonElement row, Lazy<int[]> places, QuestionForm form, string place)
    {
        int last = places.Value.Length - 2;
        var found = List(Field(row, "detected_answers"), $"{place}: detected_answers")
            .SelectMany(answer =>
                List(Field(answer, "char_spans"), $"{place}: char_spans").Take(1).Select(span => (Field(answer, "text"), span))
            )
            .Take(1)
            .Select(one =>
                one.span.ValueKind == JsonValueKind.Array && one.span.GetArrayLength() == 2
                && one.span[0].TryGetInt32(out int from) && one.span[1].TryGetInt32(out int to) && from >= 0 && from <= to && to <= last
                    ? new GoldAnswer(one.Item1?.GetString() ?? "", places.Value[from], places.Value[to + 1])
                    : throw new UserErrorException(
                        $"{place}: char_spans has {one.span.GetRawText()}, and the context has {last + 1} characters: the first and the "
                            + "last character of the answer are expected, from 0, in code points"
                    )
            )
            .ToList();
        var texts = Field(row, "answers") is { ValueKind: JsonValueKind.Array } answers
            ? answers.EnumerateArray().Select(text => text.GetString() ?? "").ToList()
            : found.ConvertAll(answer => answer.Text);
        if (texts.Count == 0 && !form.Unanswerable)
            throw NoAnswer(place);
        // What is learned is the first that was found; what is scored are the texts.
        return [.. found, .. texts.Where(text => found.Count == 0 || text != found[0].Text).Select(text => new GoldAnswer(text))];
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
            throw new UserErrorException(
                $"{place}: the line is not valid JSON: {TolerantJson.Reason(e)} One value over many lines, as SQuAD has it, is named .json",
                e
            );
        }
        throw new UserErrorException($"{place}: a JSON object is expected on each line");
    }

    private static JsonElement? Field(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null
            ? value
            : null;

    private static string? Id(JsonElement? id) => id switch
    {
        { ValueKind: JsonValueKind.String } text when text.GetString() is { Length: > 0 } name => name,
        { ValueKind: JsonValueKind.Number } number => number.GetRawText(),
        _ => null,
    };

    private static string Text(JsonElement element, string name, string place) =>
        Field(element, name) is { ValueKind: JsonValueKind.String } text
            ? text.GetString()!
            : throw new UserErrorException(
                $"{place}: there is no {name}{(name == "context" ? ", the text that answers the question" : "")}"
            );

    private static JsonElement.ArrayEnumerator List(JsonElement? element, string place) =>
        element is { ValueKind: JsonValueKind.Array } list
            ? list.EnumerateArray()
            : throw new UserErrorException($"{place} is not a list");
}
