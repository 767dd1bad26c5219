
using Electra.Storage;

namespace Electra.Hub;

/// <summary>
/// A repository's folder in the cache, laid out as Python's huggingface_hub does, so that both use what the other downloaded:
/// <c>refs/main</c> holds a commit, <c>blobs/hash</c> the content of a file, <c>snapshots/commit/path</c> links to it, and
/// <c>trees/commit.json</c> lists the files of a commit.
/// </summary>
/// <param name="settings">Where the cache is.</param>
/// <param name="repository">Whose folder it is.</param>
internal sealed class HubCache(HubSettings settings, HubRepository repository)
{
    private readonly string folder = Path.Combine(settings.CacheFolder, repository.FolderName);

    /// <summary>Makes a link (where it lies, what it points to); tests replace it to be a system without links.</summary>
    internal Action<string, string> Link { get; init; } = (path, target) => File.CreateSymbolicLink(path, target);

    /// <summary>The commit that the revision was when it was last asked for; null where it never was.</summary>
    public string? Commit
    {
        get
        {
            if (IsCommit(repository.Revision))
                return repository.Revision;
            var file = Path.Combine(folder, "refs", repository.Revision);
            return File.Exists(file) && File.ReadAllText(file).Trim() is var commit && IsCommit(commit) ? commit : null;
        }
    }

    /// <summary>Notes which commit the revision is now.</summary>
    public void SetCommit(string commit)
    {
        if (commit != Commit)
            AtomicFile.WriteAllText(Path.Combine(folder, "refs", repository.Revision), commit);
    }

    /// <summary>Whether a text is the full name of a commit.</summary>
    public static bool IsCommit(string text) => text.Length == 40 && text.All(char.IsAsciiHexDigitLower);

    /// <summary>The folder of a commit's files.</summary>
    public string Snapshot(string commit) => Path.Combine(folder, "snapshots", commit);

    /// <summary>Where a file of a commit is found once it is downloaded.</summary>
    public string Pointer(string commit, HubFile file) =>
        Path.Combine(Snapshot(commit), file.Path.Replace('/', Path.DirectorySeparatorChar));

    /// <summary>Where the content of a file lies.</summary>
    public string Blob(HubFile file) => Path.Combine(folder, "blobs", file.Hash);

    /// <summary>Where the content of a file grows while it is downloaded.</summary>
    public string Incomplete(HubFile file) => Blob(file) + ".incomplete";

    /// <summary>The list of the files of a commit.</summary>
    public string Tree(string commit) => Path.Combine(folder, "trees", $"{commit}.json");

    /// <summary>Waits until no other process downloads the file; Python's library takes the same lock.</summary>
    public IDisposable Lock(HubFile file, IProgress<ProgressReport>? progress, CancellationToken cancellation) =>
        FileLock.Wait(
            Path.Combine(LockFolder, $"{file.Hash}.lock"),
            $"waiting for another process that downloads {file.Path}",
            progress,
            cancellation
        );

    /// <summary>Puts a finished download in its place, and links the snapshot to it.</summary>
    public void Accept(string commit, HubFile file)
    {
        File.Move(Incomplete(file), Blob(file), overwrite: true);
        LinkSnapshot(commit, file, isNew: true);
    }

    /// <summary>Links the snapshot to content that is there.</summary>
    /// <param name="commit">The commit.</param>
    /// <param name="file">The file.</param>
    /// <param name="isNew">Whether nothing else can use that content yet: where links are impossible it is moved, and copied
    /// otherwise.</param>
    public void LinkSnapshot(string commit, HubFile file, bool isNew)
    {
        var (pointer, blob) = (Pointer(commit, file), Blob(file));
        var parent = Path.GetDirectoryName(pointer)!;
        Directory.CreateDirectory(parent);
        var temporary = Path.Combine(parent, $".{Guid.NewGuid():N}.link");
        try
        {
            Link(temporary, Path.GetRelativePath(parent, blob));
            // Over a file or a link that leads nowhere.
            File.Move(temporary, pointer, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or PlatformNotSupportedException)
        {
            if (InputFile.Exists(pointer))
                return;
            if (isNew)
                File.Move(blob, pointer, overwrite: true);
            else
                AtomicFile.Write(pointer, stream =>
                {
                    using var content = File.OpenRead(blob);
                    content.CopyTo(stream);
                });
        }
    }

    /// <summary>Marks a file as one that is only passing through: it may be dropped.</summary>
    public void MarkTemporary(HubFile file)
    {
        Directory.CreateDirectory(LockFolder);
        File.WriteAllBytes(TemporaryMark(file), []);
    }

    /// <summary>Takes the mark away: the file stays.</summary>
    public void Keep(HubFile file)
    {
        if (File.Exists(TemporaryMark(file)))
            File.Delete(TemporaryMark(file));
    }

    /// <summary>Removes a file that is marked; what somebody else put into the cache stays.</summary>
    /// <param name="commit">The commit.</param>
    /// <param name="file">The file.</param>
    /// <param name="isShared">Whether the content is that of another file too, and stays for that one.</param>
    public void Drop(string commit, HubFile file, bool isShared)
    {
        if (!File.Exists(TemporaryMark(file)))
            return;
        File.Delete(Pointer(commit, file));
        if (isShared)
            return;
        File.Delete(Blob(file));
        File.Delete(TemporaryMark(file));
    }

    private string LockFolder => Path.Combine(settings.CacheFolder, ".locks", repository.FolderName);

    private string TemporaryMark(HubFile file) => Path.Combine(LockFolder, $"{file.Hash}.temporary");
}
