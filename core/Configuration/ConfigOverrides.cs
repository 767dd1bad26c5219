namespace Electra.Configuration;

/// <summary>The <c>key=value</c> arguments of a command line.</summary>
internal static class ConfigOverrides
{
    /// <summary>
    /// Lays overrides over what a file gave, the later over the earlier. What the file says in the place of which one of them stands goes.
    /// </summary>
    /// <param name="type">The configuration.</param>
    /// <param name="root">What the file gave.</param>
    /// <param name="overrides">The arguments.</param>
    /// <param name="problems">What is wrong with them is added.</param>
    public static ConfigNode Apply(
        ConfigRecordType type,
        ConfigNode root,
        IEnumerable<string> overrides,
        ICollection<ConfigProblem> problems
    )
    {
        var given = Read(overrides, problems);
        foreach (var (path, value) in given)
            root = type.Remaining(root, new ConfigMapping(value.Place, []).With(path, value));
        foreach (var (path, value) in given)
            root = root.With(path, value);
        return root;
    }

    private static List<(string[] Path, ConfigNode Value)> Read(IEnumerable<string> overrides, ICollection<ConfigProblem> problems)
    {
        var given = new List<(string[], ConfigNode)>();
        foreach (var argument in overrides)
        {
            var place = new ConfigPlace($"argument {argument}");
            if (argument.Split('=', 2) is not [{ Length: > 0 } key, var value] || key.Split('.').Contains(""))
                problems.Add(
                    new ConfigProblem(
                        "",
                        "an override has the form key=value, with dots in the key where it is nested, and in quotes where there is a "
                            + "space in it: 'tasks=[rte, cola]'",
                        place
                    )
                );
            else if (Value(value.Trim(), place, problems) is { } node)
                given.Add((key.Split('.'), node));
        }
        return given;
    }

    /// <summary>
    /// Lists, mappings and quoted texts are YAML. Everything else is one value, letter for letter: globs, and paths with a colon or
    /// a hash sign, need no quotes.
    /// </summary>
    private static ConfigNode? Value(string text, ConfigPlace place, ICollection<ConfigProblem> problems) =>
        text.Length > 0 && "[{\"'".Contains(text[0])
            ? ConfigYaml.Parse(text, _ => place, problems)
            : new ConfigScalar(place, text, IsQuoted: false);
}
