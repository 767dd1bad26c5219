using Electra.Data.Corpora;
using Electra.Data.Examples;
using Electra.Pretraining;
using Electra.Running;
using Electra.Tokenization;

namespace Electra.Tests.Pretraining;

public sealed class PretrainDataTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    /// <summary>Half of each text lies beyond the end of an example: whoever chose the lines is to know.</summary>
    [Theory]
    [InlineData(false, "warning: ")]
    [InlineData(true, "")]
    public void Tokens_that_are_in_no_example_are_warned_of_where_the_lines_are_the_users(bool makesLines, string begins)
    {
        var tokenizer = new ElectraTokenizer(new Vocabulary([.. Vocabulary.SpecialTokens, "cat"]));
        var line = string.Join(' ', Enumerable.Repeat("cat", 30));
        var documents = Enumerable.Repeat($"{line}\n{line}", 20).ToList();
        var corpus = new Corpus("own", $"{makesLines}", null, _ => documents) { MakesLines = makesLines };
        var config = new PretrainConfig
        {
            Name = "tiny",
            Examples = new ExampleSettings { MaxLength = 16 },
            Datasets = folder.File("datasets"),
            Workers = 1,
            Training = new() { BatchSize = 2 },
        };
        using var data = PretrainData.Prepare(corpus, tokenizer, config);
        var output = new StringWriter();
        data.Describe(corpus, new RunConsole(output, terminal: null));
        var said = Assert.Single(output.ToString().Split('\n'), row => row.Contains("of the tokens are in no example"));
        Assert.StartsWith(begins == "" ? "5" : begins, said);
        Assert.Equal(!makesLines, output.ToString().Contains("corpus.documents=line"));
    }
}
