using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using System.Text;

namespace Electra.Data.Readers;

/// <summary>Lines as they come in: whoever types, or waits for an answer, is not kept waiting until there are more.</summary>
internal static class StandardInput
{
    /// <summary>What a configuration calls it.</summary>
    public const string Name = "-";

    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>As <see cref="Lines(Func{Stream}, int, CancellationToken, string)"/>, from what is open.</summary>
    public static IEnumerable<IReadOnlyList<string>> Lines(Stream input, int most, CancellationToken cancellation) =>
        Lines(() => input, most, cancellation, "standard input");

    /// <summary>The lines that are there, one at least and some at most, again and again until the end.</summary>
    /// <param name="open">
    /// Where they come from. It is opened and read ahead by a thread of its own, as nothing else ends a wait for a writer or a line that
    /// never comes.
    /// </param>
    /// <param name="most">Lines at a time.</param>
    /// <param name="cancellation">Ends a wait.</param>
    /// <param name="name">What names it in a message.</param>
    /// <exception cref="UserErrorException">A line is not UTF-8; those before it were handed out.</exception>
    public static IEnumerable<IReadOnlyList<string>> Lines(
        Func<Stream> open,
        int most,
        CancellationToken cancellation,
        string name
    )
    {
        // Never disposed: when a wait was ended, the reader may still add to it.
        var lines = new BlockingCollection<string>(most);
        Exception? failure = null;
        var reader = new Thread(() => failure = Read(open, lines, name)) { IsBackground = true, Name = name };
        reader.Start();
        while (lines.TryTake(out var first, Timeout.Infinite, cancellation))
        {
            List<string> taken = [first];
            while (taken.Count < most && lines.TryTake(out var next))
                taken.Add(next);
            yield return taken;
        }
        reader.Join();
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
    }

    /// <summary>Reads to the end.</summary>
    /// <returns>What went wrong.</returns>
    private static Exception? Read(Func<Stream> open, BlockingCollection<string> lines, string name)
    {
        int number = 1;
        try
        {
            // As Latin-1 every byte is a letter: what is not UTF-8 is found in its line, and not in the buffer that the line came with.
            using var reader = new StreamReader(open(), Encoding.Latin1, detectEncodingFromByteOrderMarks: false);
            for (; reader.ReadLine() is { } bytes; number++)
            {
                var line = Utf8.GetString(Encoding.Latin1.GetBytes(bytes));
                lines.Add(number == 1 ? line.TrimStart('\uFEFF') : line);
            }
            return null;
        }
        catch (DecoderFallbackException e)
        {
            return new UserErrorException(
                $"{name}:{number} is not UTF-8. Convert it (iconv -f latin1 -t utf-8, if that is what it is).",
                e
            );
        }
        catch (Exception e)
        {
            return e is IOException ? new UserErrorException($"{name} cannot be read: {e.Message}", e) : e;
        }
        finally
        {
            lines.CompleteAdding();
        }
    }
}
