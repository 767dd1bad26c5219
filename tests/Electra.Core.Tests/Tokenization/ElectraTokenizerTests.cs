using System.Text.Json;
using CsCheck;
using Electra.Tokenization;

namespace Electra.Tests.Tokenization;

public class ElectraTokenizerTests
{
    private static readonly Lazy<ElectraTokenizer> Tokenizer = new(() => new ElectraTokenizer(GoldenVocabulary()));

    /// <summary>
    /// Punctuation, accents and format characters that Unicode 9 to 16 added: the reference's tables are of Unicode 8, where these
    /// are unassigned and so part of a word; .NET's know them.
    /// </summary>
    private static readonly int[] NewerThanTheReference =
    [
        0x2E44,
        0x1E95E,
        0x2E45,
        0x11A41,
        0x0C84,
        0x0C77,
        0x11FFF,
        0x13435,
        0x13436,
        0x13438,
        0x2E52,
        0x2E53,
        0x061D,
        0x2E59,
        0x2E5D,
        0x1CF10,
        0x1B7E,
    ];

    [Fact]
    public void Ids_equal_those_of_hugging_faces_electra_tokenizer()
    {
        var wrong = new List<string>();
        int passed = 0;
        foreach (var (number, text, expected) in GoldenRows())
        {
            if (text.EnumerateRunes().Any(rune => NewerThanTheReference.Contains(rune.Value)))
                continue;
            var ids = Ids(Tokenizer.Value, text);
            if (ids.SequenceEqual(expected))
                passed++;
            else
                wrong.Add(
                    $"{number}: {JsonSerializer.Serialize(text)}\n  expected {string.Join(' ', expected)}\n"
                        + $"  found    {string.Join(' ', ids)}"
                );
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.Equal(1503 - NewerThanTheReference.Length, passed);
    }

    [Fact]
    public void Tokens_have_the_same_ids_and_their_places_in_the_text()
    {
        foreach (var (_, text, _) in GoldenRows())
        {
            var tokens = Tokenizer.Value.EncodeToTokens(text, out string? _);
            Assert.Equal(Ids(Tokenizer.Value, text), tokens.Select(token => token.Id));
            Assert.Equal(tokens.Count, Tokenizer.Value.CountTokens(text));
            int end = 0;
            foreach (var token in tokens)
            {
                Assert.InRange(token.Offset.Start.Value, end, text.Length);
                Assert.InRange(token.Offset.End.Value, token.Offset.Start.Value, text.Length);
                end = token.Offset.Start.Value;
            }
        }
        Assert.Equal(["Héllo", "wo", "rld", "[MASK]"], Small("hello wo ##rld").EncodeToTokens("Héllo  wo\u00ADrld [MASK]", out string? _)
            .Select(token => "Héllo  wo\u00ADrld [MASK]"[token.Offset].Replace("\u00AD", "")));
    }

    [Fact]
    public void A_limit_on_tokens_says_how_much_text_they_cover()
    {
        var tokenizer = Small("one two three");
        Assert.Equal([5, 6], tokenizer.EncodeToIds("One two three", 2, out string? _, out int consumed));
        Assert.Equal("One two", "One two three"[..consumed]);
        Assert.Equal(3, tokenizer.GetIndexByTokenCount("One two three", 1, out string? _, out int count));
        Assert.Equal(1, count);
        Assert.Equal(4, tokenizer.GetIndexByTokenCountFromEnd("One two three", 2, out string? _, out count));
        Assert.Equal(2, count);
    }

    [Fact]
    public void Decoding_joins_pieces_and_closes_up_punctuation()
    {
        var tokenizer = Small("it ' s un ##believ ##able , is n ##' t ? do not");
        Assert.Equal("it's unbelievable, is it?", tokenizer.Decode(Ids(tokenizer, "It's unbelievable , is it ?")));
        Assert.Equal("[CLS] it [SEP]", tokenizer.Decode(Ids(tokenizer, "[CLS] it [SEP]")));
        Assert.Equal("it", tokenizer.Decode(Ids(tokenizer, "[CLS] it [SEP]"), skipSpecialTokens: true));

        Span<char> room = stackalloc char[4];
        Assert.Equal(
            System.Buffers.OperationStatus.DestinationTooSmall,
            tokenizer.Decode(Ids(tokenizer, "it is it"), room, out int consumed, out int written)
        );
        Assert.Equal((1, "it"), (consumed, new string(room[..written])));
    }

    [Fact]
    public void A_cased_vocabulary_keeps_case_and_accents()
    {
        var tokenizer = new ElectraTokenizer(new Vocabulary([.. Vocabulary.SpecialTokens, "Héllo", "hello"]), lowercase: false);
        Assert.Equal([5, 6, 1], Ids(tokenizer, "Héllo hello Hello"));
    }

    [Fact]
    public void Words_of_more_than_a_hundred_characters_are_unknown_however_long()
    {
        var tokenizer = Small("a ##a");
        Assert.Equal(100, Ids(tokenizer, new string('a', 100)).Count);
        Assert.Equal([1], Ids(tokenizer, new string('a', 101)));
        Assert.Equal([1, 5], Ids(tokenizer, new string('é', 10_000_000) + " a"));
    }

    [Fact]
    public void Any_text_at_all_is_encoded_in_the_same_way_by_every_path() =>
        Gen.String[0, 60].Sample(text =>
        {
            var ids = new List<int>();
            Tokenizer.Value.Encode(text, ids);
            return ids.SequenceEqual(Tokenizer.Value.EncodeToIds(text))
                && ids.SequenceEqual(Tokenizer.Value.EncodeToTokens(text, out string? _).Select(token => token.Id));
        });

    [Fact]
    public void The_published_vocabulary_gives_the_golden_ids_too()
    {
        var tokenizer = new ElectraTokenizer(Vocabulary.Load(TestData.Shared("vocab.txt")));
        foreach (var (_, text, _) in GoldenRows())
            Assert.Equal(Ids(Tokenizer.Value, text).Contains(100), Ids(tokenizer, text).Contains(100));
    }

    private static ElectraTokenizer Small(string pieces) => new(new Vocabulary([.. Vocabulary.SpecialTokens, .. pieces.Split(' ')]));

    private static List<int> Ids(ElectraTokenizer tokenizer, string text)
    {
        var ids = new List<int>();
        tokenizer.Encode(text, ids);
        return ids;
    }

    private static IEnumerable<(int Number, string Text, int[] Ids)> GoldenRows()
    {
        foreach (var line in File.ReadLines(TestData.Fixture("golden/tokenizer.jsonl")))
        {
            using var row = JsonDocument.Parse(line);
            yield return (row.RootElement.GetProperty("i").GetInt32(), row.RootElement.GetProperty("text").GetString()!,
                [.. row.RootElement.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())]);
        }
    }

    /// <summary>
    /// The pieces that the golden ids name, at their places in the 30,522 of the published vocabulary. The longest piece of a word
    /// is the same with fewer pieces to choose from, as long as it is one of them.
    /// </summary>
    private static Vocabulary GoldenVocabulary()
    {
        string[] tokens = [.. Enumerable.Range(0, 30522).Select(id => $"[elsewhere {id}]")];
        foreach (var line in File.ReadLines(TestData.Fixture("golden/tokenizer_pieces.tsv")))
            tokens[int.Parse(line.Split('\t')[0])] = line.Split('\t')[1];
        return new Vocabulary(tokens);
    }
}
