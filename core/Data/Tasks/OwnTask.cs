using Electra.Data.Readers;
using Electra.Data.Tagging;
using Electra.Storage;
using Electra.Tensors;

namespace Electra.Data.Tasks;

/// <summary>Opens tasks of one's own.</summary>
internal static class OwnTask
{
    /// <summary>The definition that options describe.</summary>
    public static TaskDefinition Define(string name, OwnTaskOptions options)
    {
        if (options.Problems().ToList() is [var (key, problem), ..])
            throw new UserErrorException($"task {name}: {key} {problem}");
        if (options.Scheme == TagScheme.Auto)
            return Define(name, options with { Scheme = SchemeOf(name, options) });
        var kind = options.Of();
        return new TaskDefinition
        {
            Kind = kind,
            Name = name,
            DisplayName = name,
            Answers = kind == Answers.Kind ? options.Answers ?? new() : null,
            Scheme = kind == WordTags.Kind ? options.Scheme : TagScheme.None,
            TagNames = options.Tags,
            ConstrainsTags = options.Decode == TagDecoding.Constrained,
            TextColumns = kind == Answers.Kind ? ["question", "context"]
                : options.TextColumns is { Count: > 0 } columns ? columns
                : ["text"],
            MeasuredColumns = kind == Answers.Kind ? ["question", "context"]
                : options.DevText.Count > 0 ? options.DevText
                : options.TextColumns is { Count: > 0 } measured ? measured
                : ["text"],
            HasQuery = options.Query != "",
            Embedding = options.Embeds,
            RankingLoss = options.Loss == TextLoss.Auto ? TextLoss.Bce : options.Loss,
            Labels = options.Outputs,
            DropLabels = options.DropLabels,
            Range = options.Range is [var low, var high] ? (low, high) : null,
            ClassWeights = options.ClassWeights.Count == 0 ? []
                : [.. options.Labels.Select(label => options.ClassWeights.GetValueOrDefault(label, 1))],
            BalancesClasses = options.BalanceClasses,
            Metrics = options.Measured,
            ReportedMetric = options.Metric != "" ? options.Metric
                : options.Measured.Contains(kind.ReportedMetric) ? kind.ReportedMetric
                : Metrics.Accuracy,
            Epochs = options.Epochs,
            IsUnordered = options.Unordered,
            Splits =
            [
                new("train", SplitRole.Train),
                new("dev", SplitRole.Dev),
                new("test", SplitRole.Test, Submission: name + kind.Extension) { HasLabels = options.TestLabels },
            ],
        };
    }

    /// <summary>The task with the splits that have files.</summary>
    /// <exception cref="UserErrorException">A file is missing, or of a kind that is not read.</exception>
    public static TaskText Open(TaskDefinition task, OwnTaskOptions options)
    {
        var columns = new TaskColumns(options.TextColumns, options.Label, options.Header)
        {
            LabelColumns = options.LabelColumns,
            Choices = options.ChoiceColumns,
        };
        var splits = new List<TaskSplitText>();
        foreach (var (split, file) in task.Splits.Zip([options.Train, options.Dev, options.Test]))
            if (file != "")
                splits.Add(
                    TaskRows.FromFiles(
                        task,
                        new TaskFile(
                            Found(task, split.Name, file),
                            split,
                            split.Role != SplitRole.Train && options.DevText.Count > 0 ? columns with { Texts = options.DevText } : columns,
                            new TableForm(options.Header),
                            LabelForm.Name
                        )
                    )
                );
        if (options.HeldOut > 0 && splits.Find(split => split.Split.Role == SplitRole.Train) is { } all)
        {
            splits.Remove(all);
            splits.InsertRange(0,
            [
                Part(all, task.Splits[0], options.HeldOut, heldOut: false),
                Part(all, task.Splits[1], options.HeldOut, heldOut: true),
            ]);
        }
        return splits.Count > 0
            ? new TaskText(task, splits)
            : throw new UserErrorException($"task {task.Name}: no file is given: train, dev or test");
    }

    /// <summary>The scheme of the training file: that of its first thousand sentences.</summary>
    private static TagScheme SchemeOf(string name, OwnTaskOptions options)
    {
        const int Sentences = 1000;
        var label = options.Label is "label" ? null : options.Label;
        var texts = TaggedFiles.Read(Checked(name, "train", options.Train), options.Text.FirstOrDefault(), label, true, options.Tags);
        return TagSchemes.Of(texts.Take(Sentences).Select(text => text.Tags ?? []));
    }

    private static string Found(TaskDefinition task, string split, string file)
    {
        var path = Checked(task.Name, split, file);
        return task.Kind.ReadsFile(path)
            ? path
            : throw new UserErrorException($"task {task.Name}: {split}: {file} is not {task.Kind.FileForms}");
    }

    private static string Checked(string task, string split, string file)
    {
        var path = Paths.Find(file);
        try
        {
            InputFile.Check(path);
            return path;
        }
        catch (UserErrorException e)
        {
            throw new UserErrorException($"task {task}: {split}: {e.Message}", e);
        }
    }

    /// <summary>The rows that are held out, or the others: each row's draw is a function of its number alone.</summary>
    private static TaskSplitText Part(TaskSplitText all, TaskSplit split, double share, bool heldOut) => all with
    {
        Split = split,
        Content = $"{all.Content}\nheld out {share}: {heldOut}",
        Rows = () => Drawn(all.Rows(), share, heldOut),
    };

    private static IEnumerable<TaskRow> Drawn(IEnumerable<TaskRow> rows, double share, bool heldOut)
    {
        int count = 0, drawn = 0;
        foreach (var row in rows)
            if (RandomKey.FromSeed(0)[count++].Numbers().NextDouble() < share == heldOut)
            {
                drawn++;
                yield return row;
            }
        if (drawn == 0)
            throw new UserErrorException(
                $"of {count} training rows, {(heldOut ? "none is" : "all are")} held out at held_out: "
                    + $"{share.ToString(System.Globalization.CultureInfo.InvariantCulture)}. "
                    + "Give more rows, another share, or a file to measure on (dev)"
            );
    }
}
