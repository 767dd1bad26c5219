using CsCheck;
using Electra.Tokenization;

namespace Electra.Tests.Tokenization;

/// <summary>What holds of every text there is: junk, halves of characters and special tokens among it.</summary>
public class TokenizerProperties
{
    private static readonly string[] Scraps =
    [
        "the",
        "un",
        "believ",
        "able",
        "Straße",
        "café",
        "é",
        "İ",
        "ﬁ",
        "中文",
        "각",
        "e\u0301\u0323",
        "😀",
        "[MASK]",
        "[CLS]",
        "[SEP",
        "MASK]",
        "##",
        "##s",
        " ",
        "\t",
        "\r\n",
        "\u2028",
        "\u00a0",
        "\u200d",
        "\0",
        "\ufffd",
        "\ufeff",
        "\ud800",
        "\udfff",
        "\u0131",
        "\u212a",
        "\u01c5",
        new string('x', 99),
        new string('y', 101),
        "1_000.5",
        "don't",
        "…",
        "$^+",
    ];

    private static readonly Gen<string> Texts = Gen.OneOf(
            Gen.String[0, 40],
            Gen.Char[' ', '~'].Array[0, 20].Select(letters => new string(letters)),
            Gen.Int[0, Scraps.Length - 1].Select(i => Scraps[i]))
        .Array[0, 12].Select(string.Concat);

    private static readonly ElectraTokenizer[] Tokenizers = [Tokenizer(lowercase: true), Tokenizer(lowercase: false)];

    [Fact]
    public void Every_id_is_in_the_vocabulary_and_a_text_with_a_letter_has_one() => Sample(Texts, (tokenizer, text) =>
    {
        var ids = Ids(tokenizer, text);
        Assert.All(ids, id => Assert.InRange(id, 0, tokenizer.Vocabulary.Count - 1));
        if (text.Any(char.IsAsciiLetterOrDigit))
            Assert.NotEmpty(ids);
    });

    [Fact]
    public void Texts_side_by_side_have_the_ids_of_each() => Sample(Gen.Select(Texts, Texts), (tokenizer, pair) =>
    {
        var both = Ids(tokenizer, pair.Item1);
        tokenizer.Encode(pair.Item2, both);
        Assert.Equal(both, Ids(tokenizer, pair.Item1 + "\n" + pair.Item2));
    });

    [Fact]
    public void A_decoded_text_has_the_ids_it_was_decoded_from() => Sample(Texts, (tokenizer, text) =>
    {
        var ids = Ids(tokenizer, text);
        Assert.Equal(ids, Ids(tokenizer, tokenizer.Decode(ids, skipSpecialTokens: false, cleanUp: false)));
    });

    [Fact]
    public void Words_of_the_vocabulary_come_back_as_they_were() =>
        Sample(
            Gen.OneOf([.. new[] { "the", "unbelievable", "cats", "1", "[MASK]" }.Select(Gen.Const)]).Array[1, 20],
            (tokenizer, words) =>
                Assert.Equal(string.Join(' ', words), tokenizer.Decode(Ids(tokenizer, string.Join("  ", words)), skipSpecialTokens: false))
        );

    private static void Sample<T>(Gen<T> gen, Action<ElectraTokenizer, T> check) =>
        gen.Sample(value => Array.ForEach(Tokenizers, tokenizer => check(tokenizer, value)), iter: 3_000);

    private static List<int> Ids(ElectraTokenizer tokenizer, string text)
    {
        var ids = new List<int>();
        tokenizer.Encode(text, ids);
        return ids;
    }

    /// <summary>Some words, and every ASCII character alone and within a word: other words are unknown.</summary>
    private static ElectraTokenizer Tokenizer(bool lowercase)
    {
        string[] characters = [.. Enumerable.Range('!', '~' - '!' + 1).Select(c => ((char)c).ToString()), "é", "中", "ß", "fi"];
        return new(
            new Vocabulary([
                .. Vocabulary.SpecialTokens,
                "the",
                "un",
                "cat",
                "##believ",
                "##able",
                .. characters,
                .. characters.Select(c => "##" + c).Where(piece => piece != "###"),
            ]),
            lowercase
        );
    }
}
