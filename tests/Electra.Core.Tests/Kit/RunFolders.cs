using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Electra.Running;
using Electra.Tests.Running;

namespace Electra.Tests.Kit;

/// <summary>What runs leave, read and compared.</summary>
internal static class RunFolders
{
    /// <summary>All values of a metric of a run, in their order.</summary>
    public static double[] Values(string run, string metric = "loss") =>
        [.. MetricsLog.Read(run).Where(row => row.Values.ContainsKey(metric)).Select(row => row.Values[metric])];

    /// <summary>Two files have the same bytes.</summary>
    public static void AssertSameBytes(string expected, string actual) =>
        Assert.True(File.ReadAllBytes(expected).AsSpan().SequenceEqual(File.ReadAllBytes(actual)), actual);

    /// <summary>Two run folders have the same log and show TensorBoard the same, but for what the clock says.</summary>
    public static void AssertSameLogs(string expected, string actual)
    {
        Assert.Equal(Lines(expected), Lines(actual));
        Assert.Equal(Shown(expected), Shown(actual));

        static List<string> Lines(string run) => [.. File.ReadLines(Path.Combine(run, MetricsLog.FileName)).Select(WithoutClock)];

        static string WithoutClock(string line)
        {
            var row = JsonNode.Parse(line)!.AsObject();
            row.Remove("seconds");
            row.Remove("tokens_per_second");
            return row.ToJsonString();
        }

        static List<(long, string, float)> Shown(string run) =>
            [.. TensorBoardFiles.Shown(run).Where(scalar => scalar.Tag is not ("seconds" or "tokens_per_second"))];
    }

    /// <summary>The hash of every file of prepared data, by name.</summary>
    public static SortedDictionary<string, string> Prepared(string datasets) =>
        new(
            Directory
                .GetFiles(datasets, "*", SearchOption.AllDirectories)
                .Where(file => Path.GetFileName(file) is not ("downloads.json" or "lock"))
                .ToDictionary(file => Path.GetFileName(file), Hash)
        );

    /// <summary>The SHA-256 of a file.</summary>
    public static string Hash(string file) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)));
}
