namespace Electra;

/// <summary>Which of the right words a wrong one was meant to be.</summary>
internal static class Spelling
{
    /// <summary>
    /// The nearest of the right words by Damerau–Levenshtein distance; null where none is near enough (more than one slip, and one
    /// more for every three letters).
    /// </summary>
    public static string? Nearest(string word, IEnumerable<string> rightWords) =>
        rightWords.Select(right => (Right: right, Distance: Distance(word.ToLowerInvariant(), right.ToLowerInvariant())))
            .Where(candidate => candidate.Distance <= 1 + word.Length / 3)
            .OrderBy(candidate => candidate.Distance)
            .Select(candidate => candidate.Right)
            .FirstOrDefault();

    /// <summary>
    /// How many letters must be put in, left out, changed, or swapped with their neighbour (the optimal string alignment form of the
    /// Damerau–Levenshtein distance).
    /// </summary>
    internal static int Distance(string from, string to)
    {
        var cost = new int[from.Length + 1, to.Length + 1];
        for (var i = 0; i <= from.Length; i++)
            cost[i, 0] = i;
        for (var j = 0; j <= to.Length; j++)
            cost[0, j] = j;

        for (var i = 1; i <= from.Length; i++)
            for (var j = 1; j <= to.Length; j++)
            {
                var change = cost[i - 1, j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
                cost[i, j] = Math.Min(change, 1 + Math.Min(cost[i - 1, j], cost[i, j - 1]));
                if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                    cost[i, j] = Math.Min(cost[i, j], cost[i - 2, j - 2] + 1);
            }
        return cost[from.Length, to.Length];
    }
}
