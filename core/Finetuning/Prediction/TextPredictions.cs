using System.Globalization;
using System.Text;
using Electra.Data.Readers;
using Electra.Data.Tasks;
using Electra.Native;
using Electra.Running;
using Electra.Storage;
using Electra.Tensors;

namespace Electra.Finetuning.Prediction;

/// <summary>Predictions on lines of text: text in, label and probability out.</summary>
public static class TextPredictions
{
    /// <summary>
    /// Predicts each line of a file or of standard input with the runs of one task: <c>label&lt;tab&gt;probability&lt;tab&gt;line</c>, or
    /// <c>value&lt;tab&gt;line</c> in a regression. Where that goes to standard output, all else that is to be said goes to standard error.
    /// </summary>
    /// <param name="run">The experiment; its <c>predict</c> says where lines come from and go to.</param>
    /// <param name="compute">Where to compute.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="UserErrorException">
    /// More than one task is chosen or it has no run, there is no such file, it is not UTF-8, or a line is not a pair where the task wants
    /// one.
    /// </exception>
    public static int Predict(Run<FinetuneConfig> run, Compute compute)
    {
        var (config, options, console, stopping) = (run.Config, run.Config.Predict, run.Console, run.Stopping);
        if (IsStandardOutput(options.Output))
            console.LeaveStandardOutput();
        var chosen = OnlyOne(config);
        bool isConversation = options.Input == StandardInput.Name && IsStandardOutput(options.Output);
        var counts = new RowCounts();
        var models = new List<FinetunedModel>();
        try
        {
            foreach (var result in chosen.Runs)
                models.Add(chosen.Open(result, compute));
            foreach (var why in chosen.LeftOut)
                console.Warning($"left out: {why}");
            console.Line($"{chosen.Task.DisplayName}, run {chosen.Numbers} of group {config.Group}: {Answers(chosen.Task)}");
            int count = Predict(chosen.Task, Score, options, isConversation ? null : console, stopping);
            console.EndProgress();
            foreach (var note in counts.Notes(options.Input, models[0].Encoding.MaxLength))
                console.Line(note);
            foreach (var warning in counts.Warnings(options.Input))
                console.Warning(warning);
            if (!IsStandardOutput(options.Output))
                console.Line($"{Paths.Shown(Paths.Output(options.Output))}: {count:N0} lines");
            return 0;
        }
        finally
        {
            foreach (var model in models)
                model.Dispose();
        }

        // The runs of a group share their tokenizer: each row counts once.
        float[] Score(IReadOnlyList<TaskRow> rows) =>
            chosen.Mean([
                .. models.Select((model, i) => model.Predict(rows, options.BatchSize, i == 0 ? counts : new RowCounts(), stopping)),
            ]);
    }

    /// <summary>
    /// Predicts each line. What is there is predicted at once, so that lines that are typed, or come from another program, are answered
    /// one by one.
    /// </summary>
    /// <param name="task">The task.</param>
    /// <param name="score">The outputs for some rows, <c>[rows · outputs]</c>.</param>
    /// <param name="options">Where lines come from and go to.</param>
    /// <param name="progress">Told of the lines done.</param>
    /// <param name="cancellation">Stops; an output file is then not written.</param>
    /// <returns>The number of lines predicted.</returns>
    /// <exception cref="UserErrorException">There is no such file, it is not UTF-8, or a line is not a pair where the task wants
    /// one.</exception>
    internal static int Predict(
        TaskDefinition task,
        Func<IReadOnlyList<TaskRow>, float[]> score,
        PredictOptions options,
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default
    )
    {
        if (IsStandardOutput(options.Output))
        {
            var (source, pieces) = Lines(options, cancellation);
            using var output = new StreamWriter(StandardStreams.Output(), new UTF8Encoding(false));
            return Predict(task, score, pieces, source, output, progress, cancellation);
        }
        int count = 0;
        var path = Paths.Output(options.Output);
        if (options.Input != StandardInput.Name && InputFile.Exists(path) && !SpecialFile.Is(path)
            && FileStatus.Of(Paths.Find(options.Input)).Identity == FileStatus.Of(path).Identity)
            throw new UserErrorException($"predict.output: {options.Output} is the file that is read; give another one");
        AtomicFile.Write(path, stream =>
        {
            var (source, pieces) = Lines(options, cancellation);
            using var output = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true);
            count = Predict(task, score, pieces, source, output, progress, cancellation);
        });
        return count;
    }

    /// <summary>Whether predictions go to standard output, under whatever name.</summary>
    private static bool IsStandardOutput(string output) =>
        output is "" or StandardInput.Name || SpecialFile.IsStandardOutput(Paths.Output(output));

    /// <summary>A line as a row of a task.</summary>
    /// <exception cref="UserErrorException">The task wants two texts, and the line has not two; or one, and it has a tab.</exception>
    private static TaskRow Row(TaskDefinition task, string line, string place) =>
        (task.IsPair, line.Split('\t')) switch
        {
            (true, [var a, var b]) => new TaskRow(a, b, float.NaN),
            (false, [var text]) => new TaskRow(text, "", float.NaN),
            (true, var parts) => throw new UserErrorException(
                $"{place}: {task.DisplayName} reads two texts, separated by a tab ({string.Join(", ", task.TextColumns)}); "
                    + $"the line has {(parts.Length == 1 ? "no tab" : $"{parts.Length - 1} tabs")}"
            ),
            (false, _) => throw new UserErrorException($"{place}: {task.DisplayName} reads one text, and the line has a tab"),
        };

    internal static int Predict(
        TaskDefinition task,
        Func<IReadOnlyList<TaskRow>, float[]> score,
        IEnumerable<IReadOnlyList<string>> pieces,
        string source,
        TextWriter output,
        IProgress<ProgressReport>? progress,
        CancellationToken cancellation
    )
    {
        int count = 0;
        foreach (var lines in pieces)
        {
            cancellation.ThrowIfCancellationRequested();
            var rows = Rows(task, lines, source, count, out var wrong);
            float[] logits = rows.Count > 0 ? score(rows) : [];
            for (int i = 0; i < rows.Count; i++)
                output.WriteLine($"{Answer(task, logits.AsSpan(i * task.Outputs, task.Outputs))}\t{lines[i]}");
            output.Flush();
            if (wrong is not null)
                throw wrong;
            count += rows.Count;
            progress?.Report(new ProgressReport("predicting lines", count, null, "lines"));
        }
        return count;
    }

    /// <summary>The lines before the first that is wrong: they are answered all the same.</summary>
    private static List<TaskRow> Rows(
        TaskDefinition task,
        IReadOnlyList<string> lines,
        string source,
        int before,
        out UserErrorException? wrong
    )
    {
        var rows = new List<TaskRow>();
        wrong = null;
        try
        {
            foreach (var line in lines)
                rows.Add(Row(task, line, $"{source}:{before + rows.Count + 1}"));
        }
        catch (UserErrorException e)
        {
            wrong = e;
        }
        return rows;
    }

    /// <summary>The runs of the one task that lines are predicted with.</summary>
    private static ChosenRuns OnlyOne(FinetuneConfig config)
    {
        var all = ChosenRuns.Choose(config);
        if (config.Tasks is not [var name])
        {
            var ready = all.Where(task => task.Runs.Count > 0 && task.Task.Model == task.Task.Name).Select(task => task.Task.Name).ToList();
            throw new UserErrorException(
                $"predict.input is predicted with one task, and the configuration has {config.Tasks.Count}: "
                    + $"tasks={ready.FirstOrDefault(config.Tasks[0])} (tasks with a finished run of group {config.Group}: "
                    + $"{string.Join(", ", ready)})"
            );
        }
        return all[0].Runs.Count > 0
            ? all[0]
            : throw new UserErrorException($"no run of {name} in group {config.Group} is finished; scripts/finetune.csx makes runs");
    }

    private static string Answers(TaskDefinition task) =>
        $"{(task.IsPair ? $"{string.Join("<tab>", task.TextColumns)} in" : "a text in")}, "
            + $"{(task.IsRegression ? "value" : "label<tab>probability")}<tab>line out";

    private static string Answer(TaskDefinition task, ReadOnlySpan<float> logits) => task.IsRegression
        ? Labels.Name(task, logits)
        : string.Create(CultureInfo.InvariantCulture, $"{Labels.Name(task, logits)}\t{Labels.Probability(logits):F4}");

    /// <summary>The lines, some batches at a time, as lines of like length are computed together.</summary>
    private static (string Source, IEnumerable<IReadOnlyList<string>> Pieces) Lines(PredictOptions options, CancellationToken cancellation)
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
