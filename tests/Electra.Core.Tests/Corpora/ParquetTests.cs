using System.Text.Json;
using Electra.Corpora;
using Parquet;
using Parquet.Schema;

namespace Electra.Tests.Corpora;

public sealed class ParquetTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_column_of_text_is_read_row_by_row()
    {
        await Write(["One.", "Two.\nThree.", ""]);
        Assert.Equal(["One.", "Two.\nThree."], Read("text"));
    }

    [Fact]
    public async Task A_column_that_is_not_there_or_holds_no_text_is_refused_by_name()
    {
        await Write(["One."]);
        Assert.Contains("the columns are text, id", Assert.Throws<UserErrorException>(() => Read("body")).Message);
        Assert.Contains("the column id holds Int32", Assert.Throws<UserErrorException>(() => Read("id")).Message);
    }

    [Fact]
    public async Task A_damaged_file_is_refused()
    {
        await Write([.. Enumerable.Range(0, 1000).Select(i => $"Row {i}.")]);
        var bytes = await File.ReadAllBytesAsync(folder.File("text.parquet"), TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(folder.File("text.parquet"), bytes[..(bytes.Length / 2)], TestContext.Current.CancellationToken);
        Assert.Contains("text.parquet cannot be read", Assert.Throws<UserErrorException>(() => Read("text")).Message);
    }

    [Theory]
    [InlineData("hf_sentiment.train")]
    [InlineData("hf_sentiment.test")]
    public void A_real_data_set_of_the_hub_reads_as_another_reader_reads_it(string name)
    {
        var path = TestData.Shared($"parquet/{name}.parquet");
        var expected = File.ReadLines(TestData.Shared($"parquet/{name}.rows.jsonl"))
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("text").GetString()!);
        Assert.Equal(expected, Corpus.Open(CorpusOptions.Parse(path)).Documents());
    }

    private async Task Write(string[] texts)
    {
        var (text, id) = (new DataField<string>("text"), new DataField<int>("id"));
        await using var file = File.Create(folder.File("text.parquet"));
        await using var writer = await ParquetWriter.CreateAsync(new ParquetSchema(text, id), file);
        using var group = writer.CreateRowGroup();
        await group.WriteAsync(text, texts);
        await group.WriteAsync<int>(id, Enumerable.Range(0, texts.Length).ToArray());
    }

    private string[] Read(string column) =>
        [.. Corpus.Open(new CorpusOptions { Source = [folder.File("text.parquet")], TextField = column }).Documents()];
}
