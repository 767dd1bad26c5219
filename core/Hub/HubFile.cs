using System.Text.RegularExpressions;

namespace Electra.Hub;

/// <summary>A file of a repository.</summary>
internal sealed partial record HubFile
{
    /// <param name="path">Its path in the repository.</param>
    /// <param name="size">Its bytes.</param>
    /// <param name="hash">What names its content: the SHA-256 of a file in large-file storage, git's hash of any other.</param>
    /// <param name="isLarge">Whether it lies in large-file storage (LFS).</param>
    /// <exception cref="HubException">The path leads out of the repository, or the hash is not a hash.</exception>
    public HubFile(string path, long size, string hash, bool isLarge)
    {
        // Both become paths on this machine.
        if (!SafePath.IsSafe(path))
            throw new HubException($"the list of files names {path}, which is not a path inside the repository");
        if (!(isLarge ? Sha256() : AnyHash()).IsMatch(hash) || size < 0)
            throw new HubException($"the list of files gives {path} {size} bytes and the hash {hash}, which cannot be");
        (Path, Size, Hash, IsLarge, GitHash) = (path, size, hash, isLarge, hash);
    }

    /// <summary>Its path in the repository.</summary>
    public string Path { get; }

    public long Size { get; }

    /// <summary>What names its content: the SHA-256 of a file in large-file storage, git's hash of any other.</summary>
    public string Hash { get; }

    /// <summary>Whether it lies in large-file storage (LFS).</summary>
    public bool IsLarge { get; }

    /// <summary>Git's hash: of the pointer, where the file itself lies in large-file storage.</summary>
    internal string GitHash { get; init; }

    [GeneratedRegex(@"^[0-9a-f]{64}\z")]
    private static partial Regex Sha256();

    [GeneratedRegex(@"^[A-Za-z0-9_-]{1,128}\z")]
    private static partial Regex AnyHash();
}
