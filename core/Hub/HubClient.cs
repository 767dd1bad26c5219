using System.Text.Json;
using System.Text.RegularExpressions;

namespace Electra.Hub;

/// <summary>
/// The Hugging Face hub: repositories of models and data sets, at a revision, with their files. Downloads go to the cache that
/// Python's huggingface_hub uses, and are used from there.
/// </summary>
/// <example><code>
/// using var hub = new HubClient();
/// var glue = await hub.OpenAsync(HubRepository.Parse(HubKind.Dataset, "nyu-mll/glue"));
/// string folder = await glue.DownloadAsync(glue.Matching("cola/*.parquet"));
/// </code></example>
internal sealed partial class HubClient : IDisposable
{
    private readonly HubConnection connection;

    /// <param name="settings">Where the hub and the cache are; by default what the environment says.</param>
    public HubClient(HubSettings? settings = null) => connection = new HubConnection(settings ?? HubSettings.FromEnvironment());

    /// <summary>Where the hub and the cache are.</summary>
    public HubSettings Settings => connection.Settings;

    /// <summary>
    /// Finds out which commit a revision is, and which files it has. The list is kept: of a commit that was opened before, only its
    /// name is asked for. Where the hub cannot be reached, the commit that the cache knows is used.
    /// </summary>
    /// <exception cref="HubException">There is no such repository or revision, it cannot be opened, or the hub cannot be
    /// reached.</exception>
    public async Task<HubSnapshot> OpenAsync(HubRepository repository, CancellationToken cancellation = default)
    {
        var cache = new HubCache(Settings, repository);
        if (Settings.IsOffline)
            return FromCache(repository, cache)
                ?? throw new HubException(
                    $"HF_HUB_OFFLINE is set, and {HubErrors.Named(repository)} is not in the cache ({Settings.CacheFolder})."
                );
        try
        {
            var commit = HubCache.IsCommit(repository.Revision) ? repository.Revision : await CommitAsync(repository, cancellation);
            var files = HubTree.Load(cache.Tree(commit));
            if (files is null)
                HubTree.Save(cache.Tree(commit), files = await FilesAsync(repository, commit, cancellation));
            cache.SetCommit(commit);
            return new HubSnapshot(connection, repository, commit, cache, files);
        }
        catch (HubUnreachableException) when (FromCache(repository, cache) is not null)
        {
            return FromCache(repository, cache)!;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => connection.Dispose();

    private HubSnapshot? FromCache(HubRepository repository, HubCache cache)
    {
        if (cache.Commit is not { } commit)
            return null;
        var files = HubTree.Load(cache.Tree(commit)) ?? HubTree.InFolder(cache.Snapshot(commit));
        return files.Count == 0 ? null : new HubSnapshot(connection, repository, commit, cache, files);
    }

    private async Task<string> CommitAsync(HubRepository repository, CancellationToken cancellation)
    {
        using var response = await connection.GetAsync(Api(repository, "revision", repository.Revision), repository, cancellation);
        using var json = await JsonAsync(response, repository, cancellation);
        return
            json.RootElement.ValueKind == JsonValueKind.Object
            && json.RootElement.TryGetProperty("sha", out var sha)
            && sha.GetString() is { } commit
            && HubCache.IsCommit(commit)
            ? commit
            : throw new HubException($"{HubErrors.Named(repository)}: the hub does not say which commit {repository.Revision} is");
    }

    private async Task<IReadOnlyList<HubFile>> FilesAsync(HubRepository repository, string commit, CancellationToken cancellation)
    {
        var files = new List<HubFile>();
        for (var page = new Uri($"{Api(repository, "tree", commit)}?recursive=true", UriKind.Relative); page is not null;)
        {
            using var response = await connection.GetAsync(page, repository, cancellation);
            using var json = await JsonAsync(response, repository, cancellation);
            files.AddRange(HubTree.Parse(json.RootElement, repository));
            page = NextPage(response);
        }
        return files;
    }

    private static Uri Api(HubRepository repository, string what, string revision) =>
        new($"api/{repository.Plural}/{repository.Id}/{what}/{Uri.EscapeDataString(revision)}", UriKind.Relative);

    /// <summary>Long lists come in pages: <c>Link: &lt;https://…&gt;; rel="next"</c>.</summary>
    private static Uri? NextPage(HttpResponseMessage response) =>
        response.Headers.TryGetValues("Link", out var links) && NextLink().Match(string.Join(", ", links)) is { Success: true } match
            ? new Uri(response.RequestMessage!.RequestUri!, match.Groups[1].Value)
            : null;

    private static async Task<JsonDocument> JsonAsync(
        HttpResponseMessage response,
        HubRepository repository,
        CancellationToken cancellation
    )
    {
        try
        {
            return await JsonDocument.ParseAsync(await response.Content.ReadAsStreamAsync(cancellation), default, cancellation);
        }
        catch (JsonException e)
        {
            throw new HubException(
                $"{HubErrors.Named(repository)}: {response.RequestMessage?.RequestUri} does not answer in JSON. "
                    + "Is HF_ENDPOINT the address of a hub?",
                e
            );
        }
    }

    [GeneratedRegex("""<([^>]+)>\s*;\s*rel="?next"?""")]
    private static partial Regex NextLink();
}
