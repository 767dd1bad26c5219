namespace Electra.Data.Tasks;

/// <summary>Relevance by words alone (Robertson and Zaragoza 2009): what a model has to do better than.</summary>
internal static class Bm25
{
    private const double K1 = 1.2, B = 0.75;

    /// <summary>The score of each passage for its query, with the frequencies of words of all passages.</summary>
    public static float[] Scores(IReadOnlyList<Candidate> candidates)
    {
        var passages = candidates.Select(one => one.Passage).Distinct().ToDictionary(passage => passage, Words);
        var documents = passages.Values.SelectMany(words => words.Distinct()).CountBy(word => word).ToDictionary();
        double length = Math.Max(1, passages.Values.Average(words => words.Length));
        double Weight(string word) =>
            documents.GetValueOrDefault(word) is var there ? Math.Log(1 + ((passages.Count - there + 0.5) / (there + 0.5))) : 0;
        return
        [
            .. candidates.Select(one =>
            {
                string[] words = passages[one.Passage];
                double share = K1 * (1 - B + (B * words.Length / length));
                return (float)Words(one.Query).Distinct().Sum(word =>
                    words.Count(other => other == word) is var count ? Weight(word) * count * (K1 + 1) / (count + share) : 0);
            }),
        ];
    }

    private static string[] Words(string text) =>
        new string([.. text.ToLowerInvariant().Select(c => char.IsLetterOrDigit(c) ? c : ' ')])
            .Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
