using System.Text.Json;

namespace Electra.Tests.Scripting;

/// <summary>What an editor does with the folder scripts/, without the editor.</summary>
public class EditorTests
{
    [Fact]
    public async Task What_the_editor_launches_runs_the_open_script()
    {
        using var tiny = new TinyPretraining();
        var scripts = Path.Combine(TestData.Repository, "scripts");
        var launch = JsonDocument
            .Parse(File.ReadAllText(Path.Combine(scripts, ".vscode", "launch.json")))
            .RootElement.GetProperty("configurations")
            .EnumerateArray()
            .Single(configuration => configuration.GetProperty("request").GetString() == "launch");
        string Value(JsonElement text) =>
            text.GetString()!
                .Replace("${workspaceFolder}", scripts)
                .Replace("${file}", tiny.Script)
                .Replace("configs/demo.yaml", tiny.Config);

        using var run = new RunningScript(
            Value(launch.GetProperty("program")),
            launch.GetProperty("args").EnumerateArray().Select(Value),
            Value(launch.GetProperty("cwd"))
        );
        (await run.Finish()).Succeeded();
    }
}
