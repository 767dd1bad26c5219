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

    /// <summary>Lines of a log, each a document.</summary>
    [Fact]
    public void Short_documents_share_rows_and_none_is_lost()
    {
        var tokenizer = new ElectraTokenizer(new Vocabulary([.. Vocabulary.SpecialTokens, "cat"]));
        var documents = Enumerable.Range(0, 400).Select(i => string.Join(' ', Enumerable.Repeat("cat", 1 + (i % 12)))).ToList();
        var corpus = new Corpus("log", "log", null, _ => documents) { MakesLines = true };
        var config = new PretrainConfig
        {
            Name = "tiny",
            Examples = new ExampleSettings { MaxLength = 64, HeldOut = 0.1 },
            Datasets = folder.File("datasets"),
            Workers = 1,
            Training = new() { BatchSize = 8 },
        };
        var packing = config with { Examples = config.Examples with { Packing = ExamplePacking.BestFit } };
        using (var plain = PretrainData.Prepare(corpus, tokenizer, config))
            Assert.Contains("examples.packing=best_fit", Said(plain));
        using var data = PretrainData.Prepare(corpus, tokenizer, packing);

        Assert.Single(Directory.GetDirectories(Path.Combine(folder.File("datasets"), corpus.Id))); // the same examples, prepared once
        Assert.Matches(@"packing\s+\d+ rows of up to 64 tokens, \d\.\d examples in each; 9\d\.\d% of the\s+places are tokens", Said(data));
        var examples = data.Examples.Train;
        Assert.Equal(
            Enumerable.Range(0, 3).Sum(step => data.TrainingBatches(packing, step).Sum(batch => batch.TokenCount)),
            data.TokensBefore(packing, 3)
        );
        for (int step = 0; step < 3; step++)
        {
            var whole = Assert.Single(data.TrainingBatches(packing, step));
            var cut = data.TrainingBatches(packing with { Training = new() { BatchSize = 8, MicroBatchSize = 3 } }, step);
            long[] own = data.TrainingExamples(packing, step);
            Assert.Equal(8, whole.Size);
            Assert.Equal(own.Select(example => examples.Lengths(example).Length), whole.Packed!.SelectMany(row => row));
            Assert.Equal(own.Length, own.Distinct().Count());
            Assert.Equal([0, 3, 6], cut.Select(part => part.FirstRow));
            Assert.Equal(whole.Packed!, cut.SelectMany(part => part.Packed!));
        }
        Assert.All(data.HeldOutBatches(packing), batch => Assert.Null(batch.Packed));
        int rows = Enumerable.Range(0, 100).SelectMany(step => data.TrainingExamples(packing, step)).Distinct().Count();
        Assert.Equal(examples.Count, rows);

        var large = packing with { Training = new() { BatchSize = (int)examples.Count / 2 } };
        var error = Assert.Throws<UserErrorException>(() => PretrainData.Prepare(corpus, tokenizer, large));
        Assert.Matches(@"gives \d+ examples of up to 64 tokens in \d+ rows, fewer than one batch", error.Message);

        string Said(PretrainData prepared)
        {
            var output = new StringWriter();
            prepared.Describe(corpus, new RunConsole(output, terminal: null));
            return output.ToString();
        }
    }

    /// <summary>The name that examples had before they could be packed: nobody prepares them again.</summary>
    [Fact]
    public void The_name_of_examples_does_not_depend_on_packing()
    {
        var settings = new ExampleSettings();
        Assert.Equal(
            "ExampleSettings { MaxLength = 128, ShortExampleProbability = 0.05, SingleSegmentProbability = 0.1, "
                + "BlankLineEndsExample = False, CutLongLines = True, RemoveEmptyParentheses = False, HeldOut = 0.005, Seed = 0 }",
            settings.Name
        );
        Assert.Equal(settings.Name, (settings with { Packing = ExamplePacking.BestFit }).Name);
    }
}
