
namespace Electra.Tests.Scripting;

public class InteractiveTests
{
    /// <summary>Line after line, as a REPL has it: Roslyn's interactive loader gives each library a load context of its own.</summary>
    [Fact]
    public async Task Tensors_work_in_an_interactive_host()
    {
        using var folder = TestData.Temporary();
        var host = Path.GetDirectoryName(ScriptRunner.Assembly)!.Replace('\\', '/');
        File.WriteAllText(folder.File("repl.csx"), $$"""
            #r "{{host}}/Microsoft.CodeAnalysis.dll"
            #r "{{host}}/Microsoft.CodeAnalysis.Scripting.dll"
            #r "{{host}}/Microsoft.CodeAnalysis.CSharp.Scripting.dll"
            using Microsoft.CodeAnalysis.CSharp.Scripting;
            using Microsoft.CodeAnalysis.Scripting;
            var options = ScriptOptions.Default.WithFilePath("{{folder.File("in").Replace('\\', '/')}}");
            var state = await CSharpScript.RunAsync("#load \"{{ScriptRunner.Library}}\"", options);
            state = await state.ContinueWithAsync("using static TorchSharp.torch;");
            state = await state.ContinueWithAsync("var sum = ones(3).sum().item<float>();");
            state = await state.ContinueWithAsync("Electra.Tensors.Compute.Reference.ToString() + \": \" + sum");
            WriteLine(state.ReturnValue);
            """);
        var run = await ScriptRunner.Run(folder, "repl.csx");
        Assert.Equal("", run.Error);
        Assert.Equal(["CPU, 1 thread, float32: 3"], run.Lines);
    }
}
