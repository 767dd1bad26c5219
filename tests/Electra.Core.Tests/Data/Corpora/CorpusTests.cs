using System.IO.Compression;
using System.Text;
using Electra.Data.Corpora;

namespace Electra.Tests.Data.Corpora;

public sealed class CorpusTests : IDisposable
{
    private const string TwoDocuments = "First line.\nSecond line.\n\n\nAnother document.\n";
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("text.txt")]
    [InlineData("text.txt.gz")]
    [InlineData("text.txt.zst")]
    public void Blank_lines_separate_documents_however_the_file_is_compressed(string name)
    {
        Write(name, TwoDocuments);
        Assert.Equal(["First line.\nSecond line.", "Another document."], Read(name));
    }

    [Fact]
    public void A_file_can_be_one_document()
    {
        Write("text.txt", TwoDocuments);
        var corpus = Corpus.Open(new CorpusOptions { Source = [folder.File("text.txt")], Documents = DocumentBoundary.File });
        Assert.Equal(["First line.\nSecond line.\n\n\nAnother document."], corpus.Documents());
    }

    [Fact]
    public void A_byte_order_mark_and_windows_line_ends_are_not_text()
    {
        File.WriteAllBytes(folder.File("text.txt"), [0xEF, 0xBB, 0xBF, .. "One.\r\nTwo.\r\n\r\nThree.\r\n"u8]);
        Assert.Equal(["One.\nTwo.", "Three."], Read("text.txt"));
    }

    [Fact]
    public void Files_of_a_folder_are_read_in_the_order_of_their_names_and_others_left_out()
    {
        foreach (var name in new[] { "b.txt", "a.txt", "deep/c.jsonl", "picture.png", ".hidden.txt" })
            Write(name, name.EndsWith("jsonl", StringComparison.Ordinal) ? "{\"text\":\"c\"}" : name[..1]);
        Assert.Equal(["a", "b", "c"], Read(""));
        Assert.Equal(["c"], Read("**/*.jsonl"));
        Assert.Equal(["a", "b"], Read("?.txt"));
    }

    [Fact]
    public void Json_lines_and_their_field()
    {
        Write("text.jsonl", "{\"id\": 1, \"text\": \"One.\\nTwo.\"}\n\n{\"text\": \"Three.\", \"id\": 2}\n");
        Assert.Equal(["One.\nTwo.", "Three."], Read("text.jsonl"));
    }

    [Fact]
    public void Rows_without_text_are_passed_over_and_counted()
    {
        Write("text.jsonl", "{\"text\": \"One.\"}\n{\"text\": null}\n{\"id\": 3}\n{\"text\": \" \"}\n{\"text\": \"Two.\"}\n");
        var corpus = Corpus.Open(CorpusOptions.Parse(folder.File("text.jsonl")));
        Assert.Equal(["One.", "Two."], corpus.Documents());
        Assert.Equal(3, corpus.RowsWithoutText);
    }

    [Fact]
    public void The_fingerprint_follows_content_and_options_and_not_the_place()
    {
        Write("one/text.txt", TwoDocuments);
        Write("two/text.txt", TwoDocuments);
        File.SetLastWriteTimeUtc(folder.File("two/text.txt"), File.GetLastWriteTimeUtc(folder.File("one/text.txt")));
        var options = CorpusOptions.Parse(folder.File("one"));
        var fingerprint = Corpus.Open(options).Fingerprint;
        Assert.Equal(fingerprint, Corpus.Open(CorpusOptions.Parse(folder.File("two"))).Fingerprint);
        Assert.NotEqual(fingerprint, Corpus.Open(options with { Documents = DocumentBoundary.File }).Fingerprint);
        Assert.NotEqual(fingerprint, Corpus.Open(options with { Cleaning = Cleaning.Wikipedia }).Fingerprint);
        Write("one/text.txt", TwoDocuments + "More.");
        Assert.NotEqual(fingerprint, Corpus.Open(options).Fingerprint);
    }

    [Fact]
    public void Wikipedias_short_lines_go_and_its_empty_parentheses_too()
    {
        var long1 = "Aristotle () was a Greek philosopher and polymath whose writings cover a very broad range of subjects.";
        Write("text.txt", $"History\n{long1}\n\nToo short.\n");
        var corpus = Corpus.Open(new CorpusOptions { Source = [folder.File("text.txt")], Cleaning = Cleaning.Wikipedia });
        Assert.Equal([long1], corpus.Documents());
    }

    [Fact]
    public void A_script_can_bring_its_own_documents_and_change_them()
    {
        var corpus = Corpus
            .From("mine", "1", () => ["one", "two", "three"])
            .Select("no t", text => text.StartsWith('t') ? null : text.ToUpperInvariant());
        Assert.Equal(["ONE"], corpus.Documents());
        Assert.StartsWith("mine-", corpus.Id, StringComparison.Ordinal);
    }

    [Fact]
    public void Concatenated_gzip_files_are_one_text()
    {
        Write("a.txt.gz", "One.\n\n");
        Write("b.txt.gz", "Two.\n");
        File.WriteAllBytes(
            folder.File("both.txt.gz"),
            [.. File.ReadAllBytes(folder.File("a.txt.gz")), .. File.ReadAllBytes(folder.File("b.txt.gz"))]
        );
        Assert.Equal(["One.", "Two."], Read("both.txt.gz"));
    }

    [Theory]
    [InlineData("text.txt.gz", 0.5)]
    [InlineData("text.txt.gz", 0.99)]
    [InlineData("text.txt.zst", 0.5)]
    public void A_compressed_file_that_ends_in_the_middle_is_refused(string name, double share)
    {
        Write(name, string.Concat(Enumerable.Range(0, 20_000).Select(i => $"Line {i * 7919 % 10007}.\n\n")));
        var bytes = File.ReadAllBytes(folder.File(name));
        File.WriteAllBytes(folder.File(name), bytes[..(int)(bytes.Length * share)]);
        Refused(() => Read(name), name, "damaged");
    }

    [Fact]
    public void Text_that_is_not_utf8_is_refused_with_line_and_byte()
    {
        File.WriteAllBytes(folder.File("latin1.txt"), [.. "Good.\nna"u8, 0xEF, .. "ve\n"u8]);
        Refused(() => Read("latin1.txt"), "latin1.txt:2", "byte at 8", "0xEF");
        File.WriteAllBytes(folder.File("utf16.txt"), [0xFF, 0xFE, .. Encoding.Unicode.GetBytes("Text.\n")]);
        Refused(() => Read("utf16.txt"), "UTF-16");
    }

    [Theory]
    [InlineData("{\"text\": \"good\"}\n{\"text\": oops}\n", "text.jsonl:2:10", "not valid JSON")]
    [InlineData("{\"body\": \"good\", \"id\": 1}\n", "text.jsonl", "no field text", "body, id")]
    [InlineData("{\"text\": 5}\n", "text.jsonl:1", "a number")]
    [InlineData("[1, 2]\n", "text.jsonl:1", "a JSON list")]
    public void A_json_line_without_text_is_refused_with_its_place(string content, params string[] said)
    {
        Write("text.jsonl", content);
        Refused(() => Read("text.jsonl"), said);
    }

    [Fact]
    public void What_is_not_there_is_refused_by_name()
    {
        Refused(() => Read("missing.txt"), "missing.txt");
        Refused(() => Read("*.txt"), "no file matches");
        Directory.CreateDirectory(folder.File("empty"));
        Refused(() => Read("empty"), "no text file");
        Write("blank.txt", " \n\n");
        Refused(() => Read("blank.txt"), "no text");
        Refused(() => Corpus.Open(CorpusOptions.Parse("openwebtext")), "openwebtext", "corpus=");
        Refused(() => Corpus.Open(new CorpusOptions()), "no source");
    }

    private string[] Read(string name) => [.. Corpus.Open(CorpusOptions.Parse(folder.File(name))).Documents()];

    private void Write(string name, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder.File(name))!);
        using var file = File.Create(folder.File(name));
        using Stream stream = Path.GetExtension(name) switch
        {
            ".gz" => new GZipStream(file, CompressionLevel.Fastest),
            ".zst" => new ZstdSharp.CompressionStream(file),
            _ => file,
        };
        stream.Write(Encoding.UTF8.GetBytes(content));
    }

    private static void Refused(Action read, params string[] said)
    {
        var message = Assert.Throws<UserErrorException>(read).Message;
        Assert.All(said, part => Assert.Contains(part, message));
    }
}
