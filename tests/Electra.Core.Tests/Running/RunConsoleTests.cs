using Electra.Running;
using Spectre.Console;

namespace Electra.Tests.Running;

public sealed class RunConsoleTests
{
    private readonly StringWriter output = new();
    private readonly SetClock clock = new();

    private RunConsole Piped() => new(output, terminal: null, clock);

    private RunConsole OnTerminal(int width = 100)
    {
        var terminal = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Yes,
            ColorSystem = ColorSystemSupport.Standard,
            Out = new AnsiConsoleOutput(new StringWriter()),
        });
        terminal.Profile.Width = width;
        terminal.Profile.Capabilities.Unicode = true;
        return new RunConsole(output, terminal, clock);
    }

    [Fact]
    public void A_pipe_gets_the_first_report_one_every_five_seconds_and_the_last()
    {
        var console = Piped();
        for (var done = 0; done <= 120; done++)
        {
            console.Report(new ProgressReport("reading documents", done * 10, 1200, "documents"));
            clock.Now += TimeSpan.FromSeconds(0.1);
        }

        Assert.Equal("""
            reading documents: 0%, 0 of 1,200 documents
            reading documents: 41%, 500 of 1,200 documents, 100/s, 7 s left
            reading documents: 83%, 1,000 of 1,200 documents, 100/s, 2 s left
            reading documents: 1,200 documents in 0:00:12 (100/s)

            """.ReplaceLineEndings("\n"), output.ToString());
    }

    [Fact]
    public void A_process_that_is_not_the_first_warns_of_its_own_runs_alone()
    {
        var rank = Piped().OfRank("rank 1");
        rank.Warning("what rank 0 says too");
        rank.Quiet().Warning("that as well");
        rank.RunWarning("colour 0: it was resumed");
        rank.Quiet("colour 1").Warning("the disk is slow");
        Piped().OfRank().Warning("of a run of all ranks");
        Assert.Equal(
            "warning: rank 1: colour 0: it was resumed\nwarning: rank 1: colour 1: the disk is slow\n",
            output.ToString()
        );
    }

    [Fact]
    public void A_stage_without_a_total_ends_when_another_begins()
    {
        var console = Piped();
        console.Report(new ProgressReport("downloading", 0, null, "MB"));
        clock.Now += TimeSpan.FromSeconds(2);
        console.Report(new ProgressReport("downloading", 3.25, null, "MB"));
        console.Report(new ProgressReport("unpacking", 0, 8, "files"));

        Assert.Equal("downloading: 0 MB\ndownloading: 3.25 MB in 2 s (1.63/s)\nunpacking: 0%, 0 of 8 files\n", output.ToString());
    }

    [Fact]
    public void A_late_report_of_another_thread_does_not_begin_a_stage_again()
    {
        var console = Piped();
        foreach (var done in new[] { 0, 8, 7, 8 })
            console.Report(new ProgressReport("encoding", done, 8, "files"));

        Assert.Equal("encoding: 0%, 0 of 8 files\nencoding: 8 files in 0 s\n", output.ToString());
    }

    [Fact]
    public void A_pipe_gets_no_control_codes_and_text_is_not_markup()
    {
        var console = Piped();
        console.Heading("[red]Data[/]");
        console.Line("loss [1.5] of [bold]");
        console.Warning("slow");
        console.Table(("steps", 1_000_000), ("rate", 0.5), ("vocabulary", "[unused1]"));
        console.Table(["task", "score"], [["rte", 7.25], ["cola", 70]]);

        Assert.Equal("""

            == [red]Data[/] ==
            loss [1.5] of [bold]
            warning: slow
            steps       1,000,000
            rate        0.5
            vocabulary  [unused1]
            task  score
            rte    7.25
            cola     70

            """.ReplaceLineEndings("\n"), output.ToString());
    }

    [Fact]
    public void A_log_line_goes_above_the_live_line_in_one_piece()
    {
        var console = OnTerminal();
        console.Report(new ProgressReport("training [x]", 0, 10, "steps"));
        output.GetStringBuilder().Clear();

        console.Line("loss 1.5");

        Assert.StartsWith("\r\u001b[2Kloss 1.5\ntraining [x]  ", output.ToString());
        Assert.Contains("────", output.ToString());
        Assert.DoesNotContain('\n', output.ToString().Split("loss 1.5\n")[1]);
    }

    [Fact]
    public void A_narrow_terminal_breaks_lines_and_tables_between_words()
    {
        var console = OnTerminal(width: 40);
        console.Line("step 100  loss 12.5 (generator 3.1, discriminator 0.2)  12 ms");
        console.Line("dotnet script scripts/pretrain.csx -- configs/small.yaml name=mine");
        console.Table(
            ("corpus", "texts/one.txt, texts/two.txt and 12 more"),
            ("next", "dotnet script scripts/finetune.csx -- configs/glue.yaml")
        );
        console.Table(
            ["task", "what it measures"],
            [
                ["rte", "whether one sentence follows from another"],
                ["cola", "grammar"],
            ]
        );

        Assert.Equal(
            """
            step 100  loss 12.5 (generator 3.1,
              discriminator 0.2)  12 ms
            dotnet script scripts/pretrain.csx -- configs/small.yaml name=mine
            corpus  texts/one.txt, texts/two.txt and
                    12 more
            next    dotnet script scripts/finetune.csx -- configs/glue.yaml
            task  what it measures
            rte   whether one sentence follows from
                  another
            cola  grammar

            """.ReplaceLineEndings("\n"), System.Text.RegularExpressions.Regex.Replace(output.ToString(), "\u001b\\[[0-9;]*m", ""));
    }

    [Fact]
    public void Progress_between_lines_is_shown_on_a_terminal_only()
    {
        var (piped, live) = (Piped(), OnTerminal());
        piped.ReportLive(new ProgressReport("training", 0, 10, "updates"));
        Assert.Empty(output.ToString());
        live.ReportLive(new ProgressReport("training", 0, 10, "updates"));
        Assert.Contains("training", output.ToString());
    }

    [Theory]
    [InlineData(100)]
    [InlineData(30)]
    [InlineData(10)]
    public void The_live_line_fits_the_terminal(int width)
    {
        var console = OnTerminal(width);
        console.Report(new ProgressReport("tokenizing the corpus", 0, 1000, "documents"));
        clock.Now += TimeSpan.FromSeconds(1);
        output.GetStringBuilder().Clear();
        console.Report(new ProgressReport("tokenizing the corpus", 500, 1000, "documents"));

        var shown = System.Text.RegularExpressions.Regex.Replace(output.ToString(), "\u001b\\[[0-9;]*[A-Za-z]|\r|\n", "");
        Assert.InRange(shown.Length, 5, width - 1);
        Assert.DoesNotContain('\n', output.ToString());
    }

    [Fact]
    public void The_live_line_is_redrawn_at_most_ten_times_a_second_and_stays_at_the_end()
    {
        var console = OnTerminal();
        for (var done = 0; done < 1000; done++)
        {
            console.Report(new ProgressReport("reading", done, 1000, "files"));
            clock.Now += TimeSpan.FromMilliseconds(1);
        }
        Assert.Equal(10, output.ToString().Split("\u001b[2K").Length - 1);

        console.EndProgress();
        Assert.EndsWith("\u001b[2Kreading: 999 of 1,000 files in 1 s (999/s)\n", output.ToString());
    }
}
