using System.Text;
using Electra.Data.Readers;
using Electra.Native;
using Electra.Storage;

namespace Electra.Finetuning.Prediction;

/// <summary>Answers of some lines, one for each.</summary>
/// <param name="Lines">The answers: of all lines, or of those before the first that is wrong.</param>
/// <param name="Wrong">What is wrong with that one; null where all are right.</param>
internal readonly record struct Answered(IReadOnlyList<string> Lines, UserErrorException? Wrong = null);

/// <summary>Answers lines: their source and the number of lines before them name them in messages.</summary>
internal delegate Answered LineAnswerer(IReadOnlyList<string> lines, string source, int before);

/// <summary>
/// Lines of text in, a line out for each: from a file, a pipe or standard input to a file, a pipe or standard output. What is there is
/// answered at once, so that lines that are typed, or come from another program, are answered one by one.
/// </summary>
internal static class LineAnswers
{
    /// <summary>Whether answers go to standard output, under whatever name.</summary>
    public static bool IsStandardOutput(string output) =>
        output is "" or StandardInput.Name || SpecialFile.IsStandardOutput(Paths.Output(output));

    /// <summary>Answers each line.</summary>
    /// <param name="options">Where lines come from and go to.</param>
    /// <param name="answer">Answers some of them.</param>
    /// <param name="stage">What is done with them, for <paramref name="progress"/>.</param>
    /// <param name="progress">Told of the lines done.</param>
    /// <param name="cancellation">Stops; an output file is then not written.</param>
    /// <returns>The number of lines.</returns>
    /// <exception cref="UserErrorException">There is no such file, it is not UTF-8, or a line is wrong.</exception>
    public static int Write(
        PredictOptions options,
        LineAnswerer answer,
        string stage,
        IProgress<ProgressReport>? progress,
        CancellationToken cancellation
    )
    {
        int count = 0;
        Write(options.Input, options.Output, output =>
        {
            var (source, pieces) = Lines(options, cancellation);
            count = Write(pieces, source, answer, output, stage, progress, cancellation);
        });
        return count;
    }

    /// <summary>Answers lines that come in pieces.</summary>
    public static int Write(
        IEnumerable<IReadOnlyList<string>> pieces,
        string source,
        LineAnswerer answer,
        TextWriter output,
        string stage,
        IProgress<ProgressReport>? progress,
        CancellationToken cancellation
    )
    {
        int count = 0;
        foreach (var lines in pieces)
        {
            cancellation.ThrowIfCancellationRequested();
            var answered = answer(lines, source, count);
            foreach (var line in answered.Lines)
                output.WriteLine(line);
            output.Flush();
            if (answered.Wrong is { } wrong)
                throw wrong;
            count += answered.Lines.Count;
            progress?.Report(new ProgressReport(stage, count, null, "lines"));
        }
        return count;
    }

    /// <summary>Refuses to write to a file that is read.</summary>
    /// <exception cref="UserErrorException">They are one file.</exception>
    public static void RequireOther(string input, string output)
    {
        if (IsStandardOutput(output) || input == StandardInput.Name)
            return;
        var path = Paths.Output(output);
        if (InputFile.Exists(path) && !SpecialFile.Is(path) && FileStatus.Of(Paths.Find(input)).Identity == FileStatus.Of(path).Identity)
            throw new UserErrorException($"predict.output: {output} is the file that is read; give another one");
    }

    /// <summary>Writes to standard output, or to a file, whole or not at all.</summary>
    /// <param name="input">The file that is read meanwhile, which must be another one.</param>
    /// <param name="output">The file; empty or <c>-</c>: standard output.</param>
    /// <param name="write">Writes.</param>
    public static void Write(string input, string output, Action<TextWriter> write)
    {
        if (IsStandardOutput(output))
        {
            using var standard = new StreamWriter(StandardStreams.Output(), new UTF8Encoding(false));
            write(standard);
            return;
        }
        RequireOther(input, output);
        AtomicFile.Write(Paths.Output(output), stream =>
        {
            using var file = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true);
            write(file);
        });
    }

    /// <summary>The lines, some batches at a time, as lines of like length are computed together.</summary>
    public static (string Source, IEnumerable<IReadOnlyList<string>> Pieces) Lines(PredictOptions options, CancellationToken cancellation)
    {
        const int Batches = 16;
        int size = options.BatchSize * Batches;
        if (options.Input == StandardInput.Name)
            return ("standard input", StandardInput.Lines(StandardStreams.Input(), size, cancellation));
        var path = Paths.Find(options.Input);
        // A pipe is read as it comes, and once.
        if (SpecialFile.Is(path))
            return (options.Input, StandardInput.Lines(() => SpecialFile.OpenRead(path), size, cancellation, options.Input));
        if (FileStatus.Of(path).Kind == FileKind.Missing)
            throw new UserErrorException($"predict.input: there is no file {options.Input}; {StandardInput.Name} is the standard input");
        InputFile.Check(path);
        var file = new FileInfo(path);
        var lines = SourceStreams.Lines(
            new SourceFile(file.FullName, file.Name, file.Length, file.LastWriteTimeUtc),
            new ReadPosition(_ => { })
        );
        return (Paths.Shown(file.FullName), lines.Chunk(size));
    }
}
