
using Electra.Data.Tasks;

namespace Electra.Statistics;

/// <summary>Names and order of tasks in tables: GLUE's as in the original's tables, then all others by name.</summary>
internal static class TaskHeadings
{
    /// <summary>The eight tasks of the original's tables with their headings there. WNLI is in none of them.</summary>
    public static IReadOnlyList<(string Task, string Heading)> Glue { get; } =
    [
        ("cola", "CoLA"),
        ("sst2", "SST"),
        ("mrpc", "MRPC"),
        ("stsb", "STS"),
        ("qqp", "QQP"),
        ("mnli", "MNLI"),
        ("qnli", "QNLI"),
        ("rte", "RTE"),
    ];

    /// <summary>The heading of a task's column.</summary>
    public static string Heading(string task) =>
        Glue.FirstOrDefault(column => column.Task == task).Heading ?? GlueTasks.Find(task)?.DisplayName ?? task;

    /// <summary>
    /// The task that a name in a file of scores means, however it is written: <c>CoLA</c>, <c>SST</c> and <c>SST-2</c> are known.
    /// </summary>
    public static string Named(string name) =>
        GlueTasks.All.FirstOrDefault(task => Same(task.Name, name) || Same(task.DisplayName, name) || Same(Heading(task.Name), name))?.Name
        ?? name;

    /// <summary>The tasks, in the order of tables.</summary>
    public static IReadOnlyList<string> Ordered(IEnumerable<string> tasks) =>
        [.. tasks.Distinct().OrderBy(Place).ThenBy(task => task, StringComparer.Ordinal)];

    /// <summary>
    /// The tasks that an average is over: GLUE's eight, as far as they are there; where none is, all. So the average of a group
    /// compares with the published one, whatever other tasks the group has.
    /// </summary>
    public static IReadOnlyList<string> Averaged(IEnumerable<string> tasks)
    {
        var ordered = Ordered(tasks);
        var glue = ordered.Where(task => Glue.Any(column => column.Task == task)).ToList();
        return glue.Count > 0 ? glue : ordered;
    }

    private static int Place(string task)
    {
        var place = GlueTasks.All.ToList().FindIndex(known => known.Name == task);
        return place < 0 ? int.MaxValue : place;
    }

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}
