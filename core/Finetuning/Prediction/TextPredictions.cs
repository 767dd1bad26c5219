using System.Globalization;
using System.Text;
using Electra.Corpora;
using Electra.Files;
using Electra.Finetuning.Tasks;

namespace Electra.Finetuning.Prediction;

/// <summary>Predictions on lines of text: text in, label and probability out.</summary>
public static class TextPredictions
{
    /// <summary>
    /// Predicts each line: <c>label&lt;tab&gt;probability&lt;tab&gt;line</c>, or <c>value&lt;tab&gt;line</c> in a regression. What is there is
    /// predicted at once, so that lines that are typed are answered one by one.
    /// </summary>
    /// <param name="task">The task.</param>
    /// <param name="score">The outputs for some rows, <c>[rows · outputs]</c>.</param>
    /// <param name="options">Where lines come from and go to.</param>
    /// <param name="cancellation">Stops; an output file is then not written.</param>
    /// <returns>The number of lines predicted.</returns>
    /// <exception cref="UserErrorException">There is no such file, it is not UTF-8, or a line is no pair where the task wants one.</exception>
    public static int Predict(TaskDefinition task, Func<IReadOnlyList<TaskRow>, float[]> score, PredictOptions options, CancellationToken cancellation = default)
    {
        bool standard = options.Input == "-";
        var path = standard ? "" : ProjectPath.Find(options.Input);
        if (!standard && !File.Exists(path))
            throw new UserErrorException($"predict.input: there is no file {options.Input}; - is the standard input");
        using var typed = standard ? new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false, throwOnInvalidBytes: true)) : null;
        var source = standard ? "standard input" : ProjectPath.Shown(path);
        var pieces = Pieces(typed, path, options.BatchSize);
        if (options.Output == "")
        {
            using var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false));
            return Predict(task, score, pieces, source, output, cancellation);
        }
        int count = 0;
        AtomicFile.Write(ProjectPath.Output(options.Output), stream =>
        {
            using var output = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true);
            count = Predict(task, score, pieces, source, output, cancellation);
        });
        return count;
    }

    /// <summary>A line as a row of a task.</summary>
    /// <exception cref="UserErrorException">The task wants two texts, and the line has not two; or one, and it has a tab.</exception>
    internal static TaskRow Row(TaskDefinition task, string line, string place) => (task.IsPair, line.Split('\t')) switch
    {
        (true, [var a, var b]) => new TaskRow(a, b, float.NaN),
        (false, [var text]) => new TaskRow(text, "", float.NaN),
        (true, var parts) => throw new UserErrorException($"{place}: {task.DisplayName} reads two texts, separated by a tab ({string.Join(", ", task.TextColumns)}); the line has {(parts.Length == 1 ? "no tab" : $"{parts.Length - 1} tabs")}"),
        (false, _) => throw new UserErrorException($"{place}: {task.DisplayName} reads one text, and the line has a tab"),
    };

    internal static int Predict(TaskDefinition task, Func<IReadOnlyList<TaskRow>, float[]> score, IEnumerable<IReadOnlyList<string>> pieces, string source, TextWriter output, CancellationToken cancellation)
    {
        int count = 0;
        foreach (var lines in pieces)
        {
            cancellation.ThrowIfCancellationRequested();
            TaskRow[] rows = [.. lines.Select((line, i) => Row(task, line, $"{source}:{count + i + 1}"))];
            float[] logits = score(rows);
            for (int i = 0; i < rows.Length; i++)
                output.WriteLine($"{Answer(task, logits.AsSpan(i * task.Outputs, task.Outputs))}\t{lines[i]}");
            output.Flush();
            count += rows.Length;
        }
        return count;
    }

    private static string Answer(TaskDefinition task, ReadOnlySpan<float> logits) => task.IsRegression
        ? Labels.Text(task, logits)
        : string.Create(CultureInfo.InvariantCulture, $"{task.Labels[Metrics.Classes(logits, task.Outputs)[0]]}\t{Labels.Probability(logits):F4}");

    private static IEnumerable<IReadOnlyList<string>> Pieces(StreamReader? typed, string path, int size)
    {
        if (typed is not null)
            return Typed(typed, size);
        var file = new FileInfo(path);
        return SourceStreams.Lines(new SourceFile(file.FullName, file.Name, file.Length, file.LastWriteTimeUtc), new ReadPosition(_ => { })).Chunk(size);
    }

    /// <summary>The lines that are there already, a batch at most: whoever types, or waits for an answer, is not kept waiting for more.</summary>
    private static IEnumerable<IReadOnlyList<string>> Typed(StreamReader typed, int size)
    {
        var lines = new List<string>();
        while (Line(typed) is { } line)
        {
            lines.Add(line);
            if (lines.Count < size && typed.Peek() >= 0)
                continue;
            yield return lines;
            lines = [];
        }
        if (lines.Count > 0)
            yield return lines;
    }

    private static string? Line(StreamReader typed)
    {
        try
        {
            return typed.ReadLine();
        }
        catch (DecoderFallbackException e)
        {
            throw new UserErrorException("standard input is not UTF-8", e);
        }
    }
}
