namespace Electra.Tests.Kit;

/// <summary>Where tests find their data.</summary>
internal static class TestData
{
    /// <summary>The path of a file or folder under <c>fixtures/</c>: always there.</summary>
    public static string Fixture(string name) => Path.Combine(AppContext.BaseDirectory, "fixtures", name);

    /// <summary>
    /// The path of a file or folder of the larger data set that is not part of the repository: the folder named by
    /// <c>ELECTRA_TEST_DATA</c>, else <c>../shared/data</c> beside the checkout. Skips the test where it is not there.
    /// </summary>
    public static string Shared(string name)
    {
        var path = Path.Combine(
            Environment.GetEnvironmentVariable("ELECTRA_TEST_DATA") ?? Path.Combine(Repository, "..", "shared", "data"),
            name
        );
        Assert.SkipUnless(Path.Exists(path), $"needs {name}: set ELECTRA_TEST_DATA to the folder that holds it");
        return Path.GetFullPath(path);
    }

    /// <summary>The root of the checkout the tests were built from.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>An empty folder of the test's own, removed when disposed.</summary>
    public static TemporaryFolder Temporary() => new();

    private static string FindRepository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Electra.Core.sln")))
                return folder.FullName;
        throw new DirectoryNotFoundException($"Electra.Core.sln is in no folder above {AppContext.BaseDirectory}");
    }
}
