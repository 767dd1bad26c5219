using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using Electra.Checkpoints.HuggingFace;
using Electra.Finetuning;
using Electra.Pretraining;
using Electra.Scoring;
using Electra.Tensors;
using Electra.Tokenization;

namespace Electra.Tests.Scoring;

/// <summary>
/// Scores from text, against transformers 5.24 and minicons 0.3.39 on a pair that this kit trained (fixtures/golden/README.md).
/// </summary>
public sealed class SentenceScorerTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();
    private readonly JsonElement golden = Golden.Json("s_scoring");

    public SentenceScorerTests() => ZipFile.ExtractToDirectory(TestData.Fixture("golden/s_tiny.zip"), folder.File("pair"));

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(SentenceScoreKind.Pll, "pll")]
    [InlineData(SentenceScoreKind.PllWord, "pll_word_l2r")]
    [InlineData(SentenceScoreKind.Discriminator, "original")]
    public void Scores_of_sentences_equal_the_reference(SentenceScoreKind kind, string name)
    {
        using var scorer = Open(kind);
        var sentences = golden.GetProperty("sentences").EnumerateArray().ToList();
        var scores = scorer.Score([.. sentences.Select(one => one.GetProperty("text").GetString()!)]);
        foreach (var (sentence, score) in sentences.Zip(scores))
        {
            long[] ids = [.. sentence.GetProperty("ids").EnumerateArray().Select(id => id.GetInt64())];
            Assert.Equal(ids, scorer.Encode(sentence.GetProperty("text").GetString()!));
            Assert.Equal(ids.Length - 2, score.Tokens);
            double expected = sentence.GetProperty(name).GetDouble();
            Assert.Equal(expected, score.Sum, 1e-6 * Math.Max(10, Math.Abs(expected)));
            Assert.Equal(score.Sum / score.Tokens, score.Mean);
        }
        if (kind == SentenceScoreKind.Pll)
            Assert.Equal(
                golden.GetProperty("pseudo_perplexity").GetDouble(),
                Math.Exp(-scores.Sum(score => score.Sum) / scores.Sum(score => score.Tokens)),
                1e-3
            );
    }

    /// <summary>One code fills masks for scripts/try.csx: the same reference holds for it.</summary>
    [Fact]
    public void Filled_masks_equal_the_reference()
    {
        using var model = TrainedModel.Open(folder.File("pair"), compute: Compute.Reference);
        foreach (var sentence in golden.GetProperty("fill_mask").EnumerateArray())
        {
            var filled = model.FillAll(sentence.GetProperty("text").GetString()!, best: 5);
            foreach (var (expected, actual) in sentence.GetProperty("masks").EnumerateArray().Zip(filled))
                foreach (var (one, token) in expected.GetProperty("best").EnumerateArray().Zip(actual))
                {
                    Assert.Equal(one.GetProperty("token").GetString(), token.Token);
                    Assert.Equal(one.GetProperty("probability").GetDouble(), token.Probability, 1e-6);
                }
        }
    }

    [Theory]
    [InlineData(SentenceScoreKind.Pll, "pll")]
    [InlineData(SentenceScoreKind.PllWord, "pll_word_l2r")]
    [InlineData(SentenceScoreKind.Discriminator, "detector")]
    public void As_many_pairs_of_Blimp_are_right_as_in_the_reference(SentenceScoreKind kind, string name)
    {
        var files = Directory.GetFiles(TestData.Shared("blimp"), "*.jsonl.gz").Order(StringComparer.Ordinal);
        using var scorer = Open(kind);
        const int EveryNth = 11; // all 67 take minutes
        foreach (var file in files.Index().Where(file => file.Index % EveryNth == 0).Select(file => file.Item))
        {
            var phenomenon = Assert.Single(MinimalPairs.Read(new PredictOptions { Pairs = [file] }));
            var expected = golden.GetProperty("blimp_first_100").GetProperty(phenomenon.Name);
            Assert.Equal(
                (expected.GetProperty("term").GetString(), expected.GetProperty("field").GetString(), 1000),
                (phenomenon.Term, phenomenon.Field, phenomenon.Rows.Count)
            );
            phenomenon = phenomenon with { Rows = [.. phenomenon.Rows.Take(100)] };
            Assert.Equal(
                (phenomenon.Name, expected.GetProperty(name).GetInt32()),
                (phenomenon.Name, MinimalPairs.Correct(scorer, phenomenon, lengthNormalised: false, default))
            );
        }
    }

    [Fact]
    public void Energies_give_the_pseudo_log_likelihoods_of_the_reference()
    {
        string[] tokens = [.. Enumerable.Range(0, 200).Select(i => i switch
        {
            0 => "[PAD]", 100 => "[UNK]", 101 => "[CLS]", 102 => "[SEP]", 103 => "[MASK]", _ => $"t{i}",
        })];
        using (var pair = TinyPair.Load())
            HuggingFaceFolder.SavePair(folder.File("electric"), pair, new ElectraTokenizer(new Vocabulary(tokens), lowercase: false));
        SayElectric("electric");
        var expected = Golden.Tensors("m_electric");
        using var scorer = SentenceScorer.Open(folder.File("electric"), SentenceScoreKind.Energy, Compute.Reference);
        var texts = Enumerable.Range(0, 5).Select(row =>
            string.Join(
                ' ',
                expected["pll_input_ids"][row].data<long>().Where(id => id is not (0 or 101 or 102)).Select(id => tokens[id])
            ));
        var scores = scorer.Score([.. texts]);
        foreach (var (row, score) in scores.Index())
        {
            Assert.Equal(expected["pll"][row].item<float>(), score.Sum, 1e-5);
            Assert.Equal(expected["pll_mean"][row].item<float>(), score.Mean, 1e-5);
        }
    }

    [Fact]
    public void A_sentence_scores_the_same_among_any_others_and_its_equal_to_the_last_bit()
    {
        using var scorer = Open(SentenceScoreKind.Pll);
        var alone = scorer.Score(["The captain stood upon the deck."])[0];
        var among = scorer.Score(
            ["Yes", "the captain  stood upon the DECK.", "a b c d e f g h i j", "The captain stood upon the deck.", ""]
        );
        Assert.Equal(alone.Sum, among[3].Sum, 1e-4);
        Assert.Equal(among[3], among[1]);
        Assert.Equal(new SentenceScore(0, 0), among[4]);
    }

    [Fact]
    public void What_cannot_be_scored_is_said_in_words()
    {
        Assert.Contains("ELECTRA, whose outputs are not energies: predict.score=discriminator", Said("pair", SentenceScoreKind.Energy));
        Assert.Contains("is not a masked language model", Said("pair/discriminator", SentenceScoreKind.Pll));
        Assert.Contains("scores with predict.score=pll", Said("pair/generator", SentenceScoreKind.Discriminator));
        using var scorer = Open(SentenceScoreKind.Pll);
        Assert.Contains("has a [MASK]", Assert.Throws<UserErrorException>(() => scorer.Score(["a [MASK] b"])).Message);
        Assert.Contains(
            "the sentence has 600 tokens, and",
            Assert.Throws<UserErrorException>(() => scorer.Score([string.Join(' ', Enumerable.Repeat("the", 600))])).Message
        );
        SayElectric("pair");
        Assert.Contains("its outputs are energies, predict.score=energy", Said("pair", SentenceScoreKind.Discriminator));

        string Said(string model, SentenceScoreKind kind) =>
            Assert.Throws<UserErrorException>(() => SentenceScorer.Open(folder.File(model), kind, Compute.Reference)).Message;
    }

    private SentenceScorer Open(SentenceScoreKind kind) => SentenceScorer.Open(folder.File("pair"), kind, Compute.Reference);

    private void SayElectric(string model)
    {
        var file = folder.File(Path.Combine(model, "discriminator", "config.json"));
        var config = JsonNode.Parse(File.ReadAllText(file))!;
        config["objective"] = "electric";
        File.WriteAllText(file, config.ToJsonString());
    }
}
