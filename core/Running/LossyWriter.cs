using System.Text;
using Electra.Native;

namespace Electra.Running;

/// <summary>
/// The console of the process. Lines that cannot be written (a full disk, a closed stream, a terminal that is gone) are counted and
/// dropped: the work goes on, and its files have what matters.
/// </summary>
/// <param name="stream">Receives the text; null where the process was started without the stream.</param>
internal sealed class LossyWriter(TextWriter? stream) : TextWriter
{
    private static LossyWriter? output, error;

    public override Encoding Encoding => stream?.Encoding ?? Encoding.UTF8;

    /// <summary>Lines that could not be written.</summary>
    private int LinesLost { get; set; }

    /// <summary>Why the last of them could not be.</summary>
    private string Reason { get; set; } = "";

    /// <summary>From here on the console of the process is written to in this way.</summary>
    public static void Use()
    {
        if (output is not null)
            return;
        Console.SetOut(output = new LossyWriter(StandardStreams.IsClosed(1) ? null : Console.Out));
        Console.SetError(error = new LossyWriter(StandardStreams.IsClosed(2) ? null : Console.Error));
    }

    /// <summary>Says once, on the stream that can still be written, how much the other lost.</summary>
    public static void TellOfLoss()
    {
        if (output is { LinesLost: > 0 })
            Console.Error.WriteLine(Note("standard output", output));
        else if (error is { LinesLost: > 0 })
            Console.Out.WriteLine(Note("standard error", error));
    }

    internal static string Note(string name, LossyWriter writer) =>
        $"warning: {writer.LinesLost} line{(writer.LinesLost == 1 ? "" : "s")} of {name} could not be written ({writer.Reason}). "
            + "The run's own files are complete.";

    public override void Write(char value) => Try(value == '\n' ? 1 : 0, stream => stream.Write(value));

    public override void Write(string? value) => Try(value.AsSpan().Count('\n'), stream => stream.Write(value));

    public override void Write(char[] buffer, int index, int count) =>
        Try(buffer.AsSpan(index, count).Count('\n'), stream => stream.Write(buffer, index, count));

    public override void WriteLine(string? value) => Write(value + NewLine);

    public override void Flush() => Try(0, stream => stream.Flush());

    private void Try(int lines, Action<TextWriter> write)
    {
        try
        {
            if (stream is not null)
                write(stream);
            else
                (LinesLost, Reason) = (LinesLost + lines, "it is closed");
        }
        // .NET takes a stream that is open, but not for writing, for a matter of permissions.
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            (LinesLost, Reason) = (
                LinesLost + lines,
                e is IOException ? e.Message.Split(" : ")[0].TrimEnd('.') : "it is not open for writing"
            );
        }
    }
}
