using System.Text;
using Electra.Data.Readers;
using Parquet;
using Parquet.Schema;

namespace Electra.Tests.Data.Readers;

public sealed class TableFileTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("a.csv", "text,label\na,1\nb,2\n")]
    [InlineData("a.csv", "text;label\r\na;1\r\nb;2\r\n\r\n\r\n")]
    [InlineData("a.csv", "text\tlabel\ra\t1\rb\t2")]
    [InlineData("a.csv", "\"text\"|\"label\"\n\"a\"|\"1\"\nb|2\n")]
    [InlineData("a.csv", "\uFEFF\uFEFFtext,label\na,1\nb,2\n")]
    [InlineData("a.csv", "sep=;\ntext;label\na;1\nb;2\n")]
    [InlineData("a.csv", "\uFEFFsep=,\r\ntext,label\r\na,1\r\nb,2\r\n")]
    [InlineData("a.csv", "\"sep=#\"\ntext#label\na#1\nb#2\n")]
    [InlineData("a.csv", "id, text, label\n7, a, 1\n8, \"b\", 2\n")]
    // The separator with which the columns are there, however often another occurs.
    [InlineData("a.csv", "text;label;a, b, c, d\na;1;\nb;2;x\n")]
    [InlineData("a.csv", "label,text,\"x;y;z;text;label\"\n1,a,0\n2,b\n")]
    [InlineData("a.tsv", "text\tlabel\na\t1\nb\t2\n")]
    [InlineData("a.tsv", "\uFEFFlabel \t text\r\n1\ta\r\n\r\n2\tb\r\n")]
    [InlineData("a.jsonl", "{\"text\": \"a\", \"label\": 1}\n\n{\"label\": \"2\", \"text\": \"b\", \"more\": NaN}\n")]
    public void A_table_is_read_however_programs_write_it(string name, string content)
    {
        File.WriteAllText(folder.File(name), content);
        Assert.Equal(
            [
                ["a", "1"],
                ["b", "2"],
            ],
            TableFile.Read(folder.File(name), ["text", "label"], new TableForm()).Select(row => row.Values)
        );
    }

    [Theory]
    [InlineData("a.csv", "a;1;x, y\nb;2;z")]
    [InlineData("a.csv", "a|1\nb|2")]
    [InlineData("a.tsv", "a\t1\t\"\nb\t2\t\"")]
    public void Without_a_header_columns_are_numbers(string name, string content)
    {
        File.WriteAllText(folder.File(name), content);
        Assert.Equal(
            [
                ["1", "a"],
                ["2", "b"],
            ],
            TableFile.Read(folder.File(name), ["2", "1"], new TableForm(HasHeader: false)).Select(row => row.Values)
        );
    }

    [Fact]
    public void A_quoted_field_may_hold_separators_quotes_and_line_breaks()
    {
        File.WriteAllText(folder.File("a.csv"), "text;label\n\n\"one; \"\"two\"\"\nthree\";x\n;y\n  four  ;z\n");
        Assert.Equal(
            [(3, "one; \"two\"\nthree", "x"), (5, "", "y"), (6, "four", "z")],
            TableFile.Read(folder.File("a.csv"), ["text", "label"], new TableForm()).Select(row => (row.Line, row.Values[0], row.Values[1]))
        );
    }

    [Fact]
    public void A_table_of_one_column_is_read()
    {
        File.WriteAllText(folder.File("a.csv"), "text\none\n\"two, three\"\n");
        File.WriteAllText(folder.File("a.tsv"), "text\none\ntwo, three\n");
        Assert.All(
            ["a.csv", "a.tsv"],
            name =>
                Assert.Equal(
                    ["one", "two, three"],
                    TableFile.Read(folder.File(name), ["text"], new TableForm()).Select(row => row.Values[0])
                )
        );
    }

    [Theory]
    [InlineData("a.csv", "", "a.csv is empty: a line with the names of the columns is expected (text, label), then rows")]
    [InlineData("a.tsv", "\n\n", "a.tsv is empty")]
    [InlineData("a.csv", "text,Label\na,1\n", "a.csv:1: there is no column label; did you mean Label? The columns are text, Label.")]
    [InlineData(
        "a.csv",
        "text,text,label\na,b,1\n",
        "a.csv:1: the column text is there 2 times: give its number (1 or 2) instead of its name"
    )]
    [InlineData("a.csv", "the river,no\na,1\n", "If this is a row already, say header: false, and give columns by number.")]
    [InlineData(
        "a.tsv",
        "text;label\na;1\n",
        "a.tsv:1: there is no column text. The columns are text;label. Is the file separated by ;? Give it the extension .csv"
    )]
    [InlineData("a.tsv", "\"text\"\t\"label\"\n\"a\"\t\"1\"\n", "A .tsv has no quotation marks: give the file the extension .csv")]
    [InlineData("a.csv", "text,label\na\n", "a.csv:2: the line has 1 column, and label is column 2")]
    [InlineData(
        "a.csv",
        "text,label\na,1\nb, or c,2\n",
        "a.csv:3: the line has 3 columns, and the first line has 2: is there a separator inside a text?"
    )]
    [InlineData("a.csv", "text,label\n\"a,1\n", "a.csv:2: a quotation mark is not closed")]
    [InlineData("a.csv", "text,label\n\n\n\"a\" b,1\n", "a.csv:4: a quotation mark")]
    [InlineData("a.jsonl", "{\"text\": \"a\", \"lable\": 1}\n", "there is no field label; did you mean lable?")]
    [InlineData("a.xlsx", "PK", "a table is .tsv, .csv, .jsonl or .parquet, and not .xlsx")]
    public void What_is_wrong_is_named_with_what_would_be_right(string name, string content, string said)
    {
        File.WriteAllText(folder.File(name), content);
        Assert.Contains(
            said,
            Assert.Throws<UserErrorException>(() => TableFile.Read(folder.File(name), ["text", "label"], new TableForm()).ToList()).Message
        );
    }

    [Fact]
    public void Utf_16_is_named()
    {
        File.WriteAllText(folder.File("a.csv"), "text;label\na;1\nb;2\nc;3\n", Encoding.Unicode);
        Assert.Contains(
            "is UTF-16",
            Assert.Throws<UserErrorException>(() => TableFile.Read(folder.File("a.csv"), ["text"], new TableForm()).ToList()).Message
        );
    }

    [Fact]
    public void A_link_that_leads_nowhere_and_a_pipe_are_named()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights there");
        File.CreateSymbolicLink(folder.File("a.csv"), folder.File("gone.csv"));
        Assert.Contains(
            "which does not exist",
            Assert.Throws<UserErrorException>(() => TableFile.Read(folder.File("a.csv"), ["text"], new TableForm()).ToList()).Message
        );
        Command.Run("mkfifo", folder.File("b.csv"));
        Assert.Contains(
            "is a pipe",
            Assert.Throws<UserErrorException>(() => TableFile.Read(folder.File("b.csv"), ["text"], new TableForm()).ToList()).Message
        );
    }

    [Fact]
    public async Task Every_number_and_boolean_is_one_text_in_json_and_parquet()
    {
        var fields = new DataField[]
        {
            new DataField<sbyte>("i8"), new DataField<byte>("u8"), new DataField<short>("i16"), new DataField<ulong>("u64"),
            new DecimalDataField("dec", 10, 1), new DataField<bool>("bool"), new DataField<double>("double"), new DataField<long?>("null"),
        };
        await using (var file = File.Create(folder.File("a.parquet")))
        await using (var writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields), file))
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync<sbyte>(fields[0], new sbyte[] { 1 });
            await group.WriteAsync<byte>(fields[1], new byte[] { 1 });
            await group.WriteAsync<short>(fields[2], new short[] { 1 });
            await group.WriteAsync<ulong>(fields[3], new ulong[] { 1 });
            await group.WriteAsync<decimal>(fields[4], new[] { 1.5m });
            await group.WriteAsync<bool>(fields[5], new[] { true });
            await group.WriteAsync<double>(fields[6], new[] { 1.5 });
            await group.WriteAsync<long>(fields[7], new long?[] { null });
        }
        File.WriteAllText(
            folder.File("a.jsonl"),
            """{"i8": 1, "u8": 1, "i16": 1, "u64": 1, "dec": 1.5, "bool": true, "double": 1.5, "null": null}"""
        );
        string[] names = [.. fields.Select(field => field.Name)],
            expected = ["1", "1", "1", "1", "1.5", "true", "1.5", ""];
        Assert.All(
            ["a.parquet", "a.jsonl"],
            name => Assert.Equal(expected, TableFile.Read(folder.File(name), names, new TableForm()).Single().Values)
        );
    }
}
