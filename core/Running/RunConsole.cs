using Electra.Configuration;
using Electra.Native;
using Spectre.Console;

namespace Electra.Running;

/// <summary>
/// Where a run says what it does. On a terminal a slow stage is one live line under the log; into a file or a pipe it is a plain
/// line now and then, without colours. Slow stages take the console itself as their <see cref="IProgress{T}"/>.
/// </summary>
/// <remarks>May be used from several threads. Text is printed as it is: brackets in it are not markup.</remarks>
public sealed class RunConsole : IProgress<ProgressReport>
{
    private const string ClearLine = "\r\u001b[2K";
    private static readonly TimeSpan LiveInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan PlainInterval = TimeSpan.FromSeconds(5);

    private readonly Lock gate = new();
    private TextWriter output;
    private IAnsiConsole? terminal;
    private int width;
    private readonly TimeProvider time;
    private Stage? stage;
    private RunConsole? outer;
    private string name = "";
    private bool isOfRank;

    /// <param name="output">Receives everything.</param>
    /// <param name="terminal">Turns styles into control codes; null prints plain lines.</param>
    /// <param name="time">The clock of rates and intervals.</param>
    /// <param name="width">Columns that lines are wrapped to; null: the terminal's, and without one lines stay whole.</param>
    internal RunConsole(TextWriter output, IAnsiConsole? terminal, TimeProvider? time = null, int? width = null)
    {
        this.output = output;
        this.terminal = terminal;
        this.width = width ?? terminal?.Profile.Width ?? int.MaxValue;
        this.time = time ?? TimeProvider.System;
    }

    /// <summary>The process's own console. NO_COLOR is honoured, and TERM=dumb.</summary>
    internal static RunConsole Standard()
    {
        var console = new RunConsole(Console.Out, terminal: null);
        console.Use(Console.Out, Console.IsOutputRedirected || Launcher.MakesTerminals);
        return console;
    }

    /// <summary>
    /// From here on all goes to standard error: standard output is left to what the script makes, for a file or another program.
    /// </summary>
    public void LeaveStandardOutput()
    {
        lock (gate)
        {
            EndProgress();
            Use(Console.Error, Console.IsErrorRedirected);
        }
    }

    private void Use(TextWriter writer, bool isRedirected)
    {
        // Some build servers are taken for colour terminals although nothing there can redraw a line: a redirected output is plain.
        var ansi = isRedirected ? null : AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer) });
        (output, width) = (writer, ansi?.Profile.Width ?? int.MaxValue);
        terminal = ansi is { Profile.Capabilities.Ansi: true } ? ansi : null;
    }

    /// <summary>Prints a line.</summary>
    public void Line(string text = "") => Write(Wrapped(text) + "\n");

    /// <summary>Prints a line that should not be overlooked.</summary>
    public void Warning(string text) => Warn(text, isOfRun: false);

    /// <summary>
    /// Prints a line that should not be overlooked, of one of many runs: a process that is not the first prints it too, for no other does.
    /// </summary>
    internal void RunWarning(string text) => Warn(text, isOfRun: true);

    private void Warn(string text, bool isOfRun)
    {
        if (outer is null)
            Write(Styled(Wrapped($"warning: {text}"), "yellow") + "\n");
        else if (isOfRun || !isOfRank)
            outer.Warn(name == "" ? text : $"{name}: {text}", isOfRun || name != "");
    }

    /// <summary>Prints a line that is printed for one of many runs too, with its name before it.</summary>
    internal void Milestone(string text)
    {
        if (outer is null)
            Line(text);
        else if (name != "")
            outer.Milestone($"{name,-10}  {text}");
    }

    /// <summary>A console that prints nothing but warnings, on this one: for one of many runs in a script.</summary>
    /// <param name="name">The run's name, which stands before its warnings and milestones; empty: no milestones.</param>
    internal RunConsole Quiet(string name = "") => new(TextWriter.Null, terminal: null) { outer = this, name = name };

    /// <summary>
    /// A console on this one for a process that is not the first of several: it prints nothing that the first prints too, and of runs of
    /// its own their milestones and warnings.
    /// </summary>
    /// <param name="name">The process, which stands before the milestones of runs of its own; empty: it has none.</param>
    internal RunConsole OfRank(string name = "") => new(TextWriter.Null, terminal: null) { outer = this, name = name, isOfRank = true };

    /// <summary>Begins a section of the output.</summary>
    public void Heading(string title)
    {
        EndProgress();
        Write(
            terminal is null
                ? $"\n== {title} ==\n"
                : "\n" + terminal.ToAnsi(new Rule($"[bold]{Markup.Escape(title)}[/]") { Justification = Justify.Left, Style = "grey" })
        );
    }

    /// <summary>Prints names and values in two columns.</summary>
    public void Table(params IEnumerable<(string Name, object? Value)> rows) =>
        Write(
            TextTable.Format(
                [.. rows.Select(row => (IReadOnlyList<string>)[row.Name, TextTable.Cell(row.Value)])],
                alignNumbers: false,
                width
            )
        );

    /// <summary>Prints a table under a header; columns of numbers are aligned to the right.</summary>
    public void Table(IReadOnlyList<string> header, IEnumerable<IReadOnlyList<object?>> rows)
    {
        var lines = TextTable
            .Format([header, .. rows.Select(row => row.Select(TextTable.Cell).ToList())], alignNumbers: true, width)
            .Split('\n', 2);
        Write($"{Styled(lines[0], "bold")}\n{lines[1]}");
    }

    /// <summary>
    /// Shows how far a stage has come. A stage ends when all is done, when another begins, or at a heading; a report that goes back
    /// to its start begins it again.
    /// </summary>
    public void Report(ProgressReport value)
    {
        lock (gate)
        {
            var now = time.GetTimestamp();
            if (
                stage is null
                || stage.Last.Stage != value.Stage
                || (stage.IsEnded && value.Done <= stage.First.Done && value.Done < stage.Last.Done)
            )
            {
                EndProgress();
                stage = new Stage(value, value, now, LastShown: null);
            }
            else if (stage.IsEnded || value.Done < stage.Last.Done)
            {
                // Threads may report out of order.
                return;
            }
            stage = stage with { Last = value };

            if (value.Done >= value.Total)
                EndProgress();
            else if (stage.LastShown is not { } last || time.GetElapsedTime(last, now) >= (terminal is null ? PlainInterval : LiveInterval))
            {
                stage = stage with { LastShown = now };
                output.Write(terminal is null ? ProgressText.Plain(stage.First, value, Elapsed) + "\n" : ClearLine + LiveLine());
            }
        }
    }

    /// <summary>
    /// Shows how far a stage has come on a terminal only: for a stage that prints lines of its own now and then, as training does.
    /// </summary>
    public void ReportLive(ProgressReport value)
    {
        if (terminal is not null)
            Report(value);
    }

    /// <summary>Ends the stage in progress, if there is one: its line stays as it is.</summary>
    public void EndProgress()
    {
        lock (gate)
        {
            if (stage is not { IsEnded: false })
                return;
            var text = ProgressText.Ended(stage.First, stage.Last, Elapsed);
            stage = stage with { IsEnded = true };
            output.Write((terminal is null ? "" : ClearLine) + text + "\n");
            output.Flush();
        }
    }

    /// <summary>Prints text above the live line, in one piece so that nothing flickers.</summary>
    internal void Write(string text)
    {
        lock (gate)
        {
            output.Write(terminal is not null && stage is { IsEnded: false } ? ClearLine + text + LiveLine() : text);
            output.Flush();
        }
    }

    /// <summary>A text whose lines fit the terminal, broken between words. A command stays whole, so that it can be pasted.</summary>
    internal string Wrapped(string text) =>
        string.Join(
            '\n',
            text.Split('\n')
                .SelectMany(line =>
                    line.Contains("dotnet ", StringComparison.Ordinal)
                        ? [line]
                        : WordWrap.Lines(line, width, indent: "  ").DefaultIfEmpty("")
                )
        );

    private TimeSpan Elapsed => time.GetElapsedTime(stage!.Start);

    private string LiveLine() => ProgressText.Live(terminal!, stage!.First, stage.Last, Elapsed);

    private string Styled(string text, string style) =>
        terminal is null ? text : terminal.ToAnsi(new Markup($"[{style}]{Markup.Escape(text)}[/]"));

    private sealed record Stage(ProgressReport First, ProgressReport Last, long Start, long? LastShown, bool IsEnded = false);
}
