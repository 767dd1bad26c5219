using Electra.Data.Readers;
using Electra.Data.Tasks;
using Electra.Running;
using Electra.Storage;
using Electra.Tensors;

namespace Electra.Finetuning.Prediction;

/// <summary>Predictions on lines of text: text in, label and probability out.</summary>
public static class TextPredictions
{
    private const string Stage = "predicting lines";

    /// <summary>
    /// Predicts each line of a file or of standard input with the runs of one task, or with one model:
    /// <c>label&lt;tab&gt;probability&lt;tab&gt;line</c>, or <c>value&lt;tab&gt;line</c> in a regression. Where that goes to standard
    /// output, all else that is to be said goes to standard error.
    /// </summary>
    /// <param name="run">The experiment; its <c>predict</c> says where lines come from and go to.</param>
    /// <param name="compute">Where to compute.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="UserErrorException">
    /// More than one task is chosen or it has no run, there is no such model or file, it is not UTF-8, or a line is not a pair where the
    /// task wants one.
    /// </exception>
    public static int Predict(Run<FinetuneConfig> run, Compute compute)
    {
        var (config, options, console, stopping) = (run.Config, run.Config.Predict, run.Console, run.Stopping);
        if (LineAnswers.IsStandardOutput(options.Output))
            console.LeaveStandardOutput();
        bool isConversation = options.Input == StandardInput.Name && LineAnswers.IsStandardOutput(options.Output);
        var counts = new RowCounts();
        var models = new List<FinetunedModel>();
        try
        {
            var (task, mean) = options.Model == "" ? OfRuns(config, compute, console, models) : OfModel(run, compute, models);
            TaskOutputs Outputs(IReadOnlyList<TaskRow> rows) => Score(task, mean, rows);
            int count = NpyFile.Is(options.Output)
                ? WriteVectors(task, Outputs, options, console, stopping)
                : Predict(task, Outputs, options, isConversation ? null : console, stopping);
            console.EndProgress();
            foreach (var note in counts.Notes(options.Input, models[0].Encoding.MaxLength))
                console.Line(note);
            foreach (var warning in counts.Warnings(options.Input))
                console.Warning(warning);
            if (!LineAnswers.IsStandardOutput(options.Output))
                console.Line($"{Paths.Shown(Paths.Output(options.Output))}: {count:N0} lines");
            return 0;
        }
        finally
        {
            foreach (var model in models)
                model.Dispose();
        }

        // The runs of a group share their tokenizer: each row counts once.
        TaskOutputs Score(TaskDefinition task, Func<IReadOnlyList<float[]>, float[]> mean, IReadOnlyList<TaskRow> rows)
        {
            TaskOutputs[] all =
            [
                .. models.Select((model, i) => model.Predict(rows, options.BatchSize, i == 0 ? counts : new RowCounts(), stopping)),
            ];
            return all[0] with { Task = task, Outputs = mean([.. all.Select(run => run.Outputs)]) };
        }
    }

    /// <summary>Opens the runs of the one task.</summary>
    private static (TaskDefinition Task, Func<IReadOnlyList<float[]>, float[]> Mean) OfRuns(
        FinetuneConfig config,
        Compute compute,
        RunConsole console,
        List<FinetunedModel> models
    )
    {
        var chosen = OnlyOne(config);
        foreach (var result in chosen.Runs)
            models.Add(chosen.Open(result, compute));
        foreach (var why in chosen.LeftOut)
            console.Warning($"left out: {why}");
        console.Line($"{chosen.Task.DisplayName}, run {chosen.Numbers} of group {config.Group}: {Answers(chosen.Task)}");
        return (chosen.Task, chosen.Mean);
    }

    /// <summary>Opens the one model that is named.</summary>
    private static (TaskDefinition Task, Func<IReadOnlyList<float[]>, float[]> Mean) OfModel(
        Run<FinetuneConfig> run,
        Compute compute,
        List<FinetunedModel> models
    )
    {
        var (options, console) = (run.Config.Predict, run.Console);
        models.Add(FinetunedModel.OpenAny(options.Model, compute, console, run.Stopping));
        console.EndProgress();
        var task = models[0].Task;
        if (options.NullThreshold is not null && task.Answers is null)
            throw new UserErrorException(
                $"predict.null_threshold is for models that answer questions, and {options.Model} learned {task.Kind.Described(task)}"
            );
        console.Line($"{options.Model}: {Answers(task)}");
        return (
            task with { Answers = task.Answers?.With(options.NullThreshold) },
            outputs => Metrics.Finite(outputs[0], options.Model)
        );
    }

    /// <summary>
    /// Predicts each line. What is there is predicted at once, so that lines that are typed, or come from another program, are answered
    /// one by one.
    /// </summary>
    /// <param name="task">The task.</param>
    /// <param name="score">The outputs for some rows.</param>
    /// <param name="options">Where lines come from and go to.</param>
    /// <param name="progress">Told of the lines done.</param>
    /// <param name="cancellation">Stops; an output file is then not written.</param>
    /// <returns>The number of lines predicted.</returns>
    /// <exception cref="UserErrorException">There is no such file, it is not UTF-8, or a line is not a pair where the task wants
    /// one.</exception>
    internal static int Predict(
        TaskDefinition task,
        Func<IReadOnlyList<TaskRow>, TaskOutputs> score,
        PredictOptions options,
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default
    ) => LineAnswers.Write(options, Answerer(task, score), Stage, progress, cancellation);

    /// <summary>A line as a row of a task.</summary>
    /// <exception cref="UserErrorException">The task wants two texts, and the line has not two; or one, and it has a tab.</exception>
    private static TaskRow Row(TaskDefinition task, string line, string place) =>
        (task.IsPair, line.Split('\t')) switch
        {
            (true, [_, _] texts) => new TaskRow(texts, [float.NaN]),
            (false, [_] texts) => new TaskRow(texts, [float.NaN]),
            (false, [_, _] texts) when task.MayBePair => new TaskRow(texts, [float.NaN]),
            (true, var parts) => throw new UserErrorException(
                $"{place}: {task.DisplayName} reads two texts, separated by a tab ({string.Join(", ", task.TextColumns)}); "
                    + $"the line has {(parts.Length == 1 ? "no tab" : $"{parts.Length - 1} tabs")}"
            ),
            (false, _) => throw new UserErrorException($"{place}: {task.DisplayName} reads one text, and the line has a tab"),
        };

    internal static int Predict(
        TaskDefinition task,
        Func<IReadOnlyList<TaskRow>, TaskOutputs> score,
        IEnumerable<IReadOnlyList<string>> pieces,
        string source,
        TextWriter output,
        IProgress<ProgressReport>? progress,
        CancellationToken cancellation
    ) => LineAnswers.Write(pieces, source, Answerer(task, score), output, Stage, progress, cancellation);

    /// <summary>The vectors of all lines as one array.</summary>
    private static int WriteVectors(
        TaskDefinition task,
        Func<IReadOnlyList<TaskRow>, TaskOutputs> score,
        PredictOptions options,
        IProgress<ProgressReport> progress,
        CancellationToken cancellation
    )
    {
        if (!task.Kind.GivesVectors)
            throw new UserErrorException(
                $"predict.output: {options.Output} is for embeddings, and {task.DisplayName} has none: name it .tsv"
            );
        LineAnswers.RequireOther(options.Input, options.Output);
        var (source, pieces) = LineAnswers.Lines(options, cancellation);
        var vectors = new List<float[]>();
        int count = 0;
        foreach (var lines in pieces)
        {
            cancellation.ThrowIfCancellationRequested();
            var rows = Rows(task, lines, source, count, out var wrong);
            vectors.Add(wrong is null ? score(rows).Outputs : throw wrong);
            count += rows.Count;
            progress.Report(new ProgressReport(Stage, count, null, "lines"));
        }
        AtomicFile.Write(Paths.Output(options.Output), stream => NpyFile.Write(stream, count, vectors));
        return count;
    }

    private static LineAnswerer Answerer(TaskDefinition task, Func<IReadOnlyList<TaskRow>, TaskOutputs> score) => (lines, source, before) =>
    {
        var rows = Rows(task, lines, source, before, out var wrong);
        var outputs = rows.Count > 0 ? score(rows) : null;
        return new([.. Enumerable.Range(0, rows.Count).Select(Answer)], wrong);

        string Answer(int row) => task.Kind.Answer(outputs!, row) + (task.Kind.AnswersRepeatLine ? $"\t{lines[row]}" : "");
    };

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
                rows.Add((task.Kind.Row ?? Row)(task, line, $"{source}:{before + rows.Count + 1}"));
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
        $"{task.Kind.LineText(task)} in, {task.Kind.AnswerColumns}{(task.Kind.AnswersRepeatLine ? "<tab>line" : "")} out";
}
