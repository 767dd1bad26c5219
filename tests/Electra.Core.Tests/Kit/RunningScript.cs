using System.Diagnostics;

namespace Electra.Tests.Kit;

/// <summary>A process with its input and output in the test's hands; killed, with its children, where a test leaves it running.</summary>
internal sealed class RunningScript : IDisposable
{
    /// <summary>A process that says nothing for so long hangs.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    private readonly Process process;
    private readonly Task<string> error;
    private bool isDisposed;

    /// <summary>Starts a program.</summary>
    /// <param name="program">The program, on the PATH or with its path.</param>
    /// <param name="words">What it is called with.</param>
    /// <param name="folder">Where it works.</param>
    /// <param name="environment">Variables of the environment beside those of the tests.</param>
    public RunningScript(
        string program,
        IEnumerable<string> words,
        string folder,
        IReadOnlyDictionary<string, string>? environment = null
    )
    {
        var start = new ProcessStartInfo(program, words)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        process = Process.Start(start)!;
        Id = process.Id;
        error = process.StandardError.ReadToEndAsync();
    }

    public int Id { get; }

    public bool HasExited => isDisposed || process.HasExited;

    /// <summary>The next line of the output; null at its end.</summary>
    public Task<string?> ReadLine()
    {
        var cancellation = TestContext.Current.CancellationToken;
        return process.StandardOutput.ReadLineAsync(cancellation).AsTask().WaitAsync(Patience, cancellation);
    }

    /// <summary>Reads the output up to a line that contains a text, which has to come.</summary>
    public async Task<string> WaitForLine(string text)
    {
        var said = new List<string>();
        while (await ReadLine() is { } line)
        {
            if (line.Contains(text))
                return line;
            said.Add(line);
        }
        Assert.Fail($"\"{text}\" was not said, but:\n{string.Join('\n', said)}\n{await error}");
        return "";
    }

    /// <summary>Writes to the standard input, at once.</summary>
    public async Task Type(string text)
    {
        await process.StandardInput.WriteAsync(text.AsMemory(), TestContext.Current.CancellationToken);
        await process.StandardInput.FlushAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Ends the standard input.</summary>
    public void EndInput() => process.StandardInput.Close();

    /// <summary>Sends a signal: <c>INT</c>.</summary>
    public void Send(string signal) => Command.Send(signal, Id);

    public void Kill()
    {
        if (!isDisposed)
            process.Kill();
    }

    /// <summary>Waits for the end, and reads what is left of the output.</summary>
    public async Task<ScriptResult> Finish()
    {
        try
        {
            var cancellation = TestContext.Current.CancellationToken;
            var output = await process.StandardOutput.ReadToEndAsync(cancellation).WaitAsync(Patience, cancellation);
            await process.WaitForExitAsync(cancellation);
            return new ScriptResult(process.ExitCode, output, await error);
        }
        finally
        {
            Dispose(); // one that hangs is killed
        }
    }

    public void Dispose()
    {
        if (isDisposed)
            return;
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        process.Dispose();
        isDisposed = true;
    }
}
