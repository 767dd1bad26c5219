using Electra.Storage;

namespace Electra.Configuration;

/// <summary>
/// A configuration that is another one with some values changed: the key <c>extends</c> names the other's file, beside it. Mappings are
/// merged, key by key; everything else is replaced, and what is said in another way goes (<see cref="InsteadOfAttribute"/>).
/// </summary>
internal static class ConfigBase
{
    private const string Key = "extends";

    /// <summary>What a file says, laid over the file that it extends.</summary>
    /// <param name="type">The configuration.</param>
    /// <param name="root">What the file says.</param>
    /// <param name="path">The file.</param>
    /// <param name="problems">What is wrong is added to them.</param>
    /// <param name="above">The files that led here.</param>
    public static ConfigNode? Under(
        ConfigRecordType type,
        ConfigNode? root,
        string path,
        List<ConfigProblem> problems,
        params string[] above
    )
    {
        if (root is not ConfigMapping mapping || mapping[Key] is not { } named)
            return root;
        var own = mapping with { Entries = [.. mapping.Entries.Where(entry => entry.Key != Key)] };
        if (named is not ConfigScalar { Text: var name } || name == "")
            return Problem("is the name of one configuration, beside this one");
        var file = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, name));
        if (file == Path.GetFullPath(path) || above.Contains(file))
            return Problem($"cannot be {name}: that file extends this one");
        if (FileStatus.Of(file).Kind is FileKind.Missing or FileKind.Folder)
            return Problem($"names {name}, and there is no file {Paths.Shown(file)}");
        return Under(type, Config.Tree(file, problems), file, problems, [.. above, Path.GetFullPath(path)]) is ConfigMapping under
            ? type.Remaining(under, own).With([], own)
            : own;

        ConfigMapping Problem(string message)
        {
            problems.Add(new ConfigProblem(Key, message, named.Place));
            return own;
        }
    }
}
