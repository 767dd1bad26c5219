using System.Text;
using CsCheck;
using Electra.Data.Corpora;
using Electra.Data.Readers;

namespace Electra.Tests.Data.Corpora;

/// <summary>Files that are hardly text: each is read as what it says, or refused with the place that is wrong, in bounded memory.</summary>
public sealed class HostileCorpusTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Fact, Trait("Category", "Long")]
    public void A_line_of_a_gigabyte_is_read_in_parts_that_lose_nothing()
    {
        const long Words = 1L << 26;
        Compress("text.txt.zst", "fifteen chars \u00e9 "u8, Words);
        long characters = 0;
        foreach (var document in Documents("text.txt.zst"))
        {
            Assert.InRange(document.Length, 1, 1_000_000);
            Assert.DoesNotContain('\n', document);
            characters += document.Length;
        }
        Assert.Equal(Words * 16, characters);
    }

    [Fact]
    public void A_line_without_a_single_space_is_cut_between_characters()
    {
        File.WriteAllText(folder.File("text.txt"), string.Concat(Enumerable.Repeat("\ud83d\ude00x", 500_001)) + "\nshort\n");
        var lines = Documents("text.txt").SelectMany(document => document.Split('\n')).ToList();
        Assert.Equal("short", lines[^1]);
        Assert.Equal(1_500_003, lines[..^1].Sum(line => line.Length));
        Assert.All(lines, line => Assert.False(char.IsHighSurrogate(line[^1]) || char.IsLowSurrogate(line[0])));
    }

    [Fact]
    public void Lines_are_those_of_the_text_however_long_and_however_they_end() =>
        Gen.Char["aaab  \r\n\n\u2028"].Array[0, 200].Sample(characters =>
        {
            var text = new string(characters);
            var expected = new List<string>();
            using (var reader = new StringReader(text))
                while (reader.ReadLine() is { } line)
                    expected.Add(line);
            var lines = new BoundedLines(new StringReader(text), longest: 1000);
            var read = new List<string>();
            while (!lines.IsAtEnd)
                read.Add(lines.ReadPart().ToString());
            Assert.Equal(expected, read);
        });

    [Fact]
    public void Parts_of_a_long_line_make_up_the_line() =>
        Gen.Select(Gen.Int[33_000, 90_000], Gen.Int[2, 400], Gen.Bool).Sample((length, word, isEnded) =>
        {
            var line = string.Concat(Enumerable.Range(0, length).Select(i => i % word == 0 ? ' ' : (char)('a' + i % 26)));
            var lines = new BoundedLines(new StringReader(isEnded ? line + "\nnext" : line), longest: 1000);
            var parts = new List<string>();
            while (!lines.IsAtEnd)
                parts.Add(lines.ReadPart().ToString());
            if (isEnded)
                Assert.Equal("next", parts[^1]);
            if (isEnded)
                parts.RemoveAt(parts.Count - 1);
            Assert.Equal(line, string.Concat(parts));
            Assert.All(parts, part => Assert.InRange(part.Length, 1, 1000));
        }, iter: 50);

    [Fact]
    public void A_row_without_end_is_refused_with_its_line()
    {
        Compress("text.jsonl.zst", "abcdefgh"u8, (1 << 23) + 10_000, before: "{\"text\":\"first\"}\n{\"text\":\"");
        var message = Refused("text.jsonl.zst");
        Assert.Contains("text.jsonl.zst:2: the line is longer than 67 million characters", message);
    }

    [Fact]
    public void Every_byte_value_and_junk_are_refused_with_the_first_byte_that_is_none()
    {
        File.WriteAllBytes(folder.File("text.txt"), [.. Enumerable.Range(0, 256).Select(b => (byte)b)]);
        Assert.Contains("text.txt:2: the byte at 128 (0x80) is not UTF-8", Refused("text.txt"));

        var junk = new byte[3_000_000];
        new Random(1).NextBytes(junk);
        File.WriteAllBytes(folder.File("junk.txt"), junk);
        Assert.Contains("is not UTF-8", Refused("junk.txt"));
        // One wrong byte after megabytes of one line, in the middle of a character that a buffer ends in.
        File.WriteAllBytes(folder.File("late.txt"), [.. Enumerable.Repeat("é"u8.ToArray(), 2_000_000).SelectMany(e => e), 0xC3]);
        Assert.Contains("late.txt:1: the byte at 4,000,000 (0xC3) is not UTF-8", Refused("late.txt"));
    }

    [Fact]
    public void Controls_and_mixed_line_ends_are_text()
    {
        File.WriteAllText(folder.File("text.txt"), "one\rtwo\nthree\r\nfour\u2028five\u0085six\0seven\u0001\n\r\n\r\neight");
        Assert.Equal(["one\ntwo\nthree\nfour\u2028five\u0085six\0seven\u0001", "eight"], Documents("text.txt"));
    }

    [Fact]
    public void Half_a_character_is_replaced_in_JSON_and_refused_in_text()
    {
        File.WriteAllText(folder.File("text.jsonl"), "{\"text\":\"good \\ud83d\\ude00\"}\n{\"text\":\"half \\ud83d\"}\n");
        Assert.Equal(["good \ud83d\ude00", "half \uFFFD"], Documents("text.jsonl"));
        File.WriteAllBytes(folder.File("text.txt"), [.. "a\nb"u8, 0xED, 0xA0, 0x80, .. "c"u8]);
        Assert.Contains("text.txt:2: the byte at 3 (0xED)", Refused("text.txt"));
    }

    private IEnumerable<string> Documents(string name) => Corpus.Open(new CorpusOptions { Source = [folder.File(name)] }).Documents();

    private string Refused(string name) => Assert.Throws<UserErrorException>(() => Documents(name).Count()).Message;

    /// <summary>A compressed file of the same text again and again.</summary>
    private void Compress(string name, ReadOnlySpan<byte> text, long times, string before = "")
    {
        var block = new byte[text.Length << 12];
        for (int at = 0; at < block.Length; at += text.Length)
            text.CopyTo(block.AsSpan(at));
        using var file = File.Create(folder.File(name));
        using var compressed = new ZstdSharp.CompressionStream(file, level: 1);
        compressed.Write(Encoding.UTF8.GetBytes(before));
        for (long left = times * text.Length; left > 0; left -= block.Length)
            compressed.Write(block.AsSpan(0, (int)Math.Min(left, block.Length)));
    }
}
