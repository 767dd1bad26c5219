using Electra.Tests.Finetuning;
using Electra.Tests.Pretraining;

namespace Electra.Tests.Scripting;

/// <summary>A script that is edited between two calls makes another experiment, and is told so.</summary>
public sealed class EditedScriptTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Pre_training_is_neither_resumed_nor_called_complete_by_an_edited_script()
    {
        TinyExperiment.Write(folder);
        string[] words = ["--", folder.File("tiny.yaml"), "compute.threads=1"];
        CopyWith(TinyExperiment.Script, "", "");
        var stopped = await ScriptRunner.Run(folder, ["mine.csx", .. words, "training.max_minutes=0.00001"]);
        Assert.True(stopped.ExitCode == 0, stopped.Error);

        var kept = await RefusedOnce("runs/tiny_11081", TinyExperiment.Script, "PretrainLoop.Train(", "name=…", words);
        // Without the kept text, as an older run: it is resumed, and keeps the new one.
        File.Delete(kept);
        var resumed = await ScriptRunner.Run(folder, ["mine.csx", .. words]);
        Assert.True(resumed.ExitCode == 0, resumed.Error);
        Assert.Equal(File.ReadAllText(folder.File("mine.csx")).ReplaceLineEndings("\n"), File.ReadAllText(kept));

        await RefusedOnce("runs/tiny_11081", TinyExperiment.Script, "PretrainLoop.Train(", "name=…", words, edit: "WriteLine();");
        var over = await ScriptRunner.Run(folder, ["mine.csx", .. words, "resume=never", "training.max_minutes=0.00001"]);
        Assert.True(over.ExitCode == 0, over.Error);
    }

    [Fact]
    public async Task Fine_tuning_is_neither_resumed_nor_called_complete_by_an_edited_script()
    {
        TinyFinetuning.Write(folder);
        string[] words = ["--", folder.File("tiny.yaml"), "tasks=[colour]", "runs=0"];
        CopyWith(TinyFinetuning.Script, "", "");
        var done = await ScriptRunner.Run(folder, ["mine.csx", .. words]);
        Assert.True(done.ExitCode == 0, done.Error);
        await RefusedOnce("runs/tiny_colour_0", TinyFinetuning.Script, "FinetuneLoop.Train(", "group=…", words);

        CopyWith(TinyFinetuning.Script, "", "");
        var stopping = ScriptRunner.Start(folder, ["mine.csx", .. words, "group=stopped", "save_minutes=0"]);
        await ScriptRunner.WaitForLine(stopping, "epoch 1 of 4");
        await KilledScript.Send(stopping, "TERM");
        Assert.Equal(143, (await ScriptRunner.Finish(stopping)).ExitCode);
        await RefusedOnce("runs/stopped_colour_0", TinyFinetuning.Script, "FinetuneLoop.Train(", "group=…", [.. words, "group=stopped"]);
    }

    /// <summary>A comment does not count; another line does, and is named.</summary>
    private async Task<string> RefusedOnce(
        string run,
        string script,
        string line,
        string wayOut,
        string[] words,
        string edit = "WriteLine(0);"
    )
    {
        CopyWith(script, line, $"{edit} // now and then\n    {line}");
        var refused = await ScriptRunner.Run(folder, ["mine.csx", .. words]);
        Assert.Equal(1, refused.ExitCode);
        var kept = folder.File($"{run}/script.csx");
        Assert.All(
            [
                $"the run in {Path.GetDirectoryName(Path.GetRelativePath(folder.Path, kept))} was made with another script",
                $"{edit} // now",
                "mine.csx(",
                wayOut,
                "resume=never",
            ],
            part => Assert.Contains(part, refused.Error + refused.Output)
        );
        Assert.DoesNotContain("   at ", refused.Error);
        return kept;
    }

    private void CopyWith(string script, string line, string edited)
    {
        var text =
            File.ReadAllText(script).Replace("../core", Path.Combine(TestData.Repository, "core").Replace('\\', '/'))
            + "\n// a comment, other at each call: "
            + Guid.NewGuid();
        File.WriteAllText(folder.File("mine.csx"), line == "" ? text : text.Replace(line, edited));
    }
}
