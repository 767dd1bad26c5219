using System.Collections.Concurrent;

namespace Electra.Storage;

/// <summary>
/// What a relative path in a configuration means: something to read is looked for in the working directory, then under the root; what
/// a run makes goes under the root. So a script does the same from the root and from its own folder.
/// </summary>
internal static class Paths
{
    private static readonly ConcurrentDictionary<string, string> Origins = new(StringComparer.Ordinal);

    private static Lazy<string> root = new(Directory.GetCurrentDirectory);

    /// <summary>The folder that holds what runs make: the working directory, unless something above says otherwise.</summary>
    public static string Root => root.Value;

    /// <summary>Sets the root, which is looked for when it is first needed.</summary>
    internal static void UseRoot(Func<string> find) => root = new(find);

    /// <summary>The places where a path to read is looked for, in order: one if it is absolute or starts with <c>~/</c>.</summary>
    public static IReadOnlyList<string> Candidates(string path) => Candidates(path, Directory.GetCurrentDirectory(), Root);

    internal static IReadOnlyList<string> Candidates(string path, string workingDirectory, string root) =>
        [.. new[] { Path.GetFullPath(ExpandHome(path), workingDirectory), Path.GetFullPath(ExpandHome(path), root) }.Distinct()];

    /// <summary>
    /// The full path of a file or folder to read. Where there is none, the full path it would have in the working directory: whoever
    /// opens it reports that.
    /// </summary>
    public static string Find(string path) => Find(path, Directory.GetCurrentDirectory(), Root);

    internal static string Find(string path, string workingDirectory, string root)
    {
        var candidates = Candidates(path, workingDirectory, root);
        return candidates.FirstOrDefault(Path.Exists) ?? candidates[0];
    }

    /// <summary>The full path of a file or folder that a run makes: a relative one is taken from the root.</summary>
    public static string Output(string path) => Path.GetFullPath(ExpandHome(path), Root);

    /// <summary>The shortest way to name a file to the user: relative to the working directory where it lies below it.</summary>
    public static string Shown(string path)
    {
        foreach (var (folder, origin) in Origins)
            if (path == folder || path.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                path = Path.TrimEndingDirectorySeparator(origin) + path[folder.Length..];
        var relative = Path.GetRelativePath(Directory.GetCurrentDirectory(), path);
        return relative.StartsWith("..", StringComparison.Ordinal) ? path : relative;
    }

    /// <summary>Names what lies in a temporary folder by where it comes from, until that is disposed.</summary>
    /// <param name="folder">The temporary folder.</param>
    /// <param name="origin">What it is a copy of.</param>
    internal static IDisposable ShowAs(string folder, string origin)
    {
        Origins[folder] = origin;
        return new Origin(folder);
    }

    private sealed record Origin(string Folder) : IDisposable
    {
        public void Dispose() => Origins.TryRemove(Folder, out _);
    }

    private static string ExpandHome(string path) =>
        path == "~" || path.StartsWith("~/", StringComparison.Ordinal)
            ? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) + path[1..]
            : path;
}
