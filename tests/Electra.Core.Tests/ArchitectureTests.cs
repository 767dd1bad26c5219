using Electra.Running;
using Microsoft.CodeAnalysis;

namespace Electra.Tests;

/// <summary>The house as core/README.md describes it: the order of its rooms, and the size of what stands in them.</summary>
public sealed class ArchitectureTests
{
    private const int FileLines = 300, FunctionLines = 60, Columns = 140;

    /// <summary>
    /// The rooms, lowest first. A namespace uses only those before it; those in one line know nothing of each other. Statistics stands
    /// below Training: it reads the records of runs, and knows nothing of how they were made.
    /// </summary>
    private static readonly string[][] Rooms =
    [
        ["Electra"],
        ["Electra.Native"],
        ["Electra.Tensors.Kernels"],
        ["Electra.Tensors"],
        ["Electra.Storage"],
        ["Electra.Hub"],
        ["Electra.Tokenization"],
        ["Electra.Data"],
        ["Electra.Data.Readers"],
        ["Electra.Data.Corpora"],
        ["Electra.Data.Examples"],
        ["Electra.Data.Tagging"],
        ["Electra.Data.Answering"],
        ["Electra.Data.Tasks"],
        ["Electra.Model"],
        ["Electra.Optimization"],
        ["Electra.Distributed"],
        ["Electra.Checkpoints.Formats"],
        ["Electra.Checkpoints.HuggingFace"],
        ["Electra.Checkpoints"],
        ["Electra.Configuration"],
        ["Electra.Running"],
        ["Electra.Statistics.Inference"],
        ["Electra.Statistics"],
        ["Electra.Training"],
        ["Electra.Pretraining", "Electra.Finetuning"],
        ["Electra.Finetuning.Prediction"],
        ["Electra.Scoring"],
        ["Electra.Predictors"],
        ["Electra.Export"],
        ["Electra.Bench"],
    ];

    private static readonly Lazy<SourceCode> Core = new(() => new SourceCode(SourceCode.Core()));

    [Fact]
    public void A_room_uses_only_rooms_below_it()
    {
        // Members that a generator writes are not there to be resolved; everything else is.
        Assert.InRange(Core.Value.Unresolved().Count, 0, 0);
        var upward =
            from use in Core.Value.Uses()
            where use.From != use.To && Floor(use.To) >= Floor(use.From)
            group use by (use.From, use.To, use.What) into same
            select $"{same.Key.From} uses {same.Key.To} ({same.Key.What}): {string.Join(", ", same.Select(use => use.Where).Distinct())}";
        Assert.Empty(upward);
    }

    [Fact]
    public void An_arrow_upward_is_seen_in_names_constants_aliases_and_documentation()
    {
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("Low.cs"), """
            using Alias = Electra.Running.High;

            namespace Electra.Storage;

            /// <summary>As <see cref="Electra.Running.Documented"/>.</summary>
            internal sealed class Low
            {
                public static int Number = Electra.Running.Constants.One;
                public static string Name = nameof(Electra.Running.Named);
                public static object Made() => new Alias().Chain().Link;
            }
            """);
        File.WriteAllText(folder.File("High.cs"), """
            namespace Electra.Running;

            internal sealed class High { public Between Chain() => new(); }
            internal sealed class Between { public int Link => 0; }
            internal sealed class Documented;
            internal sealed class Named;
            internal static class Constants { public const int One = 1; }
            """
        );
        var seen = new SourceCode(folder.Path)
            .Uses()
            .Where(use => use.From == "Electra.Storage" && use.To == "Electra.Running")
            .Select(use => use.What);
        Assert.Equal(["Between", "Constants", "Documented", "High", "Named"], seen.Distinct().Order());
    }

    [Fact]
    public void A_namespace_is_its_folder() =>
        Assert.All(Core.Value.Files, file =>
        {
            var folder = Path.GetDirectoryName(Core.Value.Relative(file.FilePath))!.Replace('/', '.').Replace('\\', '.');
            Assert.Equal(folder == "" ? "Electra" : $"Electra.{folder}", SourceCode.NamespaceOf(file));
        });

    [Fact]
    public void No_message_below_Running_names_a_script() =>
        Assert.Empty(
            from file in Core.Value.Files
            where Floor(SourceCode.NamespaceOf(file)!) < Floor("Electra.Running")
            from token in file.GetRoot().DescendantTokens()
            where token.Text.Contains("scripts/", StringComparison.Ordinal) || token.Text.Contains(".csx", StringComparison.Ordinal)
            select $"{Core.Value.Relative(file.FilePath)}: {token.Text}"
        );

    [Fact]
    public void A_file_is_at_most_300_lines_or_says_why_it_is_longer() =>
        Assert.Empty(
            from file in Core.Value.Files
            let lines = file.GetText().Lines.Count
            where
                lines > FileLines + 1
                && !file.GetRoot().GetLeadingTrivia().ToFullString().Contains($"over {FileLines} lines", StringComparison.Ordinal)
            select $"{Core.Value.Relative(file.FilePath)}: {lines}"
        );

    [Fact]
    public void A_function_is_at_most_60_lines_or_says_why_it_is_longer() =>
        Assert.Empty(
            from function in Core.Value.Functions()
            where function.Lines > FunctionLines && !function.Comment.Contains($"over {FunctionLines} lines", StringComparison.Ordinal)
            select $"{function.Where} {function.Name}: {function.Lines}");

    [Fact]
    public void No_line_is_longer_than_140_columns() =>
        Assert.Empty(
            from folder in new[] { "core", "tests", "scripts" }
            from file in SourceCode.PathsUnder(Path.Combine(TestData.Repository, folder))
            from line in File.ReadLines(file).Index()
            where line.Item.Length > Columns
            select $"{file}:{line.Index + 1}"
        );

    /// <summary>Public is what scripts need. Lower it where types become internal; raise it only for what a script will use.</summary>
    [Fact]
    public void Public_types_are_counted() =>
        Assert.InRange(typeof(Experiment).Assembly.GetExportedTypes().Length, 0, 156);

    private static int Floor(string space)
    {
        int floor = Array.FindIndex(Rooms, room => room.Contains(space));
        return floor >= 0
            ? floor
            : throw new InvalidOperationException($"{space} has no place in the order of rooms: give it one in {nameof(Rooms)}");
    }
}
