namespace Electra.Data.Corpora;

/// <summary>What electra_pytorch does to Wikipedia's articles before it builds examples (<c>ELECTRADataProcessor</c>).</summary>
internal static class WikipediaCleaning
{
    private const int ShortestLine = 80;

    /// <summary>Drops lines of fewer than 80 characters, and strips the others.</summary>
    /// <returns>Null where nothing is left.</returns>
    public static string? Clean(string document)
    {
        var lines = document.Split('\n').Where(line => line.Length >= ShortestLine).Select(line => line.Trim());
        var cleaned = string.Join('\n', lines.Where(line => line.Length > 0));
        return cleaned.Length == 0 ? null : cleaned;
    }
}
