using System.Runtime.Versioning;
using Electra.Native;
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
    [UnsupportedOSPlatform("windows")]
    public void The_copy_for_older_systems_lies_where_nobody_else_can_enter_and_is_removed_once_it_is_loaded()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "libstdc++ of Linux");
        var library = Directory.GetFiles(LibTorch.Folder, "libLibTorchSharp.so").Single();
        string? loaded = null;
        var handle = OlderLibStdCxx.LoadMended(
            library,
            copy =>
            {
                loaded = copy;
                Assert.Equal(
                    UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
                    File.GetUnixFileMode(Path.GetDirectoryName(copy)!)
                );
                Assert.Equal(new FileInfo(library).Length, new FileInfo(copy).Length);
                Assert.NotEqual(File.ReadAllBytes(library), File.ReadAllBytes(copy));
                return 7;
            }
        );
        Assert.Equal(7, handle);
        Assert.False(Directory.Exists(Path.GetDirectoryName(loaded)));
        Assert.Null(OlderLibStdCxx.LoadMended(typeof(LibTorchTests).Assembly.Location, _ => 7));
    }

    [Fact]
    public async Task A_wrong_folder_is_one_error_in_scripts_that_touch_tensors_first()
    {
        using var folder = TestData.Temporary();
        var elsewhere = new Dictionary<string, string> { [LibTorch.FolderVariable] = folder.File("nowhere") };
        using var run = ScriptRunner.Start(folder, elsewhere, ScriptRunner.Kit("bench.csx"), "--", "weights", "steps=3");
        var refused = (await run.Finish()).Refused($"{folder.File("nowhere")} must name the lib folder of libtorch");
        Assert.StartsWith("error: libtorch could not be loaded.", refused.Error);
    }
}
