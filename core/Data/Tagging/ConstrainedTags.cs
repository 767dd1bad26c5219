namespace Electra.Data.Tagging;

/// <summary>The most probable tags of a sentence among those that a scheme allows (Viterbi 1967); transitions have no scores.</summary>
internal static class ConstrainedTags
{
    /// <summary>The numbers of the tags, one for each word.</summary>
    /// <param name="logits"><c>[words · tags]</c>.</param>
    /// <param name="tags">The tags.</param>
    /// <param name="scheme">What may follow what.</param>
    public static int[] Best(ReadOnlySpan<float> logits, IReadOnlyList<string> tags, TagScheme scheme)
    {
        int count = tags.Count, words = logits.Length / count;
        if (words == 0)
            return [];
        // What is subtracted from all of a word to make them probabilities moves no choice.
        double[] scores = [.. tags.Select(tag => TagSchemes.MayFollow(null, tag, scheme) ? 0 : double.NegativeInfinity)];
        int[][] before =
        [
            .. tags.Select(tag => Enumerable.Range(0, count).Where(other => TagSchemes.MayFollow(tags[other], tag, scheme)).ToArray()),
        ];
        var from = new int[words, count];
        for (int word = 0; word < words; word++)
        {
            var next = new double[count];
            for (int tag = 0; tag < count; tag++)
            {
                int best = word == 0 ? tag : before[tag].MaxBy(other => scores[other]);
                from[word, tag] = best;
                next[tag] = scores[best] + logits[(word * count) + tag];
            }
            scores = next;
        }
        int[] path = new int[words];
        path[^1] = Enumerable.Range(0, count).Where(tag => TagSchemes.MayFollow(tags[tag], null, scheme)).MaxBy(tag => scores[tag]);
        for (int word = words - 1; word > 0; word--)
            path[word - 1] = from[word, path[word]];
        return path;
    }
}
