namespace Electra.Tests.Kit;

/// <summary>What may stand in the place of a file and is none, or not the file itself.</summary>
internal static class OddFiles
{
    /// <summary>Each object, and what a message says of it.</summary>
    public static IReadOnlyList<(string What, string Said)> All { get; } =
        OperatingSystem.IsWindows()
            ? [("folder", "is a folder")]
            :
            [
                ("folder", "is a folder"),
                ("link", "is a link to /nowhere/gone, which does not exist"),
                ("pipe", "is a pipe"),
                ("device", "is a device"),
            ];

    /// <summary>Puts an object in the place of whatever has the name.</summary>
    public static void Put(string what, string path)
    {
        File.Delete(path);
        switch (what)
        {
            case "folder":
                Directory.CreateDirectory(path);
                break;
            case "link":
                File.CreateSymbolicLink(path, "/nowhere/gone");
                break;
            case "pipe":
                Command.Run("mkfifo", path);
                break;
            case "device":
                File.CreateSymbolicLink(path, "/dev/null");
                break;
            default:
                throw new ArgumentException($"no {what}", nameof(what));
        }
    }

    /// <summary>Removes what <see cref="Put"/> made.</summary>
    public static void Remove(string path)
    {
        if (Directory.Exists(path))
            Directory.Delete(path);
        else
            File.Delete(path);
    }
}
