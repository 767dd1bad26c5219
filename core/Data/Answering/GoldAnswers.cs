using System.Text.Json;

namespace Electra.Data.Answering;

/// <summary>The right answers of a question, as its file has them.</summary>
internal static class GoldAnswers
{
    /// <summary>
    /// The answers of a question: a list of objects with <c>text</c> and <c>answer_start</c>, or an object with a list of each.
    /// </summary>
    public static IReadOnlyList<GoldAnswer> Of(
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
            { ValueKind: JsonValueKind.Object } lists => Pairs(
                List(Field(lists, "text"), $"{place}: answers.text"),
                List(Field(lists, "answer_start"), $"{place}: answers.answer_start"),
                place
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

    private static IEnumerable<(JsonElement?, JsonElement?)> Pairs(
        JsonElement.ArrayEnumerator texts,
        JsonElement.ArrayEnumerator starts,
        string place
    ) =>
        texts.Count() == starts.Count()
            ? texts.Zip(starts, (text, start) => ((JsonElement?)text, (JsonElement?)start))
            : throw new UserErrorException(
                $"{place}: answers has {Plural.Of(texts.Count(), "text")} and {starts.Count()} answer_start: each text has its place"
            );

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
    public static IReadOnlyList<GoldAnswer> Detected(JsonElement row, Lazy<int[]> places, QuestionForm form, string place)
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

    /// <summary>A field of an object; null where it is not there, or null.</summary>
    public static JsonElement? Field(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null
            ? value
            : null;

    /// <summary>The elements of a list.</summary>
    /// <param name="element">The list.</param>
    /// <param name="place">Where it stands, and its name.</param>
    /// <exception cref="UserErrorException">It is another value, or missing.</exception>
    public static JsonElement.ArrayEnumerator List(JsonElement? element, string place) =>
        element is { ValueKind: JsonValueKind.Array } list
            ? list.EnumerateArray()
            : throw new UserErrorException($"{place} is not a list");
}
