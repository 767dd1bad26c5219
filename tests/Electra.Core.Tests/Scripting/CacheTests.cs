
namespace Electra.Tests.Scripting;

public class CacheTests
{
    private const string CountRoslyn = """
        WriteLine(AppDomain.CurrentDomain.GetAssemblies().Count(assembly => assembly.GetName().Name!.StartsWith("Microsoft.CodeAnalysis")));
        """;

    [Fact]
    public async Task A_kept_script_starts_without_the_compiler()
    {
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("count.csx"), CountRoslyn);

        var first = await Task.WhenAll(ScriptRunner.Run(folder, "count.csx"), ScriptRunner.Run(folder, "count.csx"));
        Assert.All(first, run => Assert.NotEqual(["0"], run.Lines));

        var kept = await ScriptRunner.Run(folder, "count.csx");
        Assert.Equal(["0"], kept.Lines);
        Assert.Single(Directory.GetFiles(folder.File("cache")));
    }

    [Fact]
    public async Task A_kept_script_is_compiled_again_when_a_loaded_file_or_a_library_changes()
    {
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("script.csx"), """
            #load "loaded.csx"
            #r "Library.dll"
            WriteLine(FromLoadedFile + Library.Number);
            """);
        File.WriteAllText(folder.File("loaded.csx"), "const int FromLoadedFile = 1;");
        EmittedLibrary.Write(folder.File("Library.dll"), number: 10);
        Assert.Equal(["11"], (await ScriptRunner.Run(folder, "script.csx")).Lines);

        File.WriteAllText(folder.File("loaded.csx"), "const int FromLoadedFile = 2;");
        Assert.Equal(["12"], (await ScriptRunner.Run(folder, "script.csx")).Lines);

        EmittedLibrary.Write(folder.File("Library.dll"), number: 20);
        Assert.Equal(["22"], (await ScriptRunner.Run(folder, "script.csx")).Lines);
    }

    [Fact]
    public async Task Without_a_cache_that_can_be_written_scripts_run_all_the_same()
    {
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("hello.csx"), "WriteLine(\"hello\");");
        File.WriteAllText(folder.File("cache"), "a file where the folder should be");

        var result = await ScriptRunner.Run(folder, "hello.csx");

        Assert.Equal(("hello", "", 0), (Assert.Single(result.Lines), result.Error, result.ExitCode));
    }
}
