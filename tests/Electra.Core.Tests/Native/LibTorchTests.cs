using Electra.Native;
using Electra.Tests.Scripting;
using static TorchSharp.torch;

namespace Electra.Tests.Native;

public class LibTorchTests
{
    [Fact]
    public void Tensors_work_and_come_from_the_builds_own_folder()
    {
        using var product = ones(3, 4).matmul(ones(4, 2));
        Assert.Equal(24f, product.sum().item<float>());
        Assert.True(
            File.Exists(
                Path.Combine(
                    LibTorch.Folder,
                    OperatingSystem.IsWindows() ? "torch_cpu.dll"
                        : OperatingSystem.IsMacOS() ? "libtorch_cpu.dylib"
                        : "libtorch_cpu.so"
                )
            )
        );
    }

    [Fact]
    public async Task A_wrong_folder_is_one_error_in_scripts_that_touch_tensors_first()
    {
        Assert.SkipUnless(
            File.Exists(Path.Combine(TestData.Repository, "core/bin/Release/net10.0/electra.csx")),
            "needs dotnet build -c Release"
        );
        using var folder = TestData.Temporary();
        var run = await ScriptRunner.Finish(
            ScriptRunner.Start(
                folder,
                new Dictionary<string, string> { [LibTorch.FolderVariable] = folder.File("nowhere") },
                "-c",
                "release",
                Path.Combine(TestData.Repository, "scripts", "bench.csx"),
                "--",
                "weights",
                "steps=3"
            )
        );
        Assert.Equal(1, run.ExitCode);
        Assert.StartsWith("error: libtorch could not be loaded.", run.Error);
        Assert.Contains($"{folder.File("nowhere")} must name the lib folder of libtorch", run.Error);
        Assert.DoesNotContain("   at ", run.Error);
    }
}
