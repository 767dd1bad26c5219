using System.Text.Json;
using System.Text.Json.Nodes;
using Electra.Storage;

namespace Electra.Hub;

/// <summary>
/// Lists of files: as the hub sends them, and as the cache keeps them (in the format of huggingface_hub's <c>_tree_cache.py</c>).
/// </summary>
internal static class HubTree
{
    private const int CacheFormat = 1;

    /// <summary>The files on a page of <c>/api/…/tree/…?recursive=true</c>.</summary>
    /// <exception cref="HubException">It is not such a page, or names a file that cannot be.</exception>
    public static IEnumerable<HubFile> Parse(JsonElement page, HubRepository repository) => Guarded(repository, () =>
        from entry in page.EnumerateArray()
        where entry.GetProperty("type").GetString() == "file"
        let large = entry.TryGetProperty("lfs", out var lfs) && lfs.ValueKind == JsonValueKind.Object ? lfs : (JsonElement?)null
        select new HubFile(
            entry.GetProperty("path").GetString()!,
            (large ?? entry).GetProperty("size").GetInt64(),
            (large ?? entry).GetProperty("oid").GetString()!.Replace("sha256:", ""),
            large is not null)
        { GitHash = entry.GetProperty("oid").GetString()! });

    /// <summary>The list that the cache keeps; null where there is none that can be read.</summary>
    public static IReadOnlyList<HubFile>? Load(string path)
    {
        if (!File.Exists(path))
            return null;
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            return json.RootElement.GetProperty("format_version").GetInt32() != CacheFormat ? null :
            [
                .. from entry in json.RootElement.GetProperty("files").EnumerateObject()
                   let isLarge = entry.Value.TryGetProperty("lfs_sha256", out _)
                   select new HubFile(
                       entry.Name,
                       entry.Value.GetProperty(isLarge ? "lfs_size" : "size").GetInt64(),
                       entry.Value.GetProperty(isLarge ? "lfs_sha256" : "blob_id").GetString()!,
                       isLarge) { GitHash = entry.Value.GetProperty("blob_id").GetString()! },
            ];
        }
        catch (Exception e)
            when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or HubException)
        {
            // Another version's, or damaged: the hub is asked again.
            return null;
        }
    }

    /// <summary>Keeps a list: a commit never changes.</summary>
    public static void Save(string path, IEnumerable<HubFile> files)
    {
        var entries = files
            .OrderBy(file => file.Path, StringComparer.Ordinal)
            .Select(file =>
                KeyValuePair.Create<string, JsonNode?>(
                    file.Path,
                    file.IsLarge
                        ? new JsonObject
                        {
                            ["size"] = file.Size,
                            ["blob_id"] = file.GitHash,
                            ["lfs_sha256"] = file.Hash,
                            ["lfs_size"] = file.Size,
                        }
                        : new JsonObject { ["size"] = file.Size, ["blob_id"] = file.GitHash }
                )
            );
        var tree = new JsonObject { ["format_version"] = CacheFormat, ["files"] = new JsonObject(entries) };
        AtomicFile.WriteAllText(path, tree.ToJsonString());
    }

    /// <summary>What a snapshot's folder holds, where nothing lists the files of the commit.</summary>
    public static IReadOnlyList<HubFile> InFolder(string snapshot) => !Directory.Exists(snapshot) ? [] :
    [
        .. from path in FolderFiles.Under(snapshot, hidden: true)
           where InputFile.Exists(path)
           let target = new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? new FileInfo(path)
           let name = Path.GetRelativePath(snapshot, path).Replace('\\', '/')
           where SafePath.IsSafe(name)
           orderby name
           select new HubFile(name, target.Length, target.Name.Length is 40 or 64 ? target.Name : Fingerprint.Of(name), isLarge: false),
    ];

    private static HubFile[] Guarded(HubRepository repository, Func<IEnumerable<HubFile>> parse)
    {
        try
        {
            return [.. parse()];
        }
        catch (HubException e)
        {
            throw new HubException($"{HubErrors.Named(repository)} is refused: {e.Message}", e);
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new HubException($"{HubErrors.Named(repository)}: the list of files is in no form that this version reads", e);
        }
    }
}
