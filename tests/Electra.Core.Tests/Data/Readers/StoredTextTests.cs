using System.IO.Compression;
using System.Text;
using Electra.Data.Corpora;

namespace Electra.Tests.Data.Readers;

/// <summary>Files whose content is not what their names say are read as what they are, or named as what they are.</summary>
public sealed class StoredTextTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("text.txt")]
    [InlineData("text.txt.gz")]
    [InlineData("text.txt.zst")]
    public void Compression_is_told_by_content_and_not_by_name(string name)
    {
        File.WriteAllBytes(folder.File(name), Gzip("One."));
        Assert.Equal(["One."], Read(name));
        File.WriteAllText(folder.File(name), "Two.");
        Assert.Equal(["Two."], Read(name));
    }

    [Theory]
    [InlineData("long27.txt.zst")]
    [InlineData("long31.txt.zst")]
    public void Zstandard_windows_of_up_to_2_GB_are_read(string name) =>
        Assert.NotEmpty(Corpus.Open(CorpusOptions.Parse(TestData.Fixture($"readers/{name}"))).Documents());

    [Fact]
    public void What_is_not_text_is_named()
    {
        Named("a.txt", [.. "PK\u0003\u0004 and so on"u8], "zip archive");
        Named("a.txt", [.. "PAR1 and so on"u8], "Parquet file");
        Named("a.txt", [.. "%PDF-1.4"u8], "PDF document");
        Named("a.txt", [.. "BZh91AY&SY"u8], "bzip2");
        Named("a.txt", [0xFD, .. "7zXZ\0"u8], "xz");
        Named("a.txt", Gzip("x", 2), "compressed twice");
        Named("a.txt", Encoding.Unicode.GetPreamble().Concat(Encoding.Unicode.GetBytes("Text.")).ToArray(), "UTF-16", "iconv");
        Named("a.txt", Encoding.Unicode.GetBytes("A text that begins without a byte-order mark."), "UTF-16", "iconv");
        Named("a.txt", Encoding.BigEndianUnicode.GetBytes("A text that begins without a byte-order mark."), "UTF-16", "iconv");
        Named("a.txt", new byte[10_000], "zero bytes");
        Named("a.txt.gz", [0x80, 0x81, 0x82], "not compressed as its name says");
        Named("a.parquet", [.. "text and no table"u8], "not a Parquet file");
        Named("a.parquet", Gzip("PAR1"), "compressed as a whole");
        Named("a.parquet", [], "is empty");
    }

    [Theory]
    [InlineData("a.txt")]
    [InlineData("a.txt.gz")]
    [InlineData("a.jsonl")]
    [InlineData("a.parquet")]
    public void A_pointer_of_git_lfs_is_named(string name)
    {
        File.WriteAllText(folder.File(name), $"version https://git-lfs.github.com/spec/v1\noid sha256:{new string('a', 64)}\nsize 12345\n");
        var message = Refused(name);
        Assert.Contains($"{name} is a pointer of Git LFS, and not the file of 12345 bytes itself", message);
        Assert.Contains("git lfs pull", message);
        File.WriteAllText(folder.File(name), string.Concat(Enumerable.Repeat(File.ReadAllText(folder.File(name)), 100)));
        Assert.Contains("is a pointer of Git LFS", Refused(name));
    }

    [Fact]
    public void A_text_about_git_lfs_is_a_text()
    {
        File.WriteAllText(folder.File("a.txt"), "version https://git-lfs.github.com/spec/v1 is the first line of a pointer.");
        Assert.Single(Read("a.txt"));
    }

    private void Named(string name, byte[] content, params string[] said)
    {
        File.WriteAllBytes(folder.File(name), content);
        var message = Refused(name);
        Assert.StartsWith(folder.File(name), message, StringComparison.Ordinal);
        Assert.All(said, part => Assert.Contains(part, message));
        Assert.DoesNotContain("damaged", message);
    }

    private string Refused(string name) => Assert.Throws<UserErrorException>(() => Read(name)).Message;

    private string[] Read(string name) => [.. Corpus.Open(CorpusOptions.Parse(folder.File(name))).Documents()];

    private static byte[] Gzip(string text, int times = 1)
    {
        var content = Encoding.UTF8.GetBytes(text);
        for (int i = 0; i < times; i++)
        {
            using var buffer = new MemoryStream();
            using (var gzip = new GZipStream(buffer, CompressionLevel.Fastest, leaveOpen: true))
                gzip.Write(content);
            content = buffer.ToArray();
        }
        return content;
    }
}
