using Electra.Data.Corpora;
using Electra.Data.Tagging;
using Electra.Tensors;

namespace Electra.Data.Tasks;

/// <summary>
/// Five tasks made from the API documentation of the installed SDK, one of each kind that GLUE has, one of words and one of answers, to
/// try fine-tuning without a download. The rows are a function of the SDK's version. A type with all its members is in one split only,
/// and no summary stands in two splits, so that nothing measured was learned by heart.
/// </summary>
internal static class DotnetDocsTasks
{
    // As many rows as three runs of each task have time for. Whether two texts belong together is not learned from few; and the share
    // of right answers of 500 rows moves by two points from one choice of rows to the next.
    private const int TrainKind = 3000, TrainReturns = 12_000, TrainDistance = 8000, TrainNames = 4000, Dev = 2000, Test = 500;

    // Another way of making rows from the same documentation needs another name.
    private const string Method = "dotnet-docs-tasks-2";

    private const long Seed = 3;
    private const int FewestWords = 5, MostCharacters = 300;
    private const string KindCodes = "TMPFE";

    /// <summary>What kind of member a summary describes: as many rows of each kind, but of events, of which there are few.</summary>
    public static TaskDefinition Kind { get; } = new()
    {
        Name = "docs-kind",
        DisplayName = "Kind",
        TextColumns = ["summary"],
        Labels = ["type", "method", "property", "field", "event"],
        Metrics = [Metrics.Accuracy, Metrics.Mcc],
        ReportedMetric = Metrics.Accuracy,
        Epochs = 6,
        Splits = Splits("docs-kind.tsv"),
    };

    /// <summary>
    /// Whether a description of a result belongs to a summary: each summary stands with its own and with another method's of the same
    /// split.
    /// </summary>
    public static TaskDefinition Returns { get; } = new()
    {
        Name = "docs-returns",
        DisplayName = "Returns",
        TextColumns = ["summary", "returns"],
        Labels = ["other", "own"],
        Metrics = [Metrics.Accuracy, Metrics.F1],
        ReportedMetric = Metrics.Accuracy,
        Epochs = 3,
        Splits = Splits("docs-returns.tsv"),
    };

    /// <summary>
    /// How close two members are in the tree of namespaces and types, from their summaries: 5 × the share of the longer path that both
    /// have; 0 where not even the root is shared, 5 in one type.
    /// </summary>
    private static TaskDefinition Distance { get; } = new()
    {
        Name = "docs-distance",
        DisplayName = "Distance",
        TextColumns = ["summary1", "summary2"],
        Range = (0, 5),
        LabelForm = LabelForm.Number,
        Metrics = [Metrics.Pearson, Metrics.Spearman],
        ReportedMetric = Metrics.Spearman,
        Epochs = 3,
        IsUnordered = true,
        Splits = Splits("docs-distance.tsv"),
    };

    /// <summary>Which words of a summary name a type of the API, and which a member of one: what its authors made a link.</summary>
    public static TaskDefinition Names { get; } = new()
    {
        Name = "docs-names",
        DisplayName = "Names",
        Kind = WordTags.Kind,
        TextColumns = ["summary"],
        Labels = TagSchemes.Tags(["member", "type"], TagScheme.Bio),
        Scheme = TagScheme.Bio,
        Metrics = WordTags.Kind.Metrics(TagSchemes.Tags(["member", "type"], TagScheme.Bio)),
        ReportedMetric = Metrics.F1,
        Epochs = 3,
        Splits = Splits("docs-names.conll"),
    };

    /// <summary>Which part of a method's documentation says what it does, and which what it returns.</summary>
    public static TaskDefinition Answer { get; } = new()
    {
        Name = "docs-answers",
        DisplayName = "Answers",
        Kind = Answers.Kind,
        Answers = new AnswerOptions { MaxAnswer = 60 },
        TextColumns = ["question", "context"],
        Metrics = Answers.MetricsOf(new AnswerOptions()),
        ReportedMetric = Metrics.F1,
        Epochs = 3,
        Splits = Splits("docs-answers.json"),
    };

    /// <summary>All five.</summary>
    public static IReadOnlyList<TaskDefinition> All { get; } = [Kind, Returns, Distance, Names, Answer];

    /// <summary>A task with its rows.</summary>
    /// <exception cref="UserErrorException">No SDK with documentation is found.</exception>
    public static TaskText Open(TaskDefinition task)
    {
        var content = $"{Method} {task.Name} {Corpus.Open(CorpusOptions.Parse(DotnetDocs.Name)).Fingerprint}";
        var members = new Lazy<ILookup<SplitRole, DocumentedMember>>(Members);
        return new TaskText(
            task,
            [
                .. task.Splits.Select(split => new TaskSplitText(
                    split,
                    $"{content} {split.Name} {Count(task, split.Role)}",
                    () =>
                    {
                        var rows = Rows(task, [.. members.Value[split.Role]], Count(task, split.Role));
                        return split.Role == SplitRole.Test ? rows.Select(Unlabelled) : rows;
                    }
                )),
            ]
        );
    }

    private static int Count(TaskDefinition task, SplitRole role) => role switch
    {
        SplitRole.Train => task == Kind ? TrainKind
            : task == Returns ? TrainReturns
            : task == Distance ? TrainDistance
            : TrainNames,
        SplitRole.Dev => Dev,
        _ => Test,
    };

    private static TaskSplit[] Splits(string submission) =>
        [new("train", SplitRole.Train), new("dev", SplitRole.Dev), new("test", SplitRole.Test, Submission: submission)];

    /// <summary>Members whose summary says something and no other member has, by the split of their type, in random order.</summary>
    private static ILookup<SplitRole, DocumentedMember> Members()
    {
        var said = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        return Shuffled(
                DotnetDocs.Members().Where(member => IsEnglish(member) && SaysSomething(member.Summary) && said.Add(member.Summary))
            )
            .ToLookup(member => RoleOf(member.Type));
    }

    private static IEnumerable<TaskRow> Rows(TaskDefinition task, IReadOnlyList<DocumentedMember> members, int count) =>
        task == Kind ? KindRows(members, count)
        : task == Returns ? ReturnsRows(members, count)
        : task == Names ? NamesRows(members, count)
        : task == Answer ? DocsAnswers.Rows(members, count)
        : DistanceRows(members, count);

    private static TaskRow Unlabelled(TaskRow row) => row with
    {
        Labels = [.. row.Labels.Select(_ => float.NaN)],
        Question = row.Question is { } question ? question with { Answers = null } : null,
    };

    /// <summary>
    /// Summaries in which something is named. Names that run into each other would share a word: such summaries are left out.
    /// </summary>
    private static IEnumerable<TaskRow> NamesRows(IReadOnlyList<DocumentedMember> members, int count)
    {
        var rows =
            from member in members
            let names = member.Names.Where(name => "TMPFE".Contains(name.Kind)).Select(name => (name.Place, name.Kind)).ToList()
            where names.Count > 0 && names.Zip(names.Skip(1)).All(pair => AreApart(member.Summary, pair.First.Place, pair.Second.Place))
            select WordTags.Labelled(
                Names,
                TaggedText.OfText(member.Summary, member.Type).WithSpans(names.Select(name => (
                    CodePoints.Count(member.Summary[..name.Place.Start.Value]),
                    CodePoints.Count(member.Summary[..name.Place.End.Value]),
                    name.Kind == 'T' ? "type" : "member"
                )))
            );
        return rows.Take(count);

        // what stands between them is not all of one word
        static bool AreApart(string text, Range a, Range b) => !text[a.End..b.Start].All(char.IsLetterOrDigit);
    }

    private static IEnumerable<TaskRow> KindRows(IReadOnlyList<DocumentedMember> members, int count)
    {
        var rows = KindCodes.SelectMany((code, label) => members.Where(member => member.Kind == code).Take(count / (KindCodes.Length - 1))
            .Select(member => new TaskRow([member.Summary], [label])));
        return Shuffled(rows);
    }

    private static IEnumerable<TaskRow> ReturnsRows(IReadOnlyList<DocumentedMember> members, int count)
    {
        var said = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        DocumentedMember[] methods =
        [
            .. members.Where(member => member.Kind == 'M' && SaysSomething(member.Returns) && said.Add(member.Returns)).Take(count / 2),
        ];
        // Each text stands in a right pair and in a wrong one: neither alone tells which.
        return Shuffled(methods.SelectMany((method, i) => new[]
        {
            new TaskRow([method.Summary, method.Returns], [1]),
            new TaskRow([method.Summary, methods[(i + 1) % methods.Length].Returns], [0]),
        }));
    }

    /// <summary>
    /// A sixth are of one type, a sixth of one namespace, and the others any two: far apart, as most are, and not all as far.
    /// </summary>
    private static IEnumerable<TaskRow> DistanceRows(IReadOnlyList<DocumentedMember> members, int count)
    {
        Func<DocumentedMember, string>[] parts =
        [
            member => member.Type,
            member => member.Namespace,
            .. Enumerable.Repeat<Func<DocumentedMember, string>>(_ => "", 4),
        ];
        return Shuffled(
            parts.SelectMany(
                (level, part) =>
                    Pairs(members.Skip(part * members.Count / parts.Length).Take(members.Count / parts.Length), level)
                        .Take(count / parts.Length)
                        .Select(pair => new TaskRow(
                            [pair.First.Summary, pair.Second.Summary],
                            [Closeness(pair.First.Type, pair.Second.Type)]
                        ))
            )
        );
    }

    /// <summary>
    /// Members that follow each other within a group, each in one pair; a group of many does not stand for more than its share.
    /// </summary>
    private static IEnumerable<(DocumentedMember First, DocumentedMember Second)> Pairs(
        IEnumerable<DocumentedMember> members,
        Func<DocumentedMember, string> group
    )
    {
        var waiting = new Dictionary<string, DocumentedMember>();
        foreach (var member in members)
            if (waiting.Remove(group(member), out var first))
                yield return (first, member);
            else
                waiting[group(member)] = member;
    }

    /// <summary>5 × shared leading parts of two names / parts of the longer one.</summary>
    internal static float Closeness(string a, string b)
    {
        string[] left = a.Split('.'), right = b.Split('.');
        int shared = left.Zip(right).TakeWhile(pair => pair.First == pair.Second).Count();
        return 5f * shared / Math.Max(left.Length, right.Length);
    }

    /// <summary>Processor instructions are documented by their signatures.</summary>
    private static bool IsEnglish(DocumentedMember member) =>
        !member.Namespace.StartsWith("System.Runtime.Intrinsics", StringComparison.Ordinal);

    private static bool SaysSomething(string text) => text.Length <= MostCharacters && text.Count(c => c == ' ') >= FewestWords - 1;

    /// <summary>Which split a type belongs to: 70% of the types train, 15% measure, 15% test.</summary>
    private static SplitRole RoleOf(string type) =>
        RandomKey
            .FromSeed(Seed)[BitConverter.ToInt64(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(type)))]
            .Numbers()
            .NextDouble() switch
        {
            < 0.7 => SplitRole.Train,
            < 0.85 => SplitRole.Dev,
            _ => SplitRole.Test,
        };

    private static IEnumerable<T> Shuffled<T>(IEnumerable<T> items) =>
        items.Select((item, i) => (item, Key: RandomKey.FromSeed(Seed)[i].Value)).OrderBy(pair => pair.Key).Select(pair => pair.item);
}
