using Electra.Running;

namespace Electra.Tests.Running;

public sealed class LossyWriterTests
{
    [Fact]
    public void Lines_that_cannot_be_written_are_counted_and_dropped()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "needs /dev/full");
        using var full = new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        var writer = new LossyWriter(new StreamWriter(full) { AutoFlush = true });
        writer.Write("one\ntwo\n");
        writer.WriteLine("three");
        writer.Flush();
        Assert.Equal(
            "warning: 3 lines of standard output could not be written (No space left on device). The run's own files are complete.",
            LossyWriter.Note("standard output", writer)
        );
    }

    [Theory]
    [InlineData("> /dev/full", "warning: [0-9]+ lines of standard output could not be written \\(No space left on device\\)")]
    [InlineData(">&-", "warning: [0-9]+ lines of standard output could not be written \\(it is closed\\)")]
    [InlineData(">&- 2>&- <&-", "^$")]
    public async Task A_run_goes_on_without_its_console(string redirection, string said)
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "needs /dev/full");
        using var tiny = new TinyPretraining();
        string[] words = [ScriptRunner.Assembly, "--cache-path", ScriptRunner.KitCache, tiny.Script, "--", tiny.Config];
        var run = await new RunningScript("sh", ["-c", $"exec dotnet \"$@\" {redirection}", "sh", .. words], tiny.Folder.Path).Finish();
        run.Succeeded();
        Assert.Empty(run.Output);
        Assert.Matches(said, run.Error.Trim());
        Assert.Equal(12, RunFolders.Values(tiny.Of("tiny")).Length);
        Assert.True(File.Exists(tiny.File("runs/tiny_11081_100/discriminator/model.safetensors")));
    }
}
