namespace Electra.Data.Answering;

/// <summary>Windows over the tokens of a text that is longer than an example.</summary>
internal static class DocumentWindows
{
    /// <summary>Windows until the end is reached; of no tokens, an empty one.</summary>
    /// <param name="tokens">How many there are.</param>
    /// <param name="size">Tokens of a window.</param>
    /// <param name="step">Tokens from the beginning of one to that of the next, at least 1.</param>
    public static IReadOnlyList<(int Start, int Length)> Of(int tokens, int size, int step)
    {
        var windows = new List<(int Start, int Length)>();
        for (int start = 0; ; start += step)
        {
            windows.Add((start, Math.Min(size, tokens - start)));
            if (start + size >= tokens)
                return windows;
        }
    }

    /// <summary>The step of windows that share some tokens; half a window where it has no more than these.</summary>
    public static int StepOf(int overlap, int size) => overlap < size ? size - overlap : size - (size / 2);

    /// <summary>
    /// The window in which a token has the most tokens on both sides, the first of equals (google-research/electra,
    /// <c>_check_is_max_context</c>).
    /// </summary>
    public static int Owner(IReadOnlyList<(int Start, int Length)> windows, int token) =>
        windows
            .Index()
            .Where(window => token >= window.Item.Start && token < window.Item.Start + window.Item.Length)
            .MaxBy(window =>
                Math.Min(token - window.Item.Start, window.Item.Start + window.Item.Length - 1 - token) + (0.01 * window.Item.Length)
            )
            .Index;
}
