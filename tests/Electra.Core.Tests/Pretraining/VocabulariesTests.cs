using Electra.Pretraining;
using Electra.Running;
using Electra.Tokenization;

namespace Electra.Tests.Pretraining;

/// <summary>The vocabulary of a run that is named and not trained.</summary>
public sealed class VocabulariesTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();
    private readonly StringWriter output = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("")]
    [InlineData("/vocab.txt")]
    public void The_settings_beside_a_vocabulary_count_whether_its_folder_or_its_file_is_named(string file)
    {
        Save("hello", "Hello", "Möchte");
        File.WriteAllText(folder.File("tokenizer_config.json"), """{"do_lower_case": false}""");
        Assert.Equal(new TokenizerSettings { Lowercase = false }, Open(new() { File = folder.Path + file }).Settings);
        Assert.Contains(
            "vocabulary.lowercase=false",
            Assert.Throws<UserErrorException>(() => Open(new() { File = folder.Path + file, Lowercase = true })).Message
        );

        File.WriteAllText(folder.File("tokenizer_config.json"), """{"strip_accents": false, "tokenize_chinese_chars": false}""");
        Assert.Equal(
            new TokenizerSettings { StripAccents = false, SplitChinese = false },
            Open(new() { File = folder.Path + file, StripAccents = false }).Settings
        );
        Assert.Contains(
            "vocabulary.strip_accents=false",
            Assert.Throws<UserErrorException>(() => Open(new() { File = folder.Path + file, StripAccents = true })).Message
        );
        Assert.Equal("", output.ToString());
    }

    [Theory]
    [InlineData(null, "capitals, which lowercased text never uses", "Hello", "hello")]
    [InlineData(false, "has no token with capitals", "hello", "world")]
    [InlineData(false, null, "Hello", "hello")]
    [InlineData(true, null, "hello", "中")]
    public void A_vocabulary_of_another_case_is_warned_of_where_nothing_states_its_case(
        bool? lowercase,
        string? warning,
        params string[] words
    )
    {
        Save(words);
        Assert.Equal(lowercase ?? true, Open(new() { File = folder.File("vocab.txt"), Lowercase = lowercase }).Settings.Lowercase);
        if (warning is null)
            Assert.Equal("", output.ToString());
        else
            Assert.Contains(warning, output.ToString());
    }

    /// <summary>Where none is named it is that of the model to go on from: a message names the key that the user wrote.</summary>
    [Fact]
    public void A_vocabulary_that_is_not_there_is_told_by_the_key_that_names_it()
    {
        foreach (var path in new[] { folder.Path, folder.File("missing") })
        {
            var config = Electra.Configuration.Config.Parse<PretrainConfig>("name: x", "a.yaml", $"init={path}");
            Assert.StartsWith("init: ", Assert.Throws<UserErrorException>(() => Open(config.Vocabulary)).Message);
            config = Electra.Configuration.Config.Parse<PretrainConfig>("name: x", "a.yaml", "init=other", $"vocabulary.file={path}");
            Assert.StartsWith("vocabulary: ", Assert.Throws<UserErrorException>(() => Open(config.Vocabulary)).Message);
        }
    }

    private void Save(params string[] words) => new Vocabulary([.. Vocabulary.SpecialTokens, .. words]).Save(folder.File("vocab.txt"));

    private ElectraTokenizer Open(VocabularyOptions options) =>
        Vocabularies.Open(options, null!, folder.Path, new RunConsole(output, terminal: null));
}
