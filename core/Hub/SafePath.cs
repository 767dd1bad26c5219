namespace Electra.Hub;

/// <summary>What somebody else's list of files may name: nothing outside the folder that the files go to.</summary>
internal static class SafePath
{
    /// <summary>Whether a path leads to a place below the folder that it is taken from, on every operating system.</summary>
    public static bool IsSafe(string path) =>
        path.Length > 0
        && path.IndexOfAny(['\\', ':', '*', '?', '"', '<', '>', '|']) < 0
        && !path.Any(char.IsControl)
        // An absolute path begins with an empty part.
        && path.Split('/').All(part => part is not ("" or "." or ".."));
}
