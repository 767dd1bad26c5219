
namespace Electra.Tests.Scripting;

/// <summary>An entry of scripts/README.md: an edit of a script of the kit, or a script of its own.</summary>
/// <param name="Title">The heading above it.</param>
/// <param name="Script">The script that it edits; null: it is a whole script.</param>
/// <param name="Lines">The lines of the diff, or of the script.</param>
internal sealed record CookbookEntry(string Title, string? Script, string[] Lines)
{
    private const string Edited = "--- ";

    /// <summary>All entries, in their order.</summary>
    public static IReadOnlyList<CookbookEntry> All { get; } = Read("# Cookbook");

    /// <summary>The script as a program of its own.</summary>
    public static CookbookEntry FileBasedApp { get; } = Read("# Ways to run").First(entry => entry.Title == "As a .NET file-based app");

    /// <summary>Lines that the edit takes away or adds.</summary>
    public int Changes => Lines.Count(line => line.StartsWith('+') || line.StartsWith('-'));

    /// <summary>The script, edited, with the kit's library named by its full path.</summary>
    public string Text()
    {
        var text = Script is null ? string.Join('\n', Lines) : Applied(File.ReadAllText(Path.Combine(TestData.Repository, Script)));
        return ScriptRunner.Movable(text);
    }

    private string Applied(string text)
    {
        text = text.ReplaceLineEndings("\n");
        foreach (var hunk in string.Join('\n', Lines).Split("\n@@\n"))
        {
            var lines = hunk.Split('\n').Where(line => line.Length > 0).ToList();
            string Side(char own) => string.Concat(lines.Where(line => line[0] == ' ' || line[0] == own).Select(line => line[1..] + "\n"));
            Assert.Single(text.Split(Side('-'))[1..]); // what it stands beside is there, and once
            text = text.Replace(Side('-'), Side('+'));
        }
        return text;
    }

    private static List<CookbookEntry> Read(string part)
    {
        var entries = new List<CookbookEntry>();
        var title = "";
        var lines = File.ReadLines(Path.Combine(TestData.Repository, "scripts", "README.md"))
            .SkipWhile(line => line != part)
            .Skip(1)
            .TakeWhile(line => !line.StartsWith("# ", StringComparison.Ordinal))
            .ToList();
        for (int i = 0; i < lines.Count; i++)
            if (lines[i].StartsWith("## ", StringComparison.Ordinal))
                title = lines[i][3..];
            else if (lines[i] is "```diff" or "```csharp")
            {
                string[] block = [.. lines.Skip(i + 1).TakeWhile(line => line != "```")];
                bool isEdit = lines[i] == "```diff";
                entries.Add(
                    isEdit ? new CookbookEntry(title, block[0][Edited.Length..], block[1..]) : new CookbookEntry(title, null, block)
                );
                i += block.Length + 1;
            }
        return entries;
    }
}
