using System.Diagnostics;
using System.Security.Cryptography;
using Electra.Hub;
using Microsoft.AspNetCore.Http;

namespace Electra.Tests.Hub;

/// <summary>Whatever happens on the way: a file in the cache is whole and right, or not there.</summary>
public sealed class HubFaultTests : IAsyncLifetime
{
    private const string Data = "datasets/org/data";
    private const string Large = "large.bin", Small = "small.txt";
    private static readonly HubRepository DataSet = new(HubKind.Dataset, "org/data");
    private static readonly byte[] Content = RandomNumberGenerator.GetBytes(1_000_000);
    private readonly TemporaryFolder folder = TestData.Temporary();
    private HubServer server = null!;

    public async ValueTask InitializeAsync()
    {
        server = await HubServer.Start();
        server.Add(Data, Small, "A few words.");
        server.Add(Data, Large, Content, isLarge: true);
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        folder.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1, 7)]
    [InlineData(499_999, 3, 131_072)]
    [InlineData(100_000, 100_000, 100_000, 100_000, 100_000, 100_000, 100_000, 100_000)]
    public async Task A_connection_that_breaks_is_taken_up_again_where_it_broke(params int[] bytes)
    {
        server.Fault = HubFaults.Drop("/lfs/", bytes);
        Assert.Equal(Content, await Download(Large));
        var asked = server.Requests.Where(request => request.Path.Contains("/lfs/")).ToArray();
        Assert.Equal(bytes.Length + 1, asked.Length);
        if (bytes.Sum() > 0)
            Assert.Equal($"bytes={bytes.Sum()}-", asked[^1].Range);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Connections_that_break_at_random_bytes_everywhere_cost_nothing_but_time(int seed)
    {
        var random = new Random(seed);
        Func<HttpContext, Task<bool>>[] faults =
        [
            .. new[] { ("/revision/", 60), ("/tree/", 300), (Small, 10), ("/lfs/", Content.Length / 4) }.Select(part =>
                HubFaults.Drop(part.Item1, [.. Enumerable.Range(0, 3).Select(_ => random.Next(part.Item2))])
            ),
        ];
        server.Fault = async context =>
        {
            foreach (var fault in faults)
                await fault(context);
            return false;
        };
        Assert.Equal(Content, await Download(Large));
        Assert.Equal("A few words."u8.ToArray(), await Download(Small));
        Assert.True(server.Requests.Count >= 4 * 3, "every kind of request was broken three times");
    }

    [Fact]
    public async Task A_small_file_begins_anew_when_its_connection_breaks()
    {
        server.Fault = HubFaults.Drop(Small, 3, 5);
        Assert.Equal("A few words."u8.ToArray(), await Download(Small));
    }

    [Fact]
    public async Task A_connection_that_breaks_forever_is_given_up_and_the_part_kept()
    {
        server.Fault = HubFaults.Drop("/lfs/", [250_000, .. Enumerable.Repeat(0, 50)]);
        var error = await Assert.ThrowsAsync<HubException>(() => Download(Large));
        Assert.Contains("250,000 of 1,000,000 bytes", error.Message);
        AssertNothingWrong();
        server.Fault = _ => Task.FromResult(false);
        server.Requests.Clear();
        Assert.Equal(Content, await Download(Large));
        Assert.Equal("bytes=250000-", server.Requests.Single(request => request.Path.Contains("/lfs/")).Range);
    }

    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task What_passes_by_itself_is_tried_again(int status)
    {
        server.Fault = HubFaults.Status("/resolve/", status, times: 3);
        Assert.Equal(Content, await Download(Large));
        server.Fault = HubFaults.Status("/api/", status, times: 3);
        await Download(Small);
    }

    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    public async Task What_does_not_pass_is_given_up(int status)
    {
        server.Fault = HubFaults.Status("/resolve/", status, times: 100);
        Assert.Contains("org/data", (await Assert.ThrowsAsync<HubException>(() => Download(Large))).Message);
        AssertNothingWrong();
        server.Fault = _ => Task.FromResult(false);
        Assert.Equal(Content, await Download(Large));
    }

    [Fact]
    public async Task The_hub_says_how_long_to_wait()
    {
        server.Fault = HubFaults.Status("/resolve/", 429, times: 1, retryAfter: "1");
        var clock = Stopwatch.StartNew();
        await Download(Large);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0.9, 60);

        server.Fault = HubFaults.Status("/resolve/", 429, times: 1, retryAfter: "7200");
        Assert.Contains("the hub asks to wait (7200 seconds)", (await Assert.ThrowsAsync<HubException>(() => Download(Small))).Message);
    }

    [Fact]
    public async Task Content_of_the_right_size_and_another_hash_is_refused()
    {
        server.Fault = async context =>
        {
            if (!context.Request.Path.Value!.StartsWith("/lfs/"))
                return false;
            byte[] wrong = [.. Content];
            wrong[500_000] ^= 1;
            await context.Response.Body.WriteAsync(wrong);
            return true;
        };
        var error = await Assert.ThrowsAsync<HubException>(() => Download(Large));
        Assert.Contains("large.bin", error.Message);
        Assert.Contains("SHA-256", error.Message);
        AssertNothingWrong();
        Assert.Empty(Directory.GetFiles(folder.Path, "*.incomplete", SearchOption.AllDirectories));
        server.Fault = _ => Task.FromResult(false);
        Assert.Equal(Content, await Download(Large));
    }

    [Fact]
    public async Task A_damaged_part_from_an_earlier_attempt_is_downloaded_again()
    {
        server.Fault = HubFaults.Drop("/lfs/", [250_000, .. Enumerable.Repeat(0, 50)]);
        await Assert.ThrowsAsync<HubException>(() => Download(Large));
        var part = Directory.GetFiles(folder.Path, "*.incomplete", SearchOption.AllDirectories).Single();
        var bytes = await File.ReadAllBytesAsync(part);
        bytes[1000] ^= 1;
        await File.WriteAllBytesAsync(part, bytes);
        server.Fault = _ => Task.FromResult(false);
        Assert.Equal(Content, await Download(Large));
    }

    [Theory]
    [InlineData(Large)]
    [InlineData(Small)]
    public async Task A_body_that_ends_too_early_is_not_taken_for_a_file(string file)
    {
        server.Fault = async context =>
        {
            var path = context.Request.Path.Value!;
            if (!path.StartsWith("/lfs/") && !path.EndsWith(Small))
                return false;
            // Without a length, an end is an end.
            await context.Response.Body.WriteAsync(Content.AsMemory(0, 5));
            return true;
        };
        Assert.Contains("breaks after", (await Assert.ThrowsAsync<HubException>(() => Download(file))).Message);
        AssertNothingWrong();
    }

    [Theory]
    [InlineData(Large)]
    [InlineData(Small)]
    public async Task A_body_that_is_too_long_is_refused(string file)
    {
        server.Fault = async context =>
        {
            var path = context.Request.Path.Value!;
            if (!path.StartsWith("/lfs/") && !path.EndsWith(Small))
                return false;
            await context.Response.Body.WriteAsync(new byte[Content.Length + 1]);
            return true;
        };
        Assert.Contains("changed while it was downloaded", (await Assert.ThrowsAsync<HubException>(() => Download(file))).Message);
        AssertNothingWrong();
    }

    [Fact]
    public async Task A_file_that_changes_between_two_requests_is_not_put_together_from_both()
    {
        var other = RandomNumberGenerator.GetBytes(Content.Length);
        int requests = 0;
        var drop = HubFaults.Drop("/lfs/", 400_000);
        server.Fault = async context =>
        {
            if (context.Request.Path.Value!.StartsWith("/lfs/") && requests++ > 0)
            {
                // If-Range names the old content: all of the new one is sent.
                Assert.NotEmpty(context.Request.Headers.IfRange.ToString());
                context.Response.Headers.ETag = "\"another\"";
                context.Response.ContentLength = other.Length;
                await context.Response.Body.WriteAsync(other);
                return true;
            }
            return await drop(context);
        };
        Assert.Contains("large.bin", (await Assert.ThrowsAsync<HubException>(() => Download(Large))).Message);
        AssertNothingWrong();
    }

    [Theory]
    [InlineData(Large)]
    [InlineData(Small)]
    public async Task A_file_that_changes_after_it_was_listed_is_noticed(string file)
    {
        using var hub = server.Client(folder.Path);
        var snapshot = await hub.OpenAsync(DataSet);
        server.Announce(Data, file, old => new ServedFile([.. old.Content.Reverse()], old.IsLarge));
        var error = await Assert.ThrowsAsync<HubException>(() => snapshot.DownloadAsync(snapshot.Matching(file)));
        Assert.Contains("changed", error.Message);
        AssertNothingWrong();
        Assert.Equal(server.Commit(Data), (await hub.OpenAsync(DataSet)).Commit);
        var again = await hub.OpenAsync(DataSet);
        await again.DownloadAsync(again.Matching(file));
    }

    [Fact]
    public async Task A_redirect_to_another_host_does_not_take_the_token_along()
    {
        server.Fault = context =>
        {
            bool toOther = context.Request.Path.Value!.EndsWith(Small) && !context.Request.Path.Value.StartsWith("/elsewhere");
            if (toOther)
                context.Response.Redirect($"{server.Storage.GetLeftPart(UriPartial.Authority)}/elsewhere/{Small}");
            else if (context.Request.Path.Value.StartsWith("/elsewhere"))
                return Answer(context);
            return Task.FromResult(toOther);

            static async Task<bool> Answer(HttpContext context)
            {
                await context.Response.WriteAsync("A few words.");
                return true;
            }
        };
        Assert.Equal("A few words."u8.ToArray(), await Download(Small, token: "secret"));
        Assert.Null(server.Requests.Single(request => request.Path.StartsWith("/elsewhere")).Token);
    }

    [Fact]
    public async Task Redirects_in_a_circle_end()
    {
        server.Fault = context =>
        {
            context.Response.Redirect(context.Request.Path.Value!);
            return Task.FromResult(true);
        };
        Assert.Contains("redirects more than", (await Assert.ThrowsAsync<HubException>(() => Download(Small))).Message);
    }

    [Theory]
    [InlineData("../outside.txt")]
    [InlineData("data/../../outside.txt")]
    [InlineData("/etc/outside.txt")]
    [InlineData("C:/outside.txt")]
    [InlineData("..\\outside.txt")]
    [InlineData("data//outside.txt")]
    [InlineData("nul\0byte.txt")]
    public async Task A_path_that_leads_out_of_the_repository_is_refused(string path)
    {
        server.Add(Data, path, "Got out.");
        var error = await Assert.ThrowsAsync<HubException>(() => Download(Small));
        Assert.Contains("not a path inside the repository", error.Message);
        Assert.Empty(server.FileRequests);
        Assert.False(File.Exists(Path.Combine(folder.Path, "outside.txt")));
    }

    [Fact]
    public async Task A_hash_that_is_a_path_is_refused()
    {
        server.Announce(Data, Small, file => file with { Hash = "../../outside" });
        Assert.Contains("which cannot be", (await Assert.ThrowsAsync<HubException>(() => Download(Small))).Message);
    }

    [Fact]
    public async Task Two_downloads_of_one_file_at_once_download_it_once()
    {
        var contents = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => Download(Large))));
        Assert.All(contents, content => Assert.Equal(Content, content));
        Assert.Single(server.Requests, request => request.Path.Contains("/lfs/"));
    }

    [Fact]
    public async Task Cancelled_downloads_stop_and_go_on_later()
    {
        using var stop = new CancellationTokenSource();
        server.Fault = async context =>
        {
            if (!context.Request.Path.Value!.StartsWith("/lfs/"))
                return false;
            await context.Response.Body.WriteAsync(Content.AsMemory(0, 300_000));
            await context.Response.Body.FlushAsync();
            await Task.Delay(100);
            await stop.CancelAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { });
            return true;
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Download(Large, cancellation: stop.Token));
        server.Fault = _ => Task.FromResult(false);
        server.Requests.Clear();
        Assert.Equal(Content, await Download(Large));
        Assert.Equal("bytes=300000-", server.Requests.Single(request => request.Path.Contains("/lfs/")).Range);
    }

    [Fact]
    public async Task A_hub_that_falls_silent_counts_as_broken()
    {
        int requests = 0;
        server.Fault = async context =>
        {
            if (!context.Request.Path.Value!.StartsWith("/lfs/") || requests++ > 0)
                return false;
            context.Response.ContentLength = Content.Length;
            await context.Response.Body.WriteAsync(Content.AsMemory(0, 300_000));
            await context.Response.Body.FlushAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { });
            return true;
        };
        using var hub = new HubClient(server.Settings(folder.Path) with { IdleTimeout = TimeSpan.FromSeconds(0.5) });
        var snapshot = await hub.OpenAsync(DataSet);
        var path = await snapshot.DownloadAsync(snapshot.Matching(Large));
        Assert.Equal(Content, await File.ReadAllBytesAsync(Path.Combine(path, Large)));
    }

    [Fact]
    public async Task Where_links_are_impossible_files_are_moved_or_copied()
    {
        using var hub = server.Client(folder.Path);
        var snapshot = await hub.OpenAsync(DataSet);
        var file = snapshot.Matching(Large).Single();
        var cache = new HubCache(hub.Settings, DataSet) { Link = (_, _) => throw new IOException("no links here") };
        Directory.CreateDirectory(Path.GetDirectoryName(cache.Blob(file))!);

        await File.WriteAllBytesAsync(cache.Incomplete(file), Content);
        cache.Accept("c1", file);
        Assert.Equal(Content, await File.ReadAllBytesAsync(cache.Pointer("c1", file)));
        await File.WriteAllBytesAsync(cache.Blob(file), Content);
        cache.LinkSnapshot("c2", file, isNew: false);
        Assert.Equal(Content, await File.ReadAllBytesAsync(cache.Pointer("c2", file)));
        Assert.True(File.Exists(cache.Blob(file)));
    }

    private async Task<byte[]> Download(string file, string? token = null, CancellationToken cancellation = default)
    {
        using var hub = server.Client(folder.Path, token);
        var snapshot = await hub.OpenAsync(DataSet, cancellation);
        var path = await snapshot.DownloadAsync(snapshot.Matching(file), null, cancellation);
        AssertNothingWrong();
        return await File.ReadAllBytesAsync(Path.Combine(path, file), CancellationToken.None);
    }

    private void AssertNothingWrong() => AssertNothingWrong(folder.Path);

    /// <summary>What has a final name in a cache is whole and right.</summary>
    internal static void AssertNothingWrong(string cache)
    {
        foreach (
            var blob in Directory
                .EnumerateFiles(cache, "*", SearchOption.AllDirectories)
                .Where(path => path.Contains("blobs") && !path.EndsWith(".incomplete"))
        )
        {
            var bytes = File.ReadAllBytes(blob);
            Assert.Equal(Path.GetFileName(blob), new ServedFile(bytes, IsLarge: Path.GetFileName(blob).Length == 64).Hash);
        }
        foreach (var pointer in Directory.EnumerateFiles(cache, "*", SearchOption.AllDirectories).Where(path => path.Contains("snapshots")))
            Assert.True(File.Exists(pointer), $"{pointer} leads nowhere");
    }
}
