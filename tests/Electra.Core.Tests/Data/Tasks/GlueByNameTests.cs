using Electra.Data.Tasks;
using Electra.Hub;
using Electra.Tests.Hub;
using Parquet;
using Parquet.Schema;

namespace Electra.Tests.Data.Tasks;

/// <summary>GLUE as <c>nyu-mll/glue</c>, from a hub on this machine.</summary>
public sealed class GlueByNameTests : IAsyncLifetime
{
    private const string Name = "nyu-mll/glue";
    private readonly TemporaryFolder folder = TestData.Temporary();
    private HubServer server = null!;

    public async ValueTask InitializeAsync()
    {
        server = await HubServer.Start();
        foreach (var (split, label) in new[] { ("train", 1L), ("validation", 0L), ("test", -1L) })
            foreach (var task in new[] { "rte", "wnli" })
                server.Add($"datasets/{Name}", $"{task}/{split}-00000-of-00001.parquet", await Rows($"{task} {split}.", label));
        server.Add($"datasets/{Name}", "README.md", "# GLUE");
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public void A_task_is_downloaded_when_it_is_used_and_no_other()
    {
        using var hub = server.Client(folder.Path);

        var splits = Open("rte", Name, hub).Splits;

        Assert.Equal(["rte train.", "rte validation.", "rte test."], splits.Select(split => split.Rows().Single().Texts[0]));
        Assert.Equal([1f, 0f, float.NaN], splits.Select(split => split.Rows().Single().Labels[0]));
        Assert.Equal(3, server.FileRequests.Count());
        Assert.All(server.FileRequests, path => Assert.Contains("/rte/", path));
    }

    [Fact]
    public void A_second_time_and_without_a_network_it_comes_from_the_cache()
    {
        using (var hub = server.Client(folder.Path))
            Open("rte", Name, hub);
        server.Requests.Clear();

        using var offline = server.Client(folder.Path, offline: true);

        Assert.Equal("rte train.", Open("rte", $"hub:{Name}", offline).Splits[0].Rows().Single().Texts[0]);
        Refused("wnli", Name, offline, "HF_HUB_OFFLINE", "wnli/train-00000-of-00001.parquet", "data.glue names a folder");
        Assert.Empty(server.Requests);
    }

    [Fact]
    public void What_cannot_be_had_is_named_with_what_would_do()
    {
        using var hub = server.Client(folder.Path);
        Refused("rte", "org/none", hub, "there is no org/none on this machine", "there is no dataset org/none", "data.glue names a folder");
        Refused("cola", Name, hub, "has no cola/*.parquet", "data.glue names a folder");
    }

    private static TaskText Open(string task, string source, HubClient hub) => GlueFiles.Open(TaskSources.Define(task, new()), source, hub);

    private static void Refused(string task, string source, HubClient hub, params string[] said)
    {
        var message = Assert.Throws<UserErrorException>(() => Open(task, source, hub)).Message;
        Assert.All(said, part => Assert.Contains(part, message));
    }

    private static async Task<byte[]> Rows(string text, long label)
    {
        var (first, second, answer) = (
            new DataField<string>("sentence1"),
            new DataField<string>("sentence2"),
            new DataField<long>("label")
        );
        using var stream = new MemoryStream();
        await using (var writer = await ParquetWriter.CreateAsync(new ParquetSchema(first, second, answer), stream))
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync(first, new[] { text });
            await group.WriteAsync(second, new[] { "It follows." });
            await group.WriteAsync<long>(answer, new[] { label });
        }
        return stream.ToArray();
    }
}
