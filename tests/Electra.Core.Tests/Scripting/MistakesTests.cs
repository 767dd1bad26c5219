
namespace Electra.Tests.Scripting;

public class MistakesTests
{
    [Fact]
    public async Task Compile_errors_name_the_file_the_line_and_the_column()
    {
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("wrong.csx"), """
            var right = 1;
            string wrong = right;
            """);

        var result = await ScriptRunner.Run(folder, "wrong.csx");

        Assert.Equal(1, result.ExitCode);
        Assert.StartsWith($"{folder.File("wrong.csx")}(2,16): error CS0029:", result.Error);
    }

    [Fact]
    public async Task Directives_that_lead_nowhere_are_explained_and_nothing_else_is_said()
    {
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("lost.csx"), """
            #load "../core/bin/Release/net10.0/electra.csx"
            #r "nuget: YamlDotNet, 18.1.0"
            using Electra;
            Nothing.IsKnown();
            """);

        var result = await ScriptRunner.Run(folder, "lost.csx");

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("lost.csx(1,7): error", result.Error);
        Assert.Contains("Build first: dotnet build -c Release", result.Error);
        Assert.Contains("lost.csx(2,1): error", result.Error);
        Assert.Contains("dotnet tool install --global dotnet-script", result.Error);
        Assert.DoesNotContain("Nothing", result.Error);
    }

    [Theory]
    [InlineData("--verbose: the bundled script runner has no such option.", "--verbose", "some.csx")]
    [InlineData("--configuration needs a value.", "some.csx", "--configuration")]
    [InlineData("No script is named; the interactive mode is the public dotnet-script's alone.", "--no-cache", "--", "some.csx")]
    [InlineData("Couldn't find file 'missing.csx'", "missing.csx")]
    public async Task Command_lines_that_make_no_sense_are_told_so(string message, params string[] words)
    {
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("some.csx"), "");

        var result = await ScriptRunner.Run(folder, words);

        Assert.Equal((1, ""), (result.ExitCode, result.Output));
        Assert.Equal(message, result.Error.Split(Environment.NewLine)[0]);
    }

    [Theory]
    [InlineData]
    [InlineData("--debug", "some.csx")]
    [InlineData("-i")]
    [InlineData("some.csx", "--interactive")]
    [InlineData("eval", "1 + 1")]
    [InlineData("init")]
    [InlineData("new", "some.csx")]
    [InlineData("publish", "some.csx")]
    [InlineData("https://example.org/some.csx")]
    [InlineData("package.csx")]
    public async Task What_only_the_public_tool_does_is_refused_and_said_how_to_have_it(params string[] words)
    {
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("some.csx"), "WriteLine(\"here\");");
        File.WriteAllText(folder.File("package.csx"), "#r \"nuget: YamlDotNet, 18.1.0\"\nWriteLine(\"here\");");

        var result = await ScriptRunner.Run(folder, words);

        Assert.Equal((1, ""), (result.ExitCode, result.Output));
        Assert.All(
            ["public", "dotnet tool install --global dotnet-script", "-p:ElectraUseBundledScript=false"],
            part => Assert.Contains(part, result.Error)
        );
    }

    [Fact]
    public async Task A_script_may_be_called_as_a_command_of_the_public_tool()
    {
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("new"), "WriteLine(Args[0]);");
        Assert.Equal(["init"], (await ScriptRunner.Run(folder, "new", "init")).Lines);
    }
}
