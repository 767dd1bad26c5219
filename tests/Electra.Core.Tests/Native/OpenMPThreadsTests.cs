using Electra.Tensors;

namespace Electra.Tests.Native;

public class OpenMPThreadsTests
{
    /// <summary>What native code sees: .NET's own variables do not reach it.</summary>
    [Fact]
    public async Task Threads_stop_spinning_soon_unless_the_user_decided_otherwise()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "libtorch has libgomp on Linux only");
        Assert.SkipWhen(
            Environment.GetEnvironmentVariable("GOMP_SPINCOUNT") is not null
                || Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is not null,
            "the variables are set"
        );
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("spin.csx"), $$"""
            #r "{{typeof(Compute).Assembly.Location}}"
            using System.Runtime.InteropServices;
            [DllImport("libc")] static extern nint getenv(string name);
            Electra.Tensors.Compute.Open(new Electra.Tensors.ComputeOptions());
            Console.WriteLine(Marshal.PtrToStringUTF8(getenv("GOMP_SPINCOUNT")) ?? "not set");
            """);

        Assert.Equal("3000", await SpinCount([]));
        Assert.Equal("77", await SpinCount(new() { ["GOMP_SPINCOUNT"] = "77" }));
        Assert.Equal("not set", await SpinCount(new() { ["OMP_WAIT_POLICY"] = "passive" }));

        async Task<string> SpinCount(Dictionary<string, string> environment) =>
            (await ScriptRunner.Start(folder, environment, "spin.csx").Finish()).Succeeded().Output.Trim();
    }

    [Fact]
    public void More_threads_than_processors_are_warned_of()
    {
        var processors = Environment.ProcessorCount;
        Assert.Empty(new ComputeOptions().Warnings());
        Assert.Empty(new ComputeOptions { Threads = processors }.Warnings(workers: processors));
        Assert.Contains(
            $"compute.threads is {processors + 1}, but this process may use {processors} processor",
            Assert.Single(new ComputeOptions { Threads = processors + 1 }.Warnings())
        );
        Assert.Contains($"workers is {processors + 1}", Assert.Single(new ComputeOptions().Warnings(workers: processors + 1)));
    }
}
