using System.Diagnostics;
using Electra.Running;
using Electra.Tests.Pretraining;
using Electra.Tests.Scripting;

namespace Electra.Tests.Running;

public sealed class LossyWriterTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

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
        TinyExperiment.Write(folder);
        var shell = new ProcessStartInfo(
            "sh",
            [
                "-c",
                $"exec dotnet \"$@\" {redirection}",
                "sh",
                ScriptRunner.Assembly,
                "-c",
                "release",
                "--cache-path",
                folder.File("cache"),
                TinyExperiment.Script,
                "--",
                folder.File("tiny.yaml"),
                "compute.threads=1",
            ]
        )
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        var run = await ScriptRunner.Finish(Process.Start(shell)!);
        Assert.Equal(0, run.ExitCode);
        Assert.Empty(run.Output);
        Assert.Matches(said, run.Error.Trim());
        Assert.Equal(12, File.ReadLines(folder.File("runs/tiny_11081/metrics.jsonl")).Count(line => line.Contains("\"loss\"")));
        Assert.True(File.Exists(folder.File("runs/tiny_11081_100/discriminator/model.safetensors")));
    }
}
