using System.Text;

namespace Electra.Running;

/// <summary>
/// Text for a terminal that may be closed while the run goes on: what can no longer be shown is dropped, so that the run lives to save.
/// A file or a pipe that fails is another matter: there the text was wanted.
/// </summary>
internal sealed class TerminalWriter(TextWriter terminal) : TextWriter
{
    private static bool isUsed;
    private bool isClosed;

    public override Encoding Encoding => terminal.Encoding;

    /// <summary>From here on the console of the process is written to in this way, where it is a terminal.</summary>
    public static void Use()
    {
        if (isUsed)
            return;
        isUsed = true;
        if (!Console.IsOutputRedirected)
            Console.SetOut(new TerminalWriter(Console.Out));
        if (!Console.IsErrorRedirected)
            Console.SetError(new TerminalWriter(Console.Error));
    }

    public override void Write(char value) => WhileOpen(() => terminal.Write(value));

    public override void Write(string? value) => WhileOpen(() => terminal.Write(value));

    public override void Write(char[] buffer, int index, int count) => WhileOpen(() => terminal.Write(buffer, index, count));

    public override void Flush() => WhileOpen(terminal.Flush);

    private void WhileOpen(Action write)
    {
        if (isClosed)
            return;
        try
        {
            write();
        }
        catch (IOException)
        {
            isClosed = true;
        }
    }
}
