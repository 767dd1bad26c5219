using System.Runtime.Versioning;
using System.Text.Json;
using System.Xml.Linq;
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
    public void A_libtorch_of_another_version_is_refused_by_its_version()
    {
        Assert.Null(LibTorchCheck.Problem(LibTorch.Version));
        Assert.Equal(new Version(2, 13), LibTorchCheck.Decoded(0x020d_0000_0000_0000));
        Assert.Null(LibTorchCheck.Problem(new Version(2, 10)));
        Assert.Null(LibTorchCheck.Problem(new Version(2, 11)));
        Assert.Contains("libtorch 2.13", LibTorchCheck.Problem(new Version(2, 13)));
        Assert.NotNull(LibTorchCheck.Problem(null));
    }

    [Fact]
    public void What_a_library_lacks_is_told_by_name()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the loader of Linux");
        Assert.Null(LibTorchCheck.Missing(Path.Combine(LibTorch.Folder, "libtorch_cpu.so")));
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("libnone.so"), "no library");
        Assert.Contains("libnone.so", LibTorchCheck.Missing(folder.File("libnone.so")));
    }

    [Fact]
    public async Task A_build_for_CUDA_that_cannot_use_it_says_why_and_computes_on_the_CPU()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "links to libraries of Linux");
        using var folder = TestData.Temporary();
        foreach (var file in Directory.GetFiles(LibTorch.Folder))
            File.CreateSymbolicLink(folder.File(Path.GetFileName(file)), file);
        File.Delete(folder.File("libtorch_cuda.so"));
        File.WriteAllText(folder.File("libtorch_cuda.so"), "no library");
        const string Why = "libtorch_cuda.so cannot be loaded:";

        (await Run("doctor.csx")).Ended(0).Said($"cannot be used: {Why}", folder.Path, LibTorch.FolderVariable);
        var warned = (await Run("bench.csx", "weights", "steps=3", "size=small")).Ended(0);
        Assert.Contains(Why, warned.Output + warned.Error);
        (await Run("bench.csx", "compute.device=cuda")).Refused("cuda was asked for", Why);

        async Task<ScriptResult> Run(string script, params string[] arguments)
        {
            var environment = new Dictionary<string, string> { [LibTorch.FolderVariable] = folder.Path };
            using var run = ScriptRunner.Start(folder, environment, [ScriptRunner.Kit(script), "--", .. arguments]);
            return await run.Finish();
        }
    }

    /// <summary>The targets alone, on packages that are empty files: a build of the whole takes minutes.</summary>
    [Fact]
    [UnsupportedOSPlatform("windows")]
    public async Task A_build_leaves_no_libtorch_of_another_backend()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "names of Linux");
        using var folder = TestData.Temporary();
        const string Native = "runtimes/linux-x64/native";
        foreach (var file in new[] { $"sharp/{Native}/libLibTorchSharp.so", $"cpu/{Native}/libtorch_cpu.so", $"cpu/{Native}/libc10.so" })
            Write(file);
        var targets = Path.Combine(TestData.Repository, "core/Native/LibTorch.targets");
        File.WriteAllText(
            folder.File("core.proj"),
            $"<Project><PropertyGroup><OutDir>out/</OutDir><PkgTorchSharp>sharp</PkgTorchSharp><Pkglibtorch-cpu-linux-x64>cpu"
                + $"</Pkglibtorch-cpu-linux-x64></PropertyGroup><Import Project=\"{targets}\" /></Project>"
        );
        const string Cpu = "libLibTorchSharp.so libc10.so libtorch_cpu.so";

        Assert.Equal((Cpu, ""), await Build("cpu"));
        var refused = await MsBuild("cuda");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("the parts of the CUDA packages were not joined", refused.Output);
        foreach (var library in new[] { "libtorch_cuda.so", "libtorch_cpu.so", "libSkiaSharp.so" })
            Write($"out/{Native}/{library}");
        File.SetUnixFileMode(folder.File($"out/{Native}/libtorch_cuda.so"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Equal(("libLibTorchSharp.so", "libSkiaSharp.so libtorch_cpu.so libtorch_cuda.so"), await Build("cuda"));
        Assert.True(File.GetUnixFileMode(folder.File($"out/{Native}/libtorch_cuda.so")).HasFlag(UnixFileMode.OtherRead));
        Assert.Equal((Cpu, "libSkiaSharp.so"), await Build("cpu"));
        Assert.Equal(("libLibTorchSharp.so", "libSkiaSharp.so"), await Build("none"));

        async Task<(string Own, string Other)> Build(string backend)
        {
            var built = await MsBuild(backend);
            Assert.True(built.ExitCode == 0, built.Output);
            return (Names("out/libtorch"), Names($"out/{Native}"));
        }

        async Task<ScriptResult> MsBuild(string backend)
        {
            string[] words = ["msbuild", "core.proj", "-nologo", "-t:CopyLibTorch", $"-p:TorchBackend={backend}"];
            using var run = new RunningScript("dotnet", words, folder.Path, null);
            return await run.Finish();
        }

        string Names(string path) =>
            !Directory.Exists(folder.File(path))
                ? ""
                : string.Join(' ', Directory.GetFiles(folder.File(path)).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        void Write(string path)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder.File(path))!);
            File.WriteAllText(folder.File(path), path);
        }
    }

    /// <summary>
    /// libtorch that the runtime finds by itself would be loaded beside the one that ELECTRA_LIBTORCH names, and two of them end the
    /// process. So no build hands its files on to the tests, or to a program that uses the library.
    /// </summary>
    [Fact]
    public void No_build_hands_libtorch_on_to_other_projects()
    {
        var tests = typeof(LibTorchTests).Assembly;
        using var named = JsonDocument.Parse(File.ReadAllText(Path.ChangeExtension(tests.Location, ".deps.json")));
        var libraries = named
            .RootElement.GetProperty("targets")
            .EnumerateObject()
            .SelectMany(target => target.Value.EnumerateObject())
            .SelectMany(package => package.Value.EnumerateObject())
            .Where(files => files.Name is "native" or "runtimeTargets")
            .SelectMany(files => files.Value.EnumerateObject())
            .Select(file => file.Name);
        Assert.DoesNotContain(libraries, file => file.Contains("torch", StringComparison.OrdinalIgnoreCase));

        var targets = XDocument.Load(Path.Combine(TestData.Repository, "core/Native/LibTorch.targets"));
        string notHandedOn = targets.Descendants("_NotHandedOn").Single().Value;
        Assert.Contains("native", notHandedOn.Split(';'));
        foreach (var package in targets.Descendants("PackageReference"))
            Assert.True(
                (string?)package.Attribute("ExcludeAssets") == "native" || (string?)package.Attribute("PrivateAssets") == "$(_NotHandedOn)",
                (string?)package.Attribute("Include")
            );
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
