using System.Text.Json;
using Electra.Data.Corpora;
using Electra.Data.Readers;
using Parquet;
using Parquet.Schema;

namespace Electra.Tests.Data.Corpora;

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
        Assert.Contains("The columns are text, id", Assert.Throws<UserErrorException>(() => Read("body")).Message);
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

    [Fact]
    public void Every_column_of_text_reads_as_another_reader_reads_it_or_is_refused_by_name()
    {
        using var expected = JsonDocument.Parse(File.ReadAllBytes(TestData.Shared("parquet/expected.json")));
        int read = 0, refused = 0;
        foreach (var file in expected.RootElement.EnumerateArray())
        {
            var name = file.GetProperty("file").GetString()!;
            var path = TestData.Shared($"parquet/{name}");
            foreach (
                var column in file.GetProperty("columns_first_row_group")
                    .EnumerateArray()
                    .Where(column => column.GetProperty("type").GetString() == "BYTE_ARRAY")
            )
            {
                var field = column.GetProperty("path").GetString()!;
                if (!field.Contains('.'))
                {
                    string[] Texts(params IEnumerable<JsonElement> rows) =>
                        [
                            .. rows.Select(row => row.GetProperty(field).GetString())
                                .OfType<string>()
                                .Where(text => !string.IsNullOrWhiteSpace(text)),
                        ];
                    string[] documents =
                    [
                        .. FileDocuments.Read(
                            new SourceFile(path, name, 1, default),
                            new CorpusOptions { TextField = field },
                            new ReadPosition(_ => { }),
                            () => { }
                        ),
                    ];
                    var first = Texts(file.GetProperty("first_rows").EnumerateArray());
                    Assert.Equal(first, documents.Take(first.Length));
                    if (Texts(file.GetProperty("last_row")) is [var last])
                        Assert.Equal(last, documents[^1]);
                    Assert.InRange(documents.Length, first.Length, file.GetProperty("num_rows").GetInt32());
                    read++;
                }
                else
                {
                    Refused(path, field, name, field, "lists of");
                    refused++;
                }
            }
            Refused(path, "no such column", name);
        }
        Assert.Equal((46, 6), (read, refused));
    }

    private static void Refused(string path, string column, params string[] said)
    {
        var message = Assert
            .Throws<UserErrorException>(() => Corpus.Open(new CorpusOptions { Source = [path], TextField = column }).Documents().Count())
            .Message;
        Assert.All(said, part => Assert.Contains(part, message));
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
