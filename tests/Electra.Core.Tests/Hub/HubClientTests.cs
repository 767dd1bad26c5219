using System.Text;
using Electra.Hub;

namespace Electra.Tests.Hub;

public sealed class HubClientTests : IAsyncLifetime
{
    private const string Data = "datasets/org/data", Model = "org/model";
    private static readonly HubRepository DataSet = new(HubKind.Dataset, "org/data");
    private readonly TemporaryFolder folder = TestData.Temporary();
    private HubServer server = null!;

    public async ValueTask InitializeAsync()
    {
        server = await HubServer.Start();
        server.Add(Data, "README.md", "A data set.");
        server.Add(Data, "data/train-00000-of-00002.txt", Text(1, 300_000), isLarge: true);
        server.Add(Data, "data/train-00001-of-00002.txt", Text(2, 200_000), isLarge: true);
        server.Add(Model, "vocab.txt", "[PAD]\n[UNK]\n");
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task Files_lie_in_the_layout_of_pythons_cache()
    {
        using var hub = server.Client(folder.Path);
        var snapshot = await hub.OpenAsync(DataSet);
        Assert.Equal(
            ["README.md", "data/train-00000-of-00002.txt", "data/train-00001-of-00002.txt"],
            snapshot.Files.Select(file => file.Path)
        );

        var path = await snapshot.DownloadAsync(snapshot.Files);

        var commit = server.Commit(Data);
        Assert.Equal(folder.File($"datasets--org--data/snapshots/{commit}"), path);
        Assert.Equal(commit, File.ReadAllText(folder.File("datasets--org--data/refs/main")));
        foreach (var file in snapshot.Files)
        {
            var blob = new FileInfo(folder.File($"datasets--org--data/blobs/{file.Hash}"));
            Assert.Equal(file.Size, blob.Length);
            Assert.Equal(blob.FullName, new FileInfo(Path.Combine(path, file.Path)).ResolveLinkTarget(true)!.FullName);
            Assert.False(
                Path.IsPathRooted(new FileInfo(Path.Combine(path, file.Path)).LinkTarget),
                "links are relative: the cache can be moved"
            );
        }
        Assert.Equal(Text(1, 300_000), File.ReadAllText(Path.Combine(path, "data/train-00000-of-00002.txt")));
        Assert.Equal(3, Directory.GetFiles(folder.File("datasets--org--data/blobs")).Length);
        var tree = File.ReadAllText(folder.File($"datasets--org--data/trees/{commit}.json"));
        Assert.Contains("\"format_version\":1", tree);
        Assert.Contains($"\"lfs_sha256\":\"{snapshot.Files[1].Hash}\"", tree);
    }

    [Fact]
    public async Task What_python_downloaded_is_used()
    {
        var commit = server.Commit(Model);
        var hash = "0123456789012345678901234567890123456789";
        foreach (var part in new[] { "refs", "blobs", $"snapshots/{commit}" })
            Directory.CreateDirectory(folder.File($"models--org--model/{part}"));
        File.WriteAllText(folder.File("models--org--model/refs/main"), commit);
        File.WriteAllText(folder.File($"models--org--model/blobs/{hash}"), "from python");
        File.CreateSymbolicLink(folder.File($"models--org--model/snapshots/{commit}/vocab.txt"), $"../../blobs/{hash}");

        foreach (bool offline in new[] { true, false })
        {
            using var hub = server.Client(folder.Path, offline: offline);
            var path = HubFolders.Find("org/model", HubKind.Model, ["vocab.txt"], hub);
            Assert.Equal("from python", File.ReadAllText(Path.Combine(path, "vocab.txt")));
        }
        Assert.Empty(server.FileRequests);
    }

    [Fact]
    public async Task A_second_start_asks_for_the_commit_alone()
    {
        await Download();
        server.Requests.Clear();

        await Download();

        Assert.Equal(["/api/datasets/org/data/revision/main"], server.Requests.Select(request => request.Path));
    }

    [Fact]
    public async Task A_new_commit_brings_only_the_files_that_changed()
    {
        await Download();
        server.Add(Data, "data/train-00001-of-00002.txt", Text(3, 1000), isLarge: true);
        server.Requests.Clear();

        var path = await Download();

        Assert.Equal(Text(3, 1000), File.ReadAllText(Path.Combine(path, "data/train-00001-of-00002.txt")));
        Assert.Equal(Text(1, 300_000), File.ReadAllText(Path.Combine(path, "data/train-00000-of-00002.txt")));
        Assert.Single(server.FileRequests, request => request.Contains("/lfs/"));
    }

    [Fact]
    public async Task A_commit_can_be_named()
    {
        var commit = server.Commit(Data);
        using var hub = server.Client(folder.Path);
        var snapshot = await hub.OpenAsync(HubRepository.Parse(HubKind.Dataset, $"org/data@{commit}"));
        Assert.Equal(commit, snapshot.Commit);
        Assert.DoesNotContain(server.Requests, request => request.Path.Contains("/revision/"));
    }

    [Fact]
    public async Task Long_lists_come_in_pages()
    {
        for (int i = 0; i < 25; i++)
            server.Add(Data, $"data/more-{i:00}.txt", $"file {i}");
        server.PageSize = 10;
        using var hub = server.Client(folder.Path);
        Assert.Equal(28, (await hub.OpenAsync(DataSet)).Files.Count);
        Assert.Equal(3, server.Requests.Count(request => request.Path.Contains("/tree/")));
    }

    [Fact]
    public async Task Offline_the_cache_serves_and_what_is_missing_is_named()
    {
        using var offline = server.Client(folder.Path, offline: true);
        var unknown = await Assert.ThrowsAsync<HubException>(() => offline.OpenAsync(DataSet));
        Assert.Contains("HF_HUB_OFFLINE", unknown.Message);
        Assert.Contains("org/data", unknown.Message);
        using (var hub = server.Client(folder.Path))
        {
            var opened = await hub.OpenAsync(DataSet);
            await opened.DownloadAsync(opened.Matching("*-00000-*"));
        }
        server.Requests.Clear();

        var snapshot = await offline.OpenAsync(DataSet);
        var here = await snapshot.DownloadAsync(snapshot.Matching("*-00000-*"));
        var missing = await Assert.ThrowsAsync<HubException>(() => snapshot.DownloadAsync(snapshot.Files));

        Assert.Equal(Text(1, 300_000), File.ReadAllText(Path.Combine(here, "data/train-00000-of-00002.txt")));
        Assert.Contains("README.md, data/train-00001-of-00002.txt missing", missing.Message);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task A_link_of_the_cache_whose_content_is_gone_counts_as_not_downloaded()
    {
        await Download();
        using var hub = server.Client(folder.Path);
        var snapshot = await hub.OpenAsync(DataSet);
        var file = snapshot.Files[0];
        File.Delete(new FileInfo(snapshot.PathOf(file)).ResolveLinkTarget(returnFinalTarget: true)!.FullName);
        Assert.False(snapshot.Has(file));
        await snapshot.DownloadAsync([file]);
        Assert.Equal(
            file.Size,
            new FileInfo(snapshot.PathOf(file)).ResolveLinkTarget(returnFinalTarget: true) is FileInfo content ? content.Length : 0
        );
        foreach (var inner in Directory.GetFiles(Path.Combine(folder.Path, "datasets--org--data", "blobs")))
            File.Delete(inner);
        Assert.Empty(HubTree.InFolder(snapshot.Folder));
    }

    [Fact]
    public async Task A_hub_that_is_not_there_is_given_up_at_once_and_the_cache_used()
    {
        var path = await Download();
        var nowhere = server.Settings(folder.Path) with
        {
            Endpoint = new Uri("http://127.0.0.1:9/"),
            RetryDelay = TimeSpan.FromMinutes(10),
        };
        var clock = System.Diagnostics.Stopwatch.StartNew();
        using var hub = new HubClient(nowhere);

        Assert.Equal(path, (await hub.OpenAsync(DataSet)).Folder);
        var error = await Assert.ThrowsAsync<HubUnreachableException>(() => hub.OpenAsync(new HubRepository(HubKind.Dataset, "org/other")));

        Assert.Contains("the dataset org/other cannot be downloaded: the Hugging Face hub at 127.0.0.1 is not reachable", error.Message);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 60);
    }

    [Fact]
    public async Task A_token_opens_what_is_private()
    {
        server.Token = "secret";
        using var anonymous = server.Client(folder.Path);
        Assert.Contains("no HF_TOKEN is set", (await Assert.ThrowsAsync<HubException>(() => anonymous.OpenAsync(DataSet))).Message);
        using var stranger = server.Client(folder.Path, "wrong");
        Assert.Contains(
            "the token in use does not open it",
            (await Assert.ThrowsAsync<HubException>(() => stranger.OpenAsync(DataSet))).Message
        );
        using var hub = server.Client(folder.Path, "secret");
        var snapshot = await hub.OpenAsync(DataSet);
        await snapshot.DownloadAsync(snapshot.Files);
        Assert.All(snapshot.Files, file => Assert.True(snapshot.Has(file)));
    }

    [Fact]
    public async Task The_token_is_not_sent_to_another_host()
    {
        using var hub = server.Client(folder.Path, "secret");
        var snapshot = await hub.OpenAsync(DataSet);
        await snapshot.DownloadAsync(snapshot.Files);
        var storage = server.Requests.Where(request => request.Path.StartsWith("/lfs/", StringComparison.Ordinal)).ToArray();
        Assert.Equal(2, storage.Length);
        Assert.All(storage, request => Assert.Null(request.Token));
        Assert.All(server.Requests.Except(storage), request => Assert.Equal("secret", request.Token));
    }

    [Fact]
    public async Task A_redirect_within_the_hub_keeps_the_token()
    {
        server.Token = "secret";
        server.Fault = context =>
        {
            bool old = context.Request.Path.Value!.Contains("org/old");
            if (old)
            {
                context.Response.StatusCode = 307;
                context.Response.Headers.Location = context.Request.Path.Value.Replace("org/old", "org/data") + context.Request.QueryString;
            }
            return Task.FromResult(old);
        };
        using var hub = server.Client(folder.Path, "secret");
        Assert.Equal(server.Commit(Data), (await hub.OpenAsync(new HubRepository(HubKind.Dataset, "org/old"))).Commit);
    }

    [Fact]
    public async Task What_is_not_there_is_said_so()
    {
        using var hub = server.Client(folder.Path);
        Assert.Contains(
            "there is no dataset org/none",
            (await Assert.ThrowsAsync<HubException>(() => hub.OpenAsync(new HubRepository(HubKind.Dataset, "org/none")))).Message
        );
        Assert.Contains(
            "no revision v9",
            (await Assert.ThrowsAsync<HubException>(() => hub.OpenAsync(HubRepository.Parse(HubKind.Dataset, "org/data@v9")))).Message
        );
        Assert.Contains(
            "has no *.safetensors",
            Assert.Throws<HubException>(() => HubFolders.Find("org/model", HubKind.Model, ["*.safetensors"], hub)).Message
        );
        server.Fault = HubFaults.Status("/api/", 403, 1);
        Assert.Throws<HubException>(() => new HubRepository(HubKind.Model, "../../etc"));
        Assert.Throws<HubException>(() => HubRepository.Parse(HubKind.Model, "org/model@../../x"));
    }

    [Fact]
    public async Task A_hub_that_is_none_is_said_so()
    {
        server.Fault = async context =>
        {
            await Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response, "<html>");
            return true;
        };
        using var hub = server.Client(folder.Path);
        Assert.Contains("HF_ENDPOINT", (await Assert.ThrowsAsync<HubException>(() => hub.OpenAsync(DataSet))).Message);
    }

    [Fact]
    public void A_folder_of_that_name_comes_before_the_hub()
    {
        Assert.Equal(folder.Path, HubFolders.Find(folder.Path, HubKind.Model, ["*"]));
        using var hub = server.Client(folder.File("cache"));
        Assert.Equal(
            "[PAD]\n[UNK]\n",
            File.ReadAllText(Path.Combine(HubFolders.Find("hub:org/model", HubKind.Model, ["vocab.txt"], hub), "vocab.txt"))
        );
    }

    [Fact]
    public async Task A_disk_without_room_is_noticed_before_the_first_byte()
    {
        server.Announce(Data, "README.md", file => file with { Hash = file.Hash });
        using var hub = server.Client(folder.Path);
        var snapshot = await hub.OpenAsync(DataSet);
        var huge = new HubFile("huge.bin", long.MaxValue / 2, new string('0', 64), isLarge: true);
        var error = await Assert.ThrowsAsync<HubException>(() => snapshot.DownloadAsync([huge]));
        Assert.Contains("GB are free", error.Message);
        Assert.Empty(server.FileRequests);
    }

    [Fact]
    public void The_environment_is_read_as_python_reads_it()
    {
        var home = folder.File("home");
        Directory.CreateDirectory(home);
        File.WriteAllText(Path.Combine(home, "token"), "from-file\n");
        HubSettings From(params (string Name, string Value)[] variables) =>
            HubSettings.From(name => variables.FirstOrDefault(v => v.Name == name).Value);

        var settings = From(("HF_HOME", home), ("HF_ENDPOINT", "http://mirror:8080/"));
        Assert.Equal(
            (new Uri("http://mirror:8080/"), Path.Combine(home, "hub"), "from-file", false),
            (settings.Endpoint, settings.CacheFolder, settings.Token, settings.IsOffline)
        );
        settings = From(("HF_HOME", home), ("HF_TOKEN", "given"), ("HF_HUB_CACHE", folder.Path), ("HF_HUB_OFFLINE", "true"));
        Assert.Equal(
            (new Uri("https://huggingface.co/"), folder.Path, "given", true),
            (settings.Endpoint, settings.CacheFolder, settings.Token, settings.IsOffline)
        );
        Assert.EndsWith(Path.Combine(".cache", "huggingface", "hub"), From().CacheFolder);
        Assert.Equal(
            (folder.Path, "old"),
            (
                From(("HUGGINGFACE_HUB_CACHE", folder.Path), ("HUGGING_FACE_HUB_TOKEN", "old")) is var old
                    ? (old.CacheFolder, old.Token)
                    : default
            )
        );
        Assert.Equal(folder.Path, From(("HUGGINGFACE_HUB_CACHE", "/older"), ("HF_HUB_CACHE", folder.Path)).CacheFolder);
        Assert.Equal(Path.Combine(folder.Path, "huggingface", "hub"), From(("XDG_CACHE_HOME", folder.Path)).CacheFolder);
        Assert.Equal(Path.Combine(folder.Path, "hf", "hub"), From(("HF_HOME", "$SCRATCH/hf"), ("SCRATCH", folder.Path)).CacheFolder);
        Assert.Equal("from-file", From(("HF_HOME", folder.File("elsewhere")), ("HF_TOKEN_PATH", Path.Combine(home, "token"))).Token);
        Assert.DoesNotContain("given", settings.ToString());
        Assert.Throws<UserErrorException>(() => From(("HF_ENDPOINT", "huggingface.co")));
    }

    private async Task<string> Download()
    {
        using var hub = server.Client(folder.Path);
        var snapshot = await hub.OpenAsync(DataSet);
        return await snapshot.DownloadAsync(snapshot.Files);
    }

    private static string Text(int seed, int length)
    {
        var random = new Random(seed);
        var text = new StringBuilder();
        while (text.Length < length)
            text.Append($"Line {random.Next()}.\n");
        return text.ToString(0, length);
    }
}
