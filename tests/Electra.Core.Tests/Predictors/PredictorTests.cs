using Electra.Checkpoints.HuggingFace;
using Electra.Data.Tagging;
using Electra.Predictors;
using Electra.Pretraining;
using Electra.Tensors;

namespace Electra.Tests.Predictors;

/// <summary>Models that a program asks: Python's numbers, in batches, from many threads, with cancellation.</summary>
public sealed class PredictorTests : IDisposable
{
    private static readonly string Moods = TestData.Fixture("golden/r_tiny_multilabel"), Names = TestData.Fixture("golden/t_tiny_model");

    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_classifier_of_Hugging_Faces_gives_its_labels_and_probabilities_from_the_text_on()
    {
        using var classifier = TextClassifier.Open(Moods, Compute.Reference);
        var rows = Golden.Json("r_tiny_multilabel").GetProperty("rows").EnumerateArray().ToList();
        var labels = Golden.Json("r_tiny_multilabel").GetProperty("labels").EnumerateArray().Select(label => label.GetString()!).ToList();
        Assert.Equal(labels, classifier.Labels);
        var answers = classifier.Classify(rows.Select(row => row.GetProperty("text").GetString()!), batchSize: 3);
        foreach (var (row, answer) in rows.Zip(answers))
        {
            Assert.Equal(row.GetProperty("text").GetString(), answer.Text);
            Assert.Equal(row.GetProperty("predicted").EnumerateArray().Select(label => label.GetString()), answer.Labels);
            double[] expected = [.. row.GetProperty("probabilities").EnumerateArray().Select(p => p.GetDouble())];
            Assert.All(answer.Scores, score => Assert.Equal(expected[labels.IndexOf(score.Label)], score.Score, 1e-5));
            Assert.Equal(expected.Max(), answer.Score, 1e-5);
            Assert.Equal(answer.Score, classifier.Classify(answer.Text).Score, 1e-6);
        }
        Assert.Empty(classifier.Classify(Enumerable.Empty<string>()));
    }

    [Fact]
    public void A_tagger_of_Hugging_Faces_gives_the_spans_of_its_tags_and_their_places()
    {
        using var tagger = TokenTagger.Open(Names, Compute.Reference);
        Assert.Contains(TagSchemes.Outside, tagger.Tags);
        int compared = 0;
        foreach (var sentence in Golden.Json("t_tiny_model").GetProperty("sentences").EnumerateArray())
        {
            string[] words = [.. sentence.GetProperty("words").EnumerateArray().Select(word => word.GetString()!)];
            var text = TaggedText.OfText(string.Join(' ', words), "");
            var found = tagger.Tag(text.Text);
            Assert.All(found, span => Assert.Equal(text.Text[span.Place], span.Text));
            Assert.All(found, span => Assert.InRange(span.Score, 0, 1));
            if (!text.Words.Select(word => text.Text[word]).SequenceEqual(words))
                continue; // its words are other ones
            compared++;
            double[] scores = [.. sentence.GetProperty("probability").EnumerateArray().Select(p => p.GetDouble())];
            var expected = TagSpans.Lenient([.. sentence.GetProperty("predicted").EnumerateArray().Select(tag => tag.GetString()!)]);
            Assert.Equal(
                expected.Select(span => (span.Type, text.Words[span.First].Start.Value, text.Words[span.Last].End.Value)),
                found.Select(span => (span.Label, span.Place.Start.Value, span.Place.End.Value))
            );
            Assert.All(
                expected.Zip(found),
                pair => Assert.Equal(scores[pair.First.First..(pair.First.Last + 1)].Average(), pair.Second.Score, 1e-5)
            );
        }
        Assert.True(compared > 0);
        Assert.Empty(tagger.Tag(""));
    }

    [Fact]
    public void Masks_and_replaced_tokens_are_those_of_the_trained_model()
    {
        const string Masked = "t10 [MASK] t30 [MASK]", Plain = "t10 T20 t30 t40";
        using var model = TrainedModel.Open(Pair(), compute: Compute.Reference);
        using var fill = FillMask.Open(Pair(), Compute.Reference);
        using var detector = ReplacedTokenDetector.Open(Pair(), Compute.Reference);
        Assert.Equal("[MASK]", fill.Mask);
        var filled = fill.Fill([Masked, "t11 [MASK]"], best: 3);
        Assert.Equal([2, 1], filled.Select(masks => masks.Count));
        Assert.Equal(model.FillAll(Masked, 3).SelectMany(tokens => tokens), filled[0].SelectMany(mask => mask.Tokens));
        Assert.All(filled[0], mask => Assert.Equal("[MASK]", mask.Text[mask.Place]));
        Assert.Equal(model.Detect(Plain), detector.Detect([Plain, "t11"])[0]);
    }

    [Fact]
    public async Task Many_threads_get_the_answers_that_one_gets()
    {
        using var classifier = TextClassifier.Open(Moods, Compute.Reference);
        string[] texts = [.. Enumerable.Range(0, 24).Select(i => string.Join(' ', Enumerable.Repeat($"the day {i}", 1 + (i % 5))))];
        double[] expected = [.. texts.Select(text => classifier.Classify(text).Score)];
        var answers = await Task.WhenAll(texts.Select(text => Task.Run(() => classifier.Classify(text).Score)));
        Assert.Equal(expected, answers);
    }

    [Fact]
    public void Work_is_cancelled_and_a_model_that_is_gone_says_so()
    {
        var classifier = TextClassifier.Open(Moods, Compute.Reference);
        Assert.Throws<OperationCanceledException>(() => classifier.Classify("a", cancellation: new CancellationToken(canceled: true)));
        classifier.Dispose();
        classifier.Dispose();
        Assert.Throws<ObjectDisposedException>(() => classifier.Classify("a"));
    }

    [Fact]
    public void A_model_of_another_kind_is_refused_with_what_it_is()
    {
        Assert.Contains("was not trained to classify texts", Refused(() => TextClassifier.Open(Names)));
        Assert.Contains("was not trained to label words", Refused(() => TokenTagger.Open(Moods)));
        Assert.Contains("it is a discriminator, as it was pre-trained", Refused(() => TextClassifier.Open(Pair())));
        Assert.Contains("has no generator", Refused(() => FillMask.Open(Moods)));
        Assert.Contains("has no discriminator", Refused(() => ReplacedTokenDetector.Open(Names)));
        Assert.Contains("no mask", Refused(() => Fill("t10")).Replace("no [MASK]", "no mask"));

        static string Refused(Func<object?> open) => Assert.Throws<UserErrorException>(open).Message;
        object? Fill(string text)
        {
            using var fill = FillMask.Open(Pair(), Compute.Reference);
            return fill.Fill(text);
        }
    }

    private string Pair()
    {
        var path = folder.File("pair");
        if (!Directory.Exists(path))
        {
            using var pair = TinyPair.Load();
            HuggingFaceFolder.SavePair(path, pair, TinyPair.Tokenizer(lowercase: false));
        }
        return path;
    }
}
