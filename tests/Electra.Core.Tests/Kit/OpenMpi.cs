namespace Electra.Tests.Kit;

/// <summary>Programs on several ranks, by Open MPI's mpirun.</summary>
internal static class OpenMpi
{
    private static readonly Lazy<bool> IsThere = new(() =>
        OperatingSystem.IsLinux() && Command.Shell("mpirun --version | grep -q 'Open MPI'"));

    // More ranks than processors: they give way to each other.
    private static readonly string[] Words = ["--oversubscribe", "--bind-to", "none"];

    private static readonly Dictionary<string, string> Root = new()
    {
        ["OMPI_ALLOW_RUN_AS_ROOT"] = "1",
        ["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1",
    };

    /// <summary>Skips a test where there is no Open MPI.</summary>
    public static void Require() =>
        Assert.SkipUnless(IsThere.Value, "needs Open MPI: apt-get install --no-install-recommends openmpi-bin");

    /// <summary>Starts a program on some ranks.</summary>
    public static RunningScript Start(int ranks, string folder, IEnumerable<string> program, params IEnumerable<string> options)
    {
        Require();
        return new("mpirun", [.. Words, .. options, "-np", $"{ranks}", .. program], folder, Root);
    }

    /// <summary>Starts a script on some ranks.</summary>
    public static RunningScript StartScript(int ranks, TemporaryFolder folder, params string[] words) =>
        Start(ranks, folder.Path, ["dotnet", ScriptRunner.Assembly, "--cache-path", ScriptRunner.KitCache, .. words]);
}
