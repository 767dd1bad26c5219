using System.Globalization;
using Electra.Tokenization;

namespace Electra.Tests.Tokenization;

/// <summary>Neither the runtime's invariant mode nor the user's language changes a token, or a trained vocabulary.</summary>
public class EnvironmentTests
{
    private const string Text = "Crème BRÛLÉE İstanbul ΣΟΦΟΣ 한국어 ﬁ Ǆ Ὀδυσσεύς naïve, ÄÖÜ ß İ ı I i";

    [Theory]
    [InlineData("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1")]
    [InlineData("LANG", "tr_TR.UTF-8")]
    [InlineData("LC_ALL", "C")]
    public async Task Tokens_and_vocabularies_are_the_same(string variable, string value)
    {
        using var folder = TestData.Temporary();
        File.WriteAllText(
            folder.File("train.csx"),
            $$"""
            #load "{{ScriptRunner.Library}}"
            using Electra.Data.Corpora;
            using Electra.Pretraining;
            var corpus = Corpus.From("text", "1", () => ["{{Text}}", "{{Text}}"]);
            VocabularyOptions[] forms = [new(), new() { StripAccents = false }, new() { Lowercase = false }];
            foreach (var form in forms)
            {
                var tokenizer = Vocabularies.Open(form with { Size = 200 }, corpus, "{{folder.File("datasets")}}");
                WriteLine(tokenizer.Vocabulary.Fingerprint + " " + string.Join(' ', tokenizer.EncodeToIds("{{Text}}")));
            }
            """
        );
        var result = await ScriptRunner.Start(folder, new Dictionary<string, string> { [variable] = value }, "train.csx").Finish();
        Assert.Equal("", result.Error);
        Assert.Equal(Lines(), result.Lines);
    }

    [Fact]
    public void A_culture_with_other_casing_changes_nothing()
    {
        var (lines, culture) = (Lines(), CultureInfo.CurrentCulture);
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("tr-TR");
            Assert.Equal(lines, Lines());
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    [Fact]
    public void Text_is_lowercased_with_its_accents_where_that_is_asked_for()
    {
        var settings = new TokenizerSettings { StripAccents = false };
        var vocabulary = WordPieceTrainer.Train(["Öl ÄÖÜ ß İ"], new VocabularyTraining { Size = 100, MinFrequency = 1, Text = settings });
        Assert.Contains("öl", vocabulary.Tokens);
        Assert.Contains("äöü", vocabulary.Tokens);
        Assert.Contains("i\u0307", vocabulary.Tokens); // İ in lower case, as Python and Rust have it
        Assert.Equal(
            "öl äöü",
            new ElectraTokenizer(vocabulary, settings).Decode(new ElectraTokenizer(vocabulary, settings).EncodeToIds("Öl ÄÖÜ"))
        );
    }

    private static string[] Lines() =>
        [
            .. from settings in new[]
            {
                new TokenizerSettings(),
                new TokenizerSettings { StripAccents = false },
                new TokenizerSettings { Lowercase = false },
            }
            let vocabulary = WordPieceTrainer.Train([Text, Text], new VocabularyTraining { Size = 200, Text = settings })
            select $"{vocabulary.Fingerprint} {string.Join(' ', new ElectraTokenizer(vocabulary, settings).EncodeToIds(Text))}",
        ];
}
