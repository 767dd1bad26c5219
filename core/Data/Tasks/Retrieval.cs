using static TorchSharp.torch;

namespace Electra.Data.Tasks;

/// <summary>A text that was found.</summary>
internal readonly record struct FoundText(string Text, bool IsRelevant, double Score);

/// <summary>What was found for a query.</summary>
/// <param name="Text">The query.</param>
/// <param name="Found">The nearest texts, the nearest first; of equals the first.</param>
/// <param name="Relevant">How many texts are right.</param>
internal sealed record FoundTexts(string Text, IReadOnlyList<FoundText> Found, int Relevant);

/// <summary>Finds the partners of texts among all texts of a split, by the cosines of their embeddings.</summary>
internal static class Retrieval
{
    /// <summary>Texts that are looked at for each query, as many as the longest metric wants.</summary>
    public const int Depth = 100;

    /// <summary>Queries that are compared at once.</summary>
    private const int QueriesAtOnce = 256;

    /// <summary>
    /// The first text of each row is a query, and the second is right for it; all texts but the first are searched. Texts that are there
    /// several times are one.
    /// </summary>
    /// <param name="rows">The embeddings of the texts, and the texts.</param>
    public static IEnumerable<FoundTexts> Of(TaskOutputs rows)
    {
        var (queries, corpus) = (new OrderedDictionary<string, int>(), new OrderedDictionary<string, int>());
        var relevant = new Dictionary<string, HashSet<string>>();
        for (int row = 0, start = 0; row < rows.Count; start = rows.Ends[row++])
        {
            queries.TryAdd(rows.Words[start], start);
            for (int place = start + 1; place < rows.Ends[row]; place++)
                corpus.TryAdd(rows.Words[place], place);
            if (!relevant.TryGetValue(rows.Words[start], out var own))
                relevant[rows.Words[start]] = own = [];
            own.Add(rows.Words[start + 1]);
        }
        string[] texts = [.. corpus.Keys];
        float[] documents = Vectors(rows, corpus.Values);
        foreach (var part in queries.Chunk(QueriesAtOnce))
        {
            var (order, scores) = Nearest(Vectors(rows, part.Select(query => query.Value)), documents, rows.Width);
            for (int i = 0; i < part.Length; i++)
            {
                var right = relevant[part[i].Key];
                var found = order[i].Zip(scores[i], (text, score) => new FoundText(texts[text], right.Contains(texts[text]), score));
                yield return new FoundTexts(part[i].Key, [.. found], right.Count);
            }
        }
    }

    private static float[] Vectors(TaskOutputs rows, IEnumerable<int> places) =>
        [.. places.SelectMany(place => rows.Outputs[(place * rows.Width)..((place + 1) * rows.Width)])];

    /// <summary>Of each query the nearest documents, and their cosines.</summary>
    private static (long[][] Order, float[][] Scores) Nearest(float[] queries, float[] documents, int width)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        Tensor Directions(float[] vectors) => nn.functional.normalize(tensor(vectors).view(-1, width), 2, -1);
        var cosines = Directions(queries).matmul(Directions(documents).t());
        var (values, indices) = cosines.sort(-1, descending: true, stable: true);
        int depth = (int)Math.Min(Depth, values.shape[1]);
        return (
            [.. indices.narrow(1, 0, depth).contiguous().data<long>().Chunk(depth)],
            [.. values.narrow(1, 0, depth).contiguous().data<float>().Chunk(depth)]
        );
    }
}
