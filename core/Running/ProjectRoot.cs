using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Electra.Native;
using Electra.Storage;

namespace Electra.Running;

/// <summary>Finds the checkout that a script belongs to: the root of what it makes (<see cref="Paths.Root"/>).</summary>
internal static class ProjectRoot
{
    private const string RootMark = "Electra.Core.sln";

    /// <summary>
    /// Without a script, the root is the checkout of this library, else the one around the working directory, else the working directory.
    /// </summary>
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "The library is used by scripts that call nothing before they open a file.")]
    internal static void UseLibrary() => Paths.UseRoot(() =>
        LibraryFolders.All.Append(Directory.GetCurrentDirectory()).Select(Above).FirstOrDefault(folder => folder is not null)
        ?? Directory.GetCurrentDirectory());

    /// <summary>Says which script is run: what it makes belongs to its own checkout, wherever the library was built.</summary>
    /// <param name="script">The script's full path; another one says nothing.</param>
    public static void UseScript(string script)
    {
        if (Path.IsPathFullyQualified(script) && Above(Path.GetDirectoryName(script)) is { } folder)
            Paths.UseRoot(() => folder);
    }

    private static string? Above(string? folder)
    {
        for (var directory = folder is null ? null : new DirectoryInfo(folder); directory is not null; directory = directory.Parent)
            if (File.Exists(Path.Combine(directory.FullName, RootMark)))
                return directory.FullName;
        return null;
    }
}
