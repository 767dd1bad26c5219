using Electra.Native;
using Electra.Tensors;

namespace Electra.Tests.Native;

public sealed class DeterministicAlgorithmsTests
{
    /// <summary>libtorch's own flag, in a process of its own: it acts on all that the process computes.</summary>
    [Fact]
    public async Task They_are_turned_on_and_off_in_libtorch()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the flag is reached on Linux only");
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("flag.csx"), $$"""
            #r "{{typeof(Compute).Assembly.Location}}"
            using System.Runtime.InteropServices;
            [DllImport("libc")] static extern nint getenv(string name);
            var algorithms = typeof(Electra.Tensors.Compute).Assembly.GetType("Electra.Native.DeterministicAlgorithms")!;
            foreach (bool use in new[] { true, false })
            {
                algorithms.GetMethod("Use")!.Invoke(null, [use]);
                Console.Write($"{algorithms.GetProperty("AreUsed")!.GetValue(null)} ");
            }
            Console.WriteLine(Marshal.PtrToStringUTF8(getenv("CUBLAS_WORKSPACE_CONFIG")));
            """);
        var environment = new Dictionary<string, string> { ["CUBLAS_WORKSPACE_CONFIG"] = ":16:8" };
        var run = await ScriptRunner.Start(folder, environment, "flag.csx").Finish();
        Assert.Equal("True False :16:8", run.Succeeded().Output.Trim());
    }

    [Theory]
    [InlineData(null)]
    [InlineData(":16:8")]
    [InlineData(":4096:8")]
    public void A_workspace_with_which_cuBLAS_is_deterministic_is_left_alone(string? workspace) =>
        Assert.Null(DeterministicAlgorithms.Problem(workspace));

    [Theory]
    [InlineData("")]
    [InlineData(":0:0")]
    public void Another_workspace_is_refused(string workspace) =>
        Assert.Contains($"CUBLAS_WORKSPACE_CONFIG={workspace} in", DeterministicAlgorithms.Problem(workspace));
}
