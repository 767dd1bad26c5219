
using Electra.Tokenization;

namespace Electra.Tests.Tokenization;

public class WordPieceTrainerTests
{
    [Fact]
    public void The_most_frequent_pair_is_joined_first()
    {
        // h u g: 10 + 5 (hugs) times, p u g: 5, p u n: 12, b u n: 4. The pairs: ##u ##g 20, then ##u ##n 16, then h ##ug 15.
        var text = string.Join(
            ' ',
            Repeat("hug", 10).Concat(Repeat("pug", 5)).Concat(Repeat("pun", 12)).Concat(Repeat("bun", 4)).Concat(Repeat("hugs", 5))
        );
        var vocabulary = WordPieceTrainer.Train([text], new VocabularyTraining { Size = 1000, MinFrequency = 15 });
        Assert.Equal(
            [
                "[PAD]",
                "[UNK]",
                "[CLS]",
                "[SEP]",
                "[MASK]",
                "b",
                "g",
                "h",
                "n",
                "p",
                "s",
                "u",
                "##g",
                "##n",
                "##s",
                "##u",
                "##ug",
                "##un",
                "hug",
            ],
            vocabulary.Tokens
        );
    }

    [Fact]
    public void The_same_text_gives_the_same_vocabulary_however_it_is_cut_and_ordered()
    {
        var sentences = Sentences();
        var settings = new VocabularyTraining { Size = 600 };
        var expected = WordPieceTrainer.Train(sentences, settings);
        Assert.Equal(600, expected.Count);
        for (int round = 0; round < 3; round++)
        {
            var shuffled = sentences.ToArray();
            new Random(round).Shuffle(shuffled);
            Assert.Equal(
                expected.Fingerprint,
                WordPieceTrainer.Train(shuffled.Chunk(1 + round * 7).Select(chunk => string.Join('\n', chunk)), settings).Fingerprint
            );
        }
    }

    [Fact]
    public void What_it_was_trained_on_has_no_unknown_words()
    {
        var sentences = Sentences();
        var tokenizer = new ElectraTokenizer(WordPieceTrainer.Train(sentences, new VocabularyTraining { Size = 400 }));
        foreach (var sentence in sentences)
            Assert.DoesNotContain(tokenizer.Vocabulary.UnkId, tokenizer.EncodeToIds(sentence));
    }

    [Theory]
    [InlineData("быть или не быть вот в чём вопрос", "быть")]
    [InlineData("לא טוב היות האדם לבדו לא טוב", "טוב")]
    [InlineData("ही ही नमस्ते नमस्ते", "नमसत")] // vowel signs that are nonspacing marks go with the accents, as in BERT
    public void Any_script_will_do(string text, string word)
    {
        var vocabulary = WordPieceTrainer.Train([text, text], new VocabularyTraining { Size = 500 });
        Assert.True(vocabulary.Tokens.Any(token => token.StartsWith(word, StringComparison.Ordinal)), string.Join(' ', vocabulary.Tokens));
    }

    [Fact]
    public void A_limited_alphabet_drops_the_rarest_characters()
    {
        var vocabulary = WordPieceTrainer.Train(["aaaa bbbb ab ba zq"], new VocabularyTraining { AlphabetLimit = 2, Size = 100 });
        Assert.DoesNotContain("z", vocabulary.Tokens);
        Assert.Contains("a", vocabulary.Tokens);
    }

    [Fact]
    public void An_empty_text_is_refused() =>
        Assert.Throws<UserErrorException>(() => WordPieceTrainer.Train([" \n "], new VocabularyTraining()));

    private static IEnumerable<string> Repeat(string word, int times) => Enumerable.Repeat(word, times);

    /// <summary>The golden tokenizer texts in plain ASCII: a thousand real sentences.</summary>
    private static string[] Sentences() => [.. File.ReadLines(TestData.Fixture("golden/tokenizer.jsonl"))
        .Select(line => System.Text.Json.JsonDocument.Parse(line).RootElement.GetProperty("text").GetString()!)
        .Where(text => text.All(c => c is >= ' ' and < (char)127 and not '[') && text.Split(' ').All(word => word.Length < 30))];
}
