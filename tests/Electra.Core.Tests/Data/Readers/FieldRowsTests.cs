using System.Text;
using Electra.Data.Readers;
using Parquet;
using Parquet.Schema;

namespace Electra.Tests.Data.Readers;

/// <summary>JSON lines and Parquet files are read by one set of rules.</summary>
public sealed class FieldRowsTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("""{"a": "half \ud83d"}""", "half \uFFFD")]
    [InlineData("""{"a": "\ude00 half"}""", "\uFFFD half")]
    [InlineData("""{"a": "\ud83d\ud83d\ude00"}""", "\uFFFD😀")]
    [InlineData("""{"a": "\\ud83d \ud83d\ude00"}""", "\\ud83d 😀")]
    [InlineData("""{"b\ud83d": "\udc00", "a": "whole"}""", "whole")]
    public void Half_of_a_surrogate_pair_is_the_replacement_character(string line, string expected) =>
        Assert.Equal([expected], Json(line, "a"));

    [Fact]
    public void What_is_not_asked_for_is_not_looked_at()
    {
        var deep = new string('[', 5000) + new string(']', 5000);
        Assert.Equal(["x", "y", "z", "t\tab"], Json(
            "{\"score\": NaN, \"a\": \"x\", \"more\": [-Infinity, Infinity]}\n"
            + $"{{\"tree\": {deep}, \"a\": \"y\"}}\n"
            + "{\"a\": \"z\", \"n\": 1e999, \"b\": {\"a\": 5}}\n"
            + "{\"a\": \"t\tab\", \"b\": \"NaN \t\"}\n", "a"));
    }

    [Fact]
    public void Null_NaN_and_a_missing_field_are_null() =>
        Assert.Equal([null, "1", null, null], Json("{\"a\": null}\n{\"a\": 1}\n{\"b\": 2}\n{\"a\": NaN}\n", "a"));

    [Fact]
    public void Numbers_are_as_they_are_written_and_booleans_true_or_false() =>
        Assert.Equal(
            ["1.0", "-2e3", "12345678901234567890", "true", "false"],
            Json("{\"a\": 1.0}\n{\"a\": -2e3}\n{\"a\": 12345678901234567890}\n{\"a\": true}\n{\"a\": false}\n", "a")
        );

    [Fact]
    public void A_dotted_name_is_a_field_inside_another() =>
        Assert.Equal(
            ["in", "dotted", "deep"],
            Json("{\"a\": {\"b.c\": \"in\"}}\n{\"a.b.c\": \"dotted\", \"a\": 1}\n{\"a\": {\"b\": {\"c\": \"deep\"}}}\n", "a.b.c")
        );

    [Theory]
    [InlineData("[\n  {\"a\": 1},\n  {\"a\": 2}\n]\n", "text.jsonl:1", "JSON list", "jq -c '.[]'")]
    [InlineData("[{\"a\": 1}, {\"a\": 2}]\n", "text.jsonl:1", "JSON list", "jq -c '.[]'")]
    [InlineData("{\n  \"a\": 1\n}\n", "text.jsonl:1", "over several lines", "jq -c .")]
    [InlineData("{\"a\": 1}\n5\n", "text.jsonl:2", "a number")]
    [InlineData("{\"a\": 1}\n{\"a\": 1} {\"a\": 2}\n", "text.jsonl:2", "not valid JSON")]
    [InlineData("{\"a\": {\"b\": 1}}\n", "the field a holds an object", "text or a number")]
    [InlineData("{\"b\": {\"a\": 1}, \"aa\": 2}\n", "text.jsonl", "no field a", "b.a, aa")]
    public void What_cannot_be_read_is_named_with_its_place_and_what_to_do(string content, params string[] said)
    {
        var message = Assert.Throws<UserErrorException>(() => Json(content, "a")).Message;
        Assert.All(said, part => Assert.Contains(part, message));
    }

    [Fact]
    public void A_byte_order_mark_before_json_is_passed_over()
    {
        File.WriteAllBytes(folder.File("text.jsonl"), [0xEF, 0xBB, 0xBF, .. "{\"a\": \"x\"}\r\n{\"a\": \"y\"}\r\n"u8]);
        Assert.Equal(["x", "y"], Read("text.jsonl", "a"));
    }

    [Theory]
    [InlineData("label8")]
    [InlineData("labelu8")]
    [InlineData("label16")]
    [InlineData("labelu64")]
    [InlineData("label64")]
    [InlineData("labeldec")]
    public void Every_type_of_number_in_Parquet_is_a_number(string column)
    {
        var path = TestData.Fixture("readers/numbers.parquet");
        var values = new AskedFields(column).Read(File_(path), new ReadPosition(_ => { })).Select(row => row.Values[0]!).ToList();
        Assert.Equal(
            ["0", "1", "0", "1"],
            values.Take(4).Select(value => decimal.Parse(value, System.Globalization.CultureInfo.InvariantCulture).ToString("0"))
        );
    }

    [Fact]
    public void Booleans_in_Parquet_are_spelt_as_in_JSON()
    {
        var values = new AskedFields("labelb")
            .Read(File_(TestData.Fixture("readers/numbers.parquet")), new ReadPosition(_ => { }))
            .Select(row => row.Values[0])
            .Distinct();
        Assert.Equal(["false", "true"], values.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Parquet_values_are_text_in_the_invariant_culture()
    {
        DataField[] fields =
        [
            new DataField<double?>("d"),
            new DataField<DateTime>("t"),
            new DataField<short?>("s"),
            new DataField<Guid>("g"),
        ];
        await using (var file = File.Create(folder.File("values.parquet")))
        {
            await using var writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields), file);
            using var group = writer.CreateRowGroup();
            await group.WriteAsync<double>(fields[0], new double?[] { 0.5, double.NaN, null });
            await group.WriteAsync<DateTime>(
                fields[1],
                new DateTime[] { new(2024, 1, 2), new(2024, 1, 2, 3, 4, 5), new(2024, 1, 2, 3, 4, 5, 250) }
            );
            await group.WriteAsync<short>(fields[2], new short?[] { -1, 2, null });
            await group.WriteAsync<Guid>(fields[3], new Guid[3]);
        }
        var rows = new AskedFields("d", "t", "s", "g").Read(File_(folder.File("values.parquet")), new ReadPosition(_ => { })).ToList();
        Assert.Equal(["0.5", "2024-01-02", "-1", $"{Guid.Empty}"], rows[0].Values);
        Assert.Equal([null, "2024-01-02T03:04:05", "2", $"{Guid.Empty}"], rows[1].Values);
        Assert.Equal([null, "2024-01-02T03:04:05.25", null, $"{Guid.Empty}"], rows[2].Values);
    }

    private static SourceFile File_(string path) => new(path, Path.GetFileName(path), new FileInfo(path).Length, default);

    private string?[] Read(string name, string field) =>
        [.. new AskedFields(field).Read(File_(folder.File(name)), new ReadPosition(_ => { })).Select(row => row.Values[0])];

    private string?[] Json(string content, string field)
    {
        File.WriteAllText(folder.File("text.jsonl"), content, new UTF8Encoding(false));
        return Read("text.jsonl", field);
    }
}
