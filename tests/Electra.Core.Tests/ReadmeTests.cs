using System.Text.RegularExpressions;
using Electra.Bench;
using Electra.Configuration;
using Electra.Finetuning;
using Electra.Pretraining;

namespace Electra.Tests;

/// <summary>What the READMEs name is there.</summary>
public sealed partial class ReadmeTests
{
    /// <summary>Made by a run or the build, or an example's own.</summary>
    private static readonly string[] NotInTheRepository = ["NAME.csx", "electra.csx", "script.csx", "config.yaml", "my.yaml"];

    private static readonly Lazy<string[]> Files = new(() =>
        [
            .. new[] { "core", "tests", "scripts" }
                .Select(folder => Path.Combine(TestData.Repository, folder))
                .SelectMany(SourceCode.PathsUnder)
                .Concat(Directory.EnumerateFiles(Path.Combine(TestData.Repository, "configs"), "*", SearchOption.AllDirectories))
                .Select(path => Path.GetRelativePath(TestData.Repository, path).Replace('\\', '/')),
        ]
    );

    public static TheoryData<string> Readmes =>
        [
            "README.md",
            "configs/README.md",
            "core/README.md",
            "core/Bench/README.md",
            "scripts/README.md",
            "scripts/host/README.md",
            "tests/README.md",
        ];

    [Theory, MemberData(nameof(Readmes))]
    public void Files_that_a_readme_names_are_there(string readme)
    {
        var (text, folder) = (Text(readme), Path.GetDirectoryName(Path.Combine(TestData.Repository, readme))!);
        string[] shown = [.. OwnScript().Matches(text).Select(match => match.Groups[1].Value), .. NotInTheRepository];
        Assert.All(
            SourceName().Matches(text).Select(match => match.Value).Where(name => !shown.Contains(name.Split('/')[^1])),
            name => Assert.True(Files.Value.Any(file => $"/{file}".EndsWith($"/{name}", StringComparison.Ordinal)), name)
        );
        Assert.All(
            Link().Matches(text).Select(match => match.Groups[1].Value),
            target => Assert.True(Path.Exists(Path.Combine(folder, target)), target)
        );
    }

    [Theory, MemberData(nameof(Readmes))]
    public void Commands_of_a_readme_have_values_that_their_configuration_takes(string readme)
    {
        foreach (Match command in Command().Matches(Text(readme).Replace("\\\n", "")))
        {
            var file = Path.Combine(TestData.Repository, command.Groups["file"].Value);
            string[] keys =
            [
                .. Word()
                    .Matches(command.Groups["keys"].Value)
                    .Select(word => word.Value.Replace("'", ""))
                    .Where(word => !word.EndsWith('…')),
            ];
            object read = command.Groups["script"].Value switch
            {
                "pretrain" => Config.Load<PretrainConfig>(file, keys),
                "bench" => Config.Load<BenchConfig>(file, keys),
                _ => Config.Load<FinetuneConfig>(file, keys),
            };
            Assert.NotNull(read);
        }
    }

    [Fact]
    public void Every_configuration_is_named_in_their_readme()
    {
        string folder = Path.Combine(TestData.Repository, "configs"), text = File.ReadAllText(Path.Combine(folder, "README.md"));
        Assert.All(
            Directory.EnumerateFiles(folder, "*.yaml", SearchOption.AllDirectories),
            file => Assert.Contains(Path.GetFileName(file), text)
        );
    }

    [Fact]
    public void The_first_two_commands_of_the_front_page_are_what_every_change_has_to_pass()
    {
        var commands = Text("README.md").Split("\n```\n").Where(block => block.StartsWith("dotnet ", StringComparison.Ordinal)).Take(2);
        var passed = File.ReadAllText(Path.Combine(TestData.Repository, ".ci", "run"));
        Assert.All(commands.Select(block => block.TrimEnd()), command => Assert.Contains($"\n{command}", passed));
    }

    private static string Text(string readme) => File.ReadAllText(Path.Combine(TestData.Repository, readme)).ReplaceLineEndings("\n");

    [GeneratedRegex(@"(?<![\w./<>-])[A-Z_a-z][\w./-]*\.(cs|csx|yaml)\b")]
    private static partial Regex SourceName();

    /// <summary>A script that a README shows whole begins with its name.</summary>
    [GeneratedRegex(@"^// ([\w.]+), in scripts/$", RegexOptions.Multiline)]
    private static partial Regex OwnScript();

    [GeneratedRegex(@"\]\(([^)#:]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"scripts/(?<script>pretrain|finetune|predict|bench)\.csx -- (?<file>configs/[\w-]+\.yaml)(?<keys>[^`|\n]*)")]
    private static partial Regex Command();

    [GeneratedRegex(@"(?:[^\s']|'[^']*')+")]
    private static partial Regex Word();
}
