using System.Reflection;
using System.Text;

namespace Electra.Configuration;

/// <summary>What <c>--help</c> prints: how a script is called, and every key with its type, its default and its meaning.</summary>
internal static class ConfigHelp
{
    private const string ExecutionOnly = "A run can be resumed with another value.";

    private static readonly string[] Overrides =
        ["seed=36", "training.steps=1000", "training.batch_size=16", "'tasks=[rte, cola]'", "corpus='books/*.txt'"];

    /// <summary>Overrides of keys that a configuration has, as a shell takes them.</summary>
    internal static IEnumerable<string> Examples<T>()
    {
        var keys = ((ConfigRecordType)ConfigTypes.Of(typeof(T))).FullNames().ToHashSet();
        return Overrides.Where(example => keys.Contains(example.Trim('\'').Split('=')[0]));
    }

    public static string Usage<T>(string command, string description = "", string? operand = null)
        where T : class, IExperimentConfig<T>
    {
        var help = new StringBuilder();
        var (first, meaning, example) = operand is null
            ? (
                "<configuration.yaml>",
                "looked for in the working directory, then at the project's root",
                $"overrides a key: {string.Join("  ", Examples<T>())}"
            )
            : ($"<{operand}> ...", $"the key {operand}, below", "sets a key; a list is written '[a, b]'");
        var width = Math.Max(first.Length, "-h, --help".Length) + 2;
        help.Append($"""
            usage: {command} -- {first} [key=value ...]
            {(description == "" ? "" : $"\n{description}\n")}
              {first.PadRight(width)} {meaning}
              {"key=value".PadRight(width)} {example}
              {"-h, --help".PadRight(width)} this text

            exit codes: 0 done; 1 something to put right; 2 wrong call; 70 a bug; stopped after saving, the same command resumes:
            130 by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP, 75 by SIGUSR1, SIGUSR2 or SIGXCPU. A signal that comes more than five seconds
            after the first ends at once, without saving.

            keys:

            """);
        var defaults = T.Defaults(new ConfigMapping(new ConfigPlace("--help"), []));
        AppendKeys(help, (ConfigRecordType)ConfigTypes.Of(typeof(T)), defaults, "", []);
        return help.ToString();
    }

    private static void AppendKeys(StringBuilder help, ConfigRecordType type, object? defaults, string prefix, IReadOnlyList<Type> around)
    {
        foreach (var key in type.Keys)
        {
            var value = defaults is null ? null : key.Property.GetValue(defaults);
            var name = prefix + key.Name;
            var summary = ConfigDocumentation.Summary(key.Property);
            var nested = key.Type as ConfigRecordType;
            help.Append($"  {name}");
            if (nested is null or { ShortForm: not null })
                help.Append($" = {ConfigWriter.Shown(key.Type, value)}");
            help.Append('\n');

            var allowed = key.Constraints.Select(ConfigConstraint.Description).OfType<string>();
            if (nested is null)
                Append(string.Join("; ", allowed.Prepend(key.Type.Expectation)));
            Append(summary);
            if (!key.ChangesLearning)
                Append(ExecutionOnly);
            if (key.Type.Type.IsEnum)
                foreach (var member in key.Type.Type.GetFields(BindingFlags.Public | BindingFlags.Static))
                    if (ConfigDocumentation.Summary(member) is { Length: > 0 } meaning)
                        Append($"{KeyName.Of(member.Name)}: {meaning}");
            if (nested is not null && !around.Contains(nested.Type))
                AppendKeys(help, nested, value, name + ".", [.. around, type.Type]);
        }

        void Append(string text)
        {
            const string Indent = "      ";
            foreach (var line in WordWrap.Lines(text, WordWrap.UsualWidth - Indent.Length))
                help.Append(Indent).Append(line).Append('\n');
        }
    }
}
