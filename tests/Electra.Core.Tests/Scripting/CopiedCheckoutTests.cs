namespace Electra.Tests.Scripting;

/// <summary>A built checkout that was copied while the first one is still there: a folder of its own in everything.</summary>
public sealed class CopiedCheckoutTests : IDisposable
{
    private const string Library = "core/bin/Release/net10.0", Runner = "scripts/host/bin/Release/net10.0";

    private readonly TinyPretraining tiny = new();
    private readonly string copy;

    public CopiedCheckoutTests()
    {
        copy = tiny.File("a copy, ü");
        foreach (var part in new[] { ".", "scripts", "configs", Library, Runner })
        {
            Directory.CreateDirectory(Path.Combine(copy, part));
            foreach (var file in Directory.GetFiles(Path.Combine(TestData.Repository, part)))
                File.Copy(file, Path.Combine(copy, part, Path.GetFileName(file)));
        }
        // Half a gigabyte: the copy's own folder all the same, by its name.
        foreach (var large in Directory.GetDirectories(Path.Combine(TestData.Repository, Library)))
            Directory.CreateSymbolicLink(Path.Combine(copy, Library, Path.GetFileName(large)), large);
    }

    public void Dispose() => tiny.Dispose();

    [Fact]
    public async Task What_the_copy_makes_lies_in_the_copy()
    {
        var (checkpoints, datasets) = ($"copied-{Guid.NewGuid():N}", $"copied-{Guid.NewGuid():N}");
        (await Run("scripts/pretrain.csx", "--", tiny.Config, $"checkpoints.folder={checkpoints}", $"datasets={datasets}")).Succeeded();
        foreach (var made in new[] { checkpoints, datasets })
        {
            Assert.True(Directory.Exists(Path.Combine(copy, made)), made);
            Assert.False(Directory.Exists(Path.Combine(TestData.Repository, made)), made);
        }
    }

    [Fact]
    public async Task The_copy_loads_its_own_libraries_and_reads_its_own_files()
    {
        const string Where = """
            string Value(string type, string name) =>
                (string)typeof(Electra.Running.Experiment).Assembly.GetType(type).GetProperty(name).GetValue(null);
            WriteLine(Value("Electra.Native.LibTorch", "Folder"));
            WriteLine(Value("Electra.Storage.Paths", "Root"));
            """;
        File.WriteAllText(Path.Combine(copy, "scripts", "where.csx"), $"#load \"../core/bin/Release/net10.0/electra.csx\"\n{Where}");
        File.WriteAllText(tiny.File("elsewhere.csx"), $"#load \"{copy.Replace("\\", "/")}/{Library}/electra.csx\"\n{Where}");
        foreach (var script in new[] { "scripts/where.csx", tiny.File("elsewhere.csx") })
        {
            var run = await Run(script);
            Assert.Equal("", run.Error);
            Assert.Equal([Path.Combine(copy, Library, "libtorch"), copy], run.Lines);
        }
    }

    private Task<ScriptResult> Run(params string[] words) =>
        new RunningScript(
            "dotnet",
            [Path.Combine(copy, Runner, "dotnet-script.dll"), "-p", tiny.File("cache"), .. words],
            copy
        ).Finish();
}
