
using Electra.Tokenization;

namespace Electra.Tests.Tokenization;

public class VocabularyTests
{
    [Fact]
    public void What_is_saved_is_loaded_whatever_the_line_ends()
    {
        using var folder = TestData.Temporary();
        var vocabulary = new Vocabulary([.. Vocabulary.SpecialTokens, "naïve", "##ly", "言"]);
        vocabulary.Save(folder.File("vocab.txt"));
        File.WriteAllText(folder.File("crlf.txt"), File.ReadAllText(folder.File("vocab.txt")).Replace("\n", "\r\n"));

        foreach (var name in new[] { "vocab.txt", "crlf.txt" })
        {
            var loaded = Vocabulary.Load(folder.File(name));
            Assert.Equal(vocabulary.Tokens, loaded.Tokens);
            Assert.Equal(vocabulary.Fingerprint, loaded.Fingerprint);
        }
        Assert.NotEqual(vocabulary.Fingerprint, new Vocabulary([.. vocabulary.Tokens, "x"]).Fingerprint);
    }

    [Theory]
    [InlineData("[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\n", "[MASK]")]
    [InlineData("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nof\nthe\n", "vocab.txt:8", "the", "line 6")]
    [InlineData("[PAD]\n[UNK]\n\n[SEP]\n[MASK]\n", "vocab.txt:3", "empty")]
    public void A_file_that_is_not_a_vocabulary_is_refused_with_the_place(string content, params string[] said)
    {
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("vocab.txt"), content);
        var error = Assert.Throws<UserErrorException>(() => Vocabulary.Load(folder.File("vocab.txt")));
        Assert.All(said, part => Assert.Contains(part, error.Message));
    }

    [Fact]
    public void A_missing_file_and_one_that_is_not_utf8_are_refused()
    {
        using var folder = TestData.Temporary();
        Assert.Contains("none.txt", Assert.Throws<UserErrorException>(() => Vocabulary.Load(folder.File("none.txt"))).Message);
        File.WriteAllBytes(folder.File("latin1.txt"), [.. "[PAD]\nna"u8, 0xEF, .. "ve\n"u8]);
        Assert.Contains("UTF-8", Assert.Throws<UserErrorException>(() => Vocabulary.Load(folder.File("latin1.txt"))).Message);
    }
}
