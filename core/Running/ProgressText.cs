using System.Globalization;
using Electra.Configuration;
using Spectre.Console;

namespace Electra.Running;

/// <summary>How far a stage has come, in words.</summary>
internal static class ProgressText
{
    private const int BarLength = 24;

    /// <summary><c>reading documents: 45%, 1,234 of 2,742 documents, 98/s, 0:00:15 left</c></summary>
    public static string Plain(ProgressReport first, ProgressReport last, TimeSpan elapsed) =>
        $"{last.Stage}: {string.Join(", ", Parts(first, last, elapsed).Prepend(Percent(last)).OfType<string>())}";

    /// <summary><c>reading documents: 2,742 documents in 0:00:28 (98/s)</c></summary>
    public static string Ended(ProgressReport first, ProgressReport last, TimeSpan elapsed)
    {
        var rate = Rate(first, last, elapsed) is { } perSecond ? $" ({Number(perSecond)}/s)" : "";
        return $"{last.Stage}: {Amount(last)} in {Duration(elapsed)}{rate}";
    }

    /// <summary>A line with a bar, no longer than the terminal is wide: a longer one would wrap, and could not be cleared.</summary>
    public static string Live(IAnsiConsole terminal, ProgressReport first, ProgressReport last, TimeSpan elapsed)
    {
        var filled = last.Total > 0 ? (int)Math.Clamp(BarLength * last.Done / last.Total.Value, 0, BarLength) : 0;
        var (full, empty) = terminal.Profile.Capabilities.Unicode ? ('━', '─') : ('#', '-');
        var details = string.Join("  ", Parts(first, last, elapsed).Prepend(Percent(last)).OfType<string>());

        var width = terminal.Profile.Width - 1;
        if (last.Total is null || last.Stage.Length + BarLength + details.Length + 4 > width)
            return terminal.ToAnsi(new Spectre.Console.Text(Cut($"{last.Stage}  {details}", width)));
        return terminal.ToAnsi(
            new Markup(
                $"{Markup.Escape(last.Stage)}  [green]{new string(full, filled)}[/][grey]{new string(empty, BarLength - filled)}[/]  "
                    + $"{Markup.Escape(details)}"
            )
        );
    }

    private static IEnumerable<string?> Parts(ProgressReport first, ProgressReport last, TimeSpan elapsed)
    {
        var rate = Rate(first, last, elapsed);
        yield return Amount(last);
        yield return rate is null ? null : $"{Number(rate.Value)}/s";
        yield return rate > 0 && last.Total - last.Done is { } rest and > 0 && rest / rate.Value < TimeSpan.MaxValue.TotalSeconds
            ? $"{Duration(TimeSpan.FromSeconds(rest / rate.Value))} left"
            : null;
    }

    private static string? Percent(ProgressReport report) =>
        report.Total > 0 ? string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(100 * report.Done / report.Total.Value):0}%") : null;

    private static string Amount(ProgressReport report) =>
        report.Total is { } total && total != report.Done
            ? $"{Number(report.Done)} of {Number(total)} {report.Unit}"
            : $"{Number(report.Done)} {report.Unit}";

    /// <summary>What this process did a second; null before there is something to divide.</summary>
    private static double? Rate(ProgressReport first, ProgressReport last, TimeSpan elapsed) =>
        last.Done > first.Done && elapsed > TimeSpan.Zero ? (last.Done - first.Done) / elapsed.TotalSeconds : null;

    private static string Number(double value) =>
        value.ToString(Math.Abs(value) >= 100 || value == Math.Truncate(value) ? "N0" : "0.##", CultureInfo.InvariantCulture);

    private static string Duration(TimeSpan time) =>
        time.TotalSeconds < 10 ? $"{Number(Math.Round(time.TotalSeconds, 1))} s"
        : time.ToString(time.Days > 0 ? @"d\ \d\ h\:mm\:ss" : @"h\:mm\:ss", CultureInfo.InvariantCulture);

    /// <summary>As many whole words as fit; of a longer word its beginning.</summary>
    private static string Cut(string text, int width) =>
        text.Length <= width ? text
        : WordWrap.Lines(text, width).First() is { } words && words.Length <= width ? words
        : text[..Math.Max(0, width)];
}
