using Electra.Native;

namespace Electra.Tests.Native;

/// <summary>What a process finds in /proc of how its launcher bound it.</summary>
public sealed class ProcessorsTests : IDisposable
{
    private const string Rank = "HOME=/\0OMPI_COMM_WORLD_RANK=1\0OMPI_COMM_WORLD_SIZE=2\0";
    private readonly TemporaryFolder proc = TestData.Temporary();

    public void Dispose() => proc.Dispose();

    [Fact]
    public void A_process_is_bound_where_it_may_use_others_than_its_launcher()
    {
        Process("10", parent: "1", processors: "0-7", "HOME=/\0");
        Process("20", parent: "10", processors: "0-3", Rank);
        Assert.True(Processors.IsBound(proc.Path, "20"));
        Process("20", parent: "10", processors: "0-7", Rank);
        Assert.False(Processors.IsBound(proc.Path, "20"));
    }

    [Fact]
    public void What_dotnet_script_starts_is_bound_as_it_is()
    {
        Process("10", parent: "1", processors: "0-7", "HOME=/\0");
        Process("20", parent: "10", processors: "0-3", Rank);
        Process("30", parent: "20", processors: "0-3", Rank);
        Assert.True(Processors.IsBound(proc.Path, "30"));
    }

    [Fact]
    public void A_launcher_that_may_use_as_few_has_bound_nothing()
    {
        Process("5", parent: "1", processors: "0-7", "HOME=/\0"); // whoever limited the launcher
        Process("10", parent: "5", processors: "0-3", "HOME=/\0");
        Process("20", parent: "10", processors: "0-3", Rank);
        Process("30", parent: "20", processors: "0-3", Rank);
        Assert.False(Processors.IsBound(proc.Path, "30"));
    }

    [Fact]
    public void Where_there_is_no_proc_nothing_is_bound() => Assert.False(Processors.IsBound(proc.File("none"), "self"));

    private void Process(string id, string parent, string processors, string environment)
    {
        Directory.CreateDirectory(proc.File(id));
        File.WriteAllText(proc.File($"{id}/status"), $"Name:\tdotnet\nPPid:\t{parent}\nCpus_allowed_list:\t{processors}\n");
        File.WriteAllText(proc.File($"{id}/environ"), environment);
    }
}
