namespace Electra.Tests.Scripting;

/// <summary>A script that is edited between two calls makes another experiment, and is told so.</summary>
public sealed class EditedScriptTests
{
    [Fact, Trait("Category", "Long")]
    public async Task An_edited_script_does_not_go_on_with_a_pre_training_run()
    {
        using var tiny = new TinyPretraining();
        var edited = new Edited(tiny, "PretrainLoop.Train(", "name=…");
        (await edited.Run("", "training.max_minutes=0.00001")).Succeeded();

        var kept = await edited.RefusedOnce("WriteLine(0);", TinyPretraining.RunFolder);
        // Without the kept text, as an older run: it is resumed, and keeps the new one.
        File.Delete(kept);
        (await edited.Run("WriteLine(0);")).Succeeded();
        Assert.Equal(File.ReadAllText(tiny.File("mine.csx")).ReplaceLineEndings("\n"), File.ReadAllText(kept));

        await edited.RefusedOnce("WriteLine();", TinyPretraining.RunFolder);
        (await edited.Run("WriteLine();", "resume=never", "training.max_minutes=0.00001")).Succeeded();
    }

    [Fact, Trait("Category", "Long")]
    public async Task An_edited_script_does_not_go_on_with_a_fine_tuning_run()
    {
        using var tiny = new TinyFinetuning();
        var edited = new Edited(tiny, "FinetuneLoop.Train(", "group=…", "tasks=[colour]", "runs=0");
        (await edited.Run("")).Succeeded();
        await edited.RefusedOnce("WriteLine(0);", "runs/tiny_colour_0");

        using var stopping = edited.Start("", "group=stopped", "save_minutes=0");
        await stopping.WaitForLine("epoch 1 of 4");
        stopping.Send("TERM");
        (await stopping.Finish()).Ended(143);
        await edited.RefusedOnce("WriteLine(0);", "runs/stopped_colour_0", "group=stopped");
    }

    /// <summary>A copy of an experiment's script, with a line before one of its own.</summary>
    private sealed class Edited(TinyExperiment tiny, string line, string wayOut, params string[] words)
    {
        public RunningScript Start(string edit, params string[] more)
        {
            var text = ScriptRunner.Movable(File.ReadAllText(tiny.Script)) + $"\n// a comment, other at each call: {Guid.NewGuid()}";
            File.WriteAllText(tiny.File("mine.csx"), edit == "" ? text : text.Replace(line, $"{edit} // now and then\n    {line}"));
            return ScriptRunner.Start(tiny.Folder, ["mine.csx", "--", tiny.Config, .. words, .. more]);
        }

        public Task<ScriptResult> Run(string edit, params string[] more) => Start(edit, more).Finish();

        /// <summary>A comment does not count; another line does, and is named.</summary>
        public async Task<string> RefusedOnce(string edit, string run, params string[] more)
        {
            var refused = (await Run(edit, more)).Ended(1);
            Assert.All(
                [$"the run in {run} was made with another script", $"{edit} // now", "mine.csx(", wayOut, "resume=never"],
                part => Assert.Contains(part, refused.Error + refused.Output)
            );
            Assert.DoesNotContain("   at ", refused.Error);
            return tiny.File($"{run}/script.csx");
        }
    }
}
