using System.Text;
using Electra.Data;
using Electra.Tokenization;

namespace Electra.Pretraining;

/// <summary>The beginnings of sequences as text, with marks: what a run shows of what it learned.</summary>
internal static class ShownText
{
    private const int Tokens = 28;

    /// <summary>Some sequences of a batch, those with something to see first.</summary>
    /// <param name="batch">Sequences.</param>
    /// <param name="vocabulary">Their tokens.</param>
    /// <param name="count">How many are shown.</param>
    /// <param name="marks">
    /// Of an index into <see cref="TokenBatch.Ids"/>: what is shown instead of the token, null for the token itself, and what follows it.
    /// </param>
    public static IReadOnlyList<string> Of(
        TokenBatch batch,
        Vocabulary vocabulary,
        int count,
        Func<int, (string? Instead, string After)> marks
    )
    {
        var rows = new List<(int Marked, string Text)>();
        for (int row = 0; row < batch.Size; row++)
        {
            int start = row * batch.Length;
            var places = Enumerable.Range(start, Math.Min(batch.Lengths[row], Tokens))
                .Select(place => (Id: (int)batch.Ids[place], Marks: marks(place)))
                .ToList();
            rows.Add((places.Count(place => place.Marks.Instead is not null), Sentence(vocabulary, places)));
        }
        return [.. rows.Where(row => row.Marked >= 2).Concat(rows.Where(row => row.Marked < 2)).Take(count).Select(row => row.Text)];
    }

    /// <summary>A token, and the one that was put in its place: <c>{was → now}</c>.</summary>
    public static string Change(Vocabulary vocabulary, long was, long now) => $"{{{vocabulary[(int)was]} → {vocabulary[(int)now]}}}";

    private static string Sentence(Vocabulary vocabulary, IEnumerable<(int Id, (string? Instead, string After) Marks)> places)
    {
        var text = new StringBuilder();
        foreach (var (id, (instead, after)) in places)
        {
            if (instead is null && vocabulary.IsSpecial(id) && id != vocabulary.UnkId)
                continue;
            var token = vocabulary[id];
            bool continues = vocabulary.Continues(id);
            if (text.Length > 0 && (instead is not null || !continues))
                text.Append(' ');
            text.Append(instead ?? (continues ? token[Vocabulary.Continuation.Length..] : token)).Append(after);
        }
        return text.Append(" …").ToString();
    }
}
