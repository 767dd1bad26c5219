using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Electra.Hub;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Electra.Tests.Hub;

/// <summary>
/// A hub on this machine that speaks the real one's protocol: commits, lists of files in pages, small files from the hub itself,
/// large ones by a redirect to another host. Tests put files in, and faults in between.
/// </summary>
internal sealed class HubServer : IAsyncDisposable
{
    private readonly Dictionary<string, Repository> repositories = [];
    private readonly Dictionary<(string, string), Repository> branches = [];
    private readonly ConcurrentDictionary<string, byte[]> large = [];
    private readonly WebApplication app;

    private HubServer(WebApplication app) => this.app = app;

    /// <summary>The hub.</summary>
    public Uri Endpoint => new(app.Urls.First());

    /// <summary>The other host, where large files lie.</summary>
    public Uri Storage => new(app.Urls.Last());

    /// <summary>Files on one page of a list.</summary>
    public int PageSize { get; set; } = 1000;

    /// <summary>The token that a caller must show; null lets everybody in.</summary>
    public string? Token { get; set; }

    /// <summary>Comes before the server's own answer: true when it answered instead.</summary>
    public Func<HttpContext, Task<bool>> Fault { get; set; } = _ => Task.FromResult(false);

    /// <summary>What was asked for: "GET /path", with the token that came along.</summary>
    public ConcurrentQueue<(string Path, string? Token, string? Range)> Requests { get; } = [];

    /// <summary>Requests for the content of files.</summary>
    public IEnumerable<string> FileRequests =>
        Requests.Select(request => request.Path).Where(path => path.Contains("/resolve/") || path.Contains("/lfs/"));

    public static async Task<HubServer> Start()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0", "http://127.0.0.1:0");
        builder.WebHost.ConfigureKestrel(options => options.AddServerHeader = false);
        var server = new HubServer(builder.Build());
        server.app.Run(server.Answer);
        await server.app.StartAsync();
        return server;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    /// <summary>A client whose cache lies in a folder, with retries that take no time.</summary>
    public HubClient Client(string cache, string? token = null, bool offline = false) =>
        new(Settings(cache) with { Token = token, IsOffline = offline });

    public HubSettings Settings(string cache) => new(new Uri(Endpoint, "/"), cache)
    {
        RetryDelay = TimeSpan.FromMilliseconds(1),
        IdleTimeout = TimeSpan.FromSeconds(5),
    };

    /// <summary>Adds or changes a file; the repository is at a new commit then.</summary>
    public void Add(string repository, string path, ReadOnlySpan<byte> content, bool isLarge = false)
    {
        var files = repositories.TryGetValue(repository, out var old)
            ? new SortedDictionary<string, ServedFile>(old.Files, StringComparer.Ordinal)
            : [];
        var file = new ServedFile(content.ToArray(), isLarge);
        files[path] = file;
        large[file.Hash] = file.Content;
        repositories[repository] = new Repository(Sha1(string.Join('\n', files.Select(f => f.Key + f.Value.Hash))), files);
    }

    public void Add(string repository, string path, string content, bool isLarge = false) =>
        Add(repository, path, Encoding.UTF8.GetBytes(content), isLarge);

    /// <summary>Gives a repository a branch with one file.</summary>
    public void AddBranch(string repository, string branch, string path, byte[] content) =>
        branches[(repository, branch)] = new Repository(
            Sha1(branch),
            new(StringComparer.Ordinal) { [path] = new ServedFile(content, IsLarge: false) }
        );

    /// <summary>The commit that a repository (<c>datasets/org/name</c>) is at.</summary>
    public string Commit(string repository) => repositories[repository].Commit;

    /// <summary>Announces a file in another way than it is sent.</summary>
    public void Announce(string repository, string path, Func<ServedFile, ServedFile> change) =>
        repositories[repository].Files[path] = change(repositories[repository].Files[path]);

    private async Task Answer(HttpContext context)
    {
        var (request, response) = (context.Request, context.Response);
        var path = request.Path.Value!;
        Requests.Enqueue(
            (path, request.Headers.Authorization.FirstOrDefault()?.Replace("Bearer ", ""), request.Headers.Range.FirstOrDefault())
        );
        if (await Fault(context))
            return;
        if (path.StartsWith("/lfs/", StringComparison.Ordinal))
        {
            // As real storage does: an ETag of its own.
            await Send(context, large[path[5..]], $"\"storage-{path[5..21]}\"");
            return;
        }
        var (name, rest) = Split(path.Replace("/api/", "/"));
        if (
            !repositories.TryGetValue(name, out var repository) || (Token is not null && request.Headers.Authorization != $"Bearer {Token}")
        )
        {
            // The real hub does not say which of both.
            (response.StatusCode, response.Headers["X-Error-Code"]) = (401, "RepoNotFound");
            return;
        }
        var parts = rest.Split('/', 3);
        var revision = Uri.UnescapeDataString(parts[1]);
        repository =
            branches
                .FirstOrDefault(branch => branch.Key.Item1 == name && (branch.Key.Item2 == revision || branch.Value.Commit == revision))
                .Value
            ?? repository;
        if (revision != repository.Commit && revision != "main" && !branches.ContainsKey((name, revision)))
            (response.StatusCode, response.Headers["X-Error-Code"]) = (404, "RevisionNotFound");
        else if (parts[0] == "revision")
            await response.WriteAsJsonAsync(new { id = name, sha = repository.Commit });
        else if (parts[0] == "tree")
            await SendList(context, repository);
        else if (parts[0] == "resolve" && repository.Files.TryGetValue(Uri.UnescapeDataString(parts[2]), out var file))
            await SendFile(context, repository, file);
        else
            (response.StatusCode, response.Headers["X-Error-Code"]) = (404, "EntryNotFound");
    }

    private async Task SendList(HttpContext context, Repository repository)
    {
        int page = context.Request.Query.TryGetValue("cursor", out var cursor) ? int.Parse(cursor!) : 0;
        var entries = repository.Files.Skip(page * PageSize).Take(PageSize).Select(file => file.Value.Entry(file.Key))
            .Prepend(new { type = "directory", oid = new string('0', 40), size = 0, path = "folder" });
        if (repository.Files.Count > (page + 1) * PageSize)
            context.Response.Headers.Link =
                $"<{Endpoint.GetLeftPart(UriPartial.Authority)}{context.Request.Path}?recursive=true&cursor={page + 1}>; rel=\"next\"";
        await context.Response.WriteAsync(JsonSerializer.Serialize(entries));
    }

    private async Task SendFile(HttpContext context, Repository repository, ServedFile file)
    {
        var headers = context.Response.Headers;
        headers["X-Repo-Commit"] = repository.Commit;
        if (!file.IsLarge)
        {
            await Send(context, file.Content, $"\"{file.Hash}\"");
            return;
        }
        headers["X-Linked-Etag"] = $"\"{file.Hash}\"";
        headers["X-Linked-Size"] = file.Content.Length.ToString();
        large[file.Hash] = file.Content;
        context.Response.Redirect($"{Storage.GetLeftPart(UriPartial.Authority)}/lfs/{file.Hash}?signature=abc");
    }

    /// <summary>Sends content, or the range of it that was asked for.</summary>
    private static async Task Send(HttpContext context, byte[] content, string tag)
    {
        context.Response.Headers.ETag = tag;
        var range = context.Request.GetTypedHeaders().Range?.Ranges.Single();
        var condition = context.Request.Headers.IfRange.FirstOrDefault();
        int from = range is not null && (condition is null || condition == tag) ? (int)range.From!.Value : 0;
        if (from > 0)
            (context.Response.StatusCode, context.Response.Headers.ContentRange) = (
                206,
                $"bytes {from}-{content.Length - 1}/{content.Length}"
            );
        context.Response.ContentLength = content.Length - from;
        await context.Response.Body.WriteAsync(content.AsMemory(from));
    }

    /// <summary>models have no prefix, data sets have one: <c>/datasets/org/name/rest</c>.</summary>
    private static (string Name, string Below) Split(string path)
    {
        var parts = path.Trim('/').Replace("models/", "").Split('/');
        int length = parts[0] == "datasets" ? 3 : 2;
        return (string.Join('/', parts.Take(length)), string.Join('/', parts.Skip(length)));
    }

    private static string Sha1(string text) => Convert.ToHexStringLower(SHA1.HashData(Encoding.UTF8.GetBytes(text)));

    private sealed record Repository(string Commit, SortedDictionary<string, ServedFile> Files);
}

/// <summary>A file as the server has it.</summary>
internal sealed record ServedFile(byte[] Content, bool IsLarge)
{
    /// <summary>As git names content, or SHA-256.</summary>
    public string Hash { get; init; } =
        Convert.ToHexStringLower(
            IsLarge ? SHA256.HashData(Content) : SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {Content.Length}\0"), .. Content])
        );

    /// <summary>The entry in a list of files.</summary>
    public object Entry(string path) =>
        IsLarge
            ? new
            {
                type = "file",
                oid = new string('a', 40),
                size = 134,
                path,
                lfs = new
                {
                    oid = Hash,
                    size = Content.Length,
                    pointerSize = 134,
                },
            }
            : new
            {
                type = "file",
                oid = Hash,
                size = Content.Length,
                path,
            };
}
