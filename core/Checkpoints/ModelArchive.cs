using System.Globalization;
using System.IO.Compression;
using System.IO.Hashing;
using Electra.Checkpoints.Formats;
using Electra.Checkpoints.HuggingFace;
using Electra.Storage;

namespace Electra.Checkpoints;

/// <summary>
/// A zip archive with the folder of one model in it, as Google publishes its own (<c>electra_small.zip</c>). The folder is unpacked into a
/// temporary one, which is removed with the last that uses it.
/// </summary>
internal sealed class ModelArchive : IDisposable
{
    private const string Prefix = "electra-unpacked-", LockFile = ".lock", Unpacked = "model";
    private const int DirectoryEntry = 0x4000, LinkEntry = 0xA000, TypeMask = 0xF000; // of st_mode, in an entry's upper half
    private const long SuspiciousBytes = 1L << 30;
    private const int LongestName = 255;
    private const int SuspiciousRatio = 100; // of weights, deflate saves a tenth

    private readonly string temporary;
    private readonly FileLock alive;
    private readonly IDisposable shownName;
    private int users = 1;

    private ModelArchive(string path, Layout layout, string temporary, FileLock alive)
    {
        (Path, Folder, this.temporary, this.alive) = (path, System.IO.Path.Combine(temporary, Unpacked), temporary, alive);
        shownName = Paths.ShowAs(Folder, System.IO.Path.Combine(path, layout.Root));
    }

    /// <summary>The archive.</summary>
    public string Path { get; }

    /// <summary>The model's folder, unpacked.</summary>
    public string Folder { get; }

    /// <summary>Whether a file is an archive by its name or its first bytes, and not by its name one of <c>torch.save</c>.</summary>
    public static bool Is(string path)
    {
        if (WeightFiles.IsWeights(path) || FileStatus.Of(path).Kind != FileKind.File)
            return false;
        if (IsNamed(path))
            return true;
        using var file = InputFile.Open(path);
        Span<byte> head = stackalloc byte[4];
        return file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) == head.Length && head.SequenceEqual("PK\u0003\u0004"u8);
    }

    /// <summary>Whether a file has the name of an archive.</summary>
    public static bool IsNamed(string path) => path.EndsWith(".zip", StringComparison.OrdinalIgnoreCase);

    /// <summary>Unpacks the model of an archive.</summary>
    /// <param name="path">The archive.</param>
    /// <param name="withWeights">Whether the weights are wanted, or only what lies beside them.</param>
    /// <param name="progress">Told of the megabytes unpacked.</param>
    /// <param name="cancellation">Stops it; nothing is left.</param>
    /// <exception cref="UserErrorException">It holds no model or several, is damaged, or the temporary folder has no room.</exception>
    public static ModelArchive Open(
        string path,
        bool withWeights = true,
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default
    )
    {
        InputFile.Check(path);
        var (temporary, alive) = NewFolder();
        RemoveLeft();
        try
        {
            using var file = InputFile.Open(path, FileOptions.RandomAccess);
            using var zip = new ZipArchive(file, ZipArchiveMode.Read);
            var layout = Layout.Of(zip);
            var files = layout.Files(zip).Where(entry => withWeights || !Layout.IsOfWeights(entry.Key)).ToDictionary();
            RequireRoom(path, temporary, files.Values, file.Length);
            var folder = Directory.CreateDirectory(System.IO.Path.Combine(temporary, Unpacked)).FullName;
            DiskSpace.Guard(temporary, () => Unpack(files, folder, System.IO.Path.GetFileName(path), progress, cancellation));
            return new ModelArchive(path, layout, temporary, alive);
        }
        catch (Exception e)
        {
            Remove(temporary, alive);
            throw e is InvalidDataException or NotSupportedException or IOException
                ? new UserErrorException($"{Paths.Shown(path)} is not an archive of a model that can be read: {e.Message}", e)
                : e;
        }
    }

    /// <summary>The same for one more user.</summary>
    public ModelArchive Shared()
    {
        Interlocked.Increment(ref users);
        return this;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Decrement(ref users) > 0)
            return;
        shownName.Dispose();
        Remove(temporary, alive);
    }

    private static void RequireRoom(string path, string folder, IEnumerable<ZipArchiveEntry> files, long packed)
    {
        decimal bytes = files.Sum(entry => (decimal)entry.Length);
        if (bytes > SuspiciousBytes && bytes > (decimal)packed * SuspiciousRatio)
            throw new InvalidDataException(
                string.Create(CultureInfo.InvariantCulture, $"it has {packed:N0} bytes and would have {bytes:N0}, as no weights do")
            );
        long free = new DriveInfo(folder).AvailableFreeSpace;
        if (bytes > free)
            throw new UserErrorException(
                $"{Paths.Shown(path)}: unpacked, the model has {bytes / 1_000_000:N0} MB, and the temporary folder "
                    + $"({System.IO.Path.GetTempPath()}) has {free / 1_000_000:N0} MB free: unpack it elsewhere, or set TMPDIR to a folder "
                    + "of a larger disk"
            );
    }

    private static void Unpack(
        IReadOnlyDictionary<string, ZipArchiveEntry> files,
        string folder,
        string name,
        IProgress<ProgressReport>? progress,
        CancellationToken cancellation
    )
    {
        const double MB = 1e6, LongMegabytes = 50; // from a second on
        double all = files.Values.Sum(entry => entry.Length) / MB, done = 0;
        var buffer = new byte[1 << 20];
        foreach (var (relative, entry) in files)
        {
            var target = System.IO.Path.Combine(folder, relative);
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(target)!);
            using var packed = entry.Open(); // ends where the directory says, whatever follows
            using var output = new FileStream(target, FileMode.CreateNew, FileAccess.Write);
            var checksum = new Crc32();
            for (int count; (count = packed.Read(buffer)) > 0; done += count / MB)
            {
                cancellation.ThrowIfCancellationRequested();
                checksum.Append(buffer.AsSpan(0, count));
                output.Write(buffer, 0, count);
                if (all > LongMegabytes)
                    progress?.Report(new($"unpacking {name}", done, all, "MB"));
            }
            if (output.Length != entry.Length)
                throw new InvalidDataException($"{entry.FullName} ends after {output.Length:N0} of {entry.Length:N0} bytes");
            if (checksum.GetCurrentHashAsUInt32() != entry.Crc32)
                throw new InvalidDataException($"the checksum of {entry.FullName} does not fit: it is damaged");
        }
    }

    /// <summary>A folder that is another process's or thread's as little as its name; it is locked as long as this process lives.</summary>
    private static (string Folder, FileLock Alive) NewFolder()
    {
        try
        {
            while (true)
            {
                var folder = Directory.CreateTempSubdirectory(Prefix).FullName;
                // Another process may meanwhile have taken it for one that was left.
                if (FileLock.TryTake(System.IO.Path.Combine(folder, LockFile)) is { } alive)
                    return (folder, alive);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException(
                $"the temporary folder, {System.IO.Path.GetTempPath()}, cannot be written to: {e.Message} "
                    + "Set TMPDIR to one that can, or unpack the archive",
                e
            );
        }
    }

    /// <summary>Removes what processes left that were killed.</summary>
    private static void RemoveLeft()
    {
        var options = new EnumerationOptions { IgnoreInaccessible = true };
        foreach (var folder in Directory.EnumerateDirectories(System.IO.Path.GetTempPath(), Prefix + "*", options))
            try
            {
                if (FileLock.TryTake(System.IO.Path.Combine(folder, LockFile)) is { } left)
                    Remove(folder, left);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or UserErrorException)
            {
                // Another user's, or removed by another process meanwhile.
            }
    }

    private static void Remove(string folder, FileLock alive)
    {
        if (OperatingSystem.IsWindows()) // where an open file cannot be removed
            alive.Dispose();
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        alive.Dispose();
    }

    /// <summary>Where in an archive the model is.</summary>
    /// <param name="Root">Its folder, with a slash at its end; empty where its files lie at the top.</param>
    private sealed record Layout(string Root)
    {
        private static readonly string[] Parts =
            [.. Enum.GetValues<ModelPart>().Select(part => HuggingFaceFolder.FolderOf(part) + "/")];

        public static Layout Of(ZipArchive zip)
        {
            string[] names = [.. zip.Entries.Where(IsFile).Select(Name)];
            if (Array.Find(names, name => name.StartsWith('/') || name.Split('/').Contains("..")) is { } outside)
                throw new InvalidDataException($"it holds a file named {outside}, which would lie outside");
            if (Array.Exists(names, name => name.Any(char.IsControl) || System.IO.Path.GetFileName(name).Length > LongestName))
                throw new InvalidDataException("a file in it has a name that no file can have: it is damaged");
            if (Array.Exists(names, name => name.EndsWith("/data.pkl", StringComparison.Ordinal)))
                throw new InvalidDataException("it is a file of torch.save: let its name end in .bin or .pth");
            string[] roots = [.. names.Where(WeightFiles.MayBeModel).Select(Folder).Select(WithoutPart).Distinct()];
            return roots switch
            {
                [var only] => new Layout(only),
                [] => throw new InvalidDataException(
                    names.Length == 0
                        ? "it is empty"
                        : $"it holds none of {string.Join(", ", WeightFiles.Names)} and no TensorFlow .index, but "
                            + WeightNames.Shown(names, 4)
                ),
                _ => throw new InvalidDataException(
                    $"it holds several models, in {WeightNames.Shown([.. roots.Select(root => root == "" ? "." : root)], 4)}: "
                        + "unpack it, and name one"
                ),
            };
        }

        /// <summary>The files that a model is made of, by their paths in its folder.</summary>
        public Dictionary<string, ZipArchiveEntry> Files(ZipArchive zip)
        {
            var files = new Dictionary<string, ZipArchiveEntry>(StringComparer.OrdinalIgnoreCase);
            foreach (var entry in zip.Entries.Where(IsFile))
            {
                var folder = Folder(Name(entry));
                if (WithoutPart(folder) != Root || !(IsOfWeights(Name(entry)) || IsBeside(Name(entry))))
                    continue;
                if (entry.IsEncrypted)
                    throw new InvalidDataException($"{entry.FullName} is encrypted: unpack it with its password");
                if (Mode(entry) == LinkEntry)
                    throw new InvalidDataException($"{entry.FullName} is a link, which an archive cannot hold");
                if (!files.TryAdd(Name(entry)[Root.Length..], entry))
                    throw new InvalidDataException($"it holds {entry.FullName} twice");
            }
            return files;
        }

        /// <summary>Whether a file has weights, or says which of several do.</summary>
        public static bool IsOfWeights(string path) => WeightFiles.MayBeModel(path) || path.Contains(".data-", StringComparison.Ordinal)
            || System.IO.Path.GetFileName(path) == "checkpoint";

        private static bool IsBeside(string name) =>
            new[] { ".json", ".txt", ".md" }.Any(end => name.EndsWith(end, StringComparison.OrdinalIgnoreCase));

        /// <summary>All but folders, and what macOS adds of its own.</summary>
        private static bool IsFile(ZipArchiveEntry entry) =>
            Name(entry) is var name
            && !name.EndsWith('/')
            && Mode(entry) != DirectoryEntry
            && !System.IO.Path.GetFileName(name).StartsWith("._", StringComparison.Ordinal);

        private static int Mode(ZipArchiveEntry entry) => (entry.ExternalAttributes >> 16) & TypeMask;

        private static string Name(ZipArchiveEntry entry) => entry.FullName.Replace('\\', '/');

        private static string Folder(string name) => name[..(name.LastIndexOf('/') + 1)];

        /// <summary>The folder of a pair, for that of its generator or discriminator.</summary>
        private static string WithoutPart(string folder) =>
            Array.Find(Parts, part => folder == part || folder.EndsWith("/" + part, StringComparison.Ordinal)) is { } part
                ? folder[..^part.Length]
                : folder;
    }
}
