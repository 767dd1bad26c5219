using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using Electra.Checkpoints.HuggingFace;
using Electra.Data.Tagging;
using Electra.Finetuning;
using Electra.Model;
using Electra.Predictors;
using Electra.Pretraining;
using Electra.Scoring;
using Electra.Tensors;
using Microsoft.Extensions.AI;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Electra.Tests.Predictors;

/// <summary>Models that a program asks: Python's numbers, in batches, from many threads, with cancellation.</summary>
public sealed class PredictorTests : IDisposable
{
    private static readonly string Moods = TestData.Fixture("golden/r_tiny_multilabel"),
        Names = TestData.Fixture("golden/t_tiny_model"),
        Answers = TestData.Fixture("golden/q_tiny_model");

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
    public void An_answerer_of_Hugging_Faces_gives_the_answers_of_Pythons_scripts_and_their_places()
    {
        var (asked, questions) = Asked();
        using var two = QuestionAnswerer.Open(AnswersOf("two", 0), compute: Compute.Reference);
        using var one = QuestionAnswerer.Open(AnswersOf("one", null), compute: Compute.Reference);
        using var above = QuestionAnswerer.Open(AnswersOf("one", null), nullThreshold: 0, Compute.Reference);
        var (withNone, without) = (two.Ask(questions, batchSize: 3), one.Ask(questions));
        foreach (var (golden, question, i) in asked.Zip(questions, Enumerable.Range(0, questions.Length)))
        {
            Assert.Equal(question, (withNone[i].Question, withNone[i].Context));
            Assert.Equal(golden["prediction_version_2"]!.GetValue<string>(), withNone[i].Answer.Text);
            Assert.Equal(golden["null_odds"]!.GetValue<double>(), withNone[i].NullOdds!.Value, 1e-4);
            Assert.Equal(withNone[i].Answer.Text == "", withNone[i].Answer.Place is null);
            Assert.Equal(golden["prediction"]!.GetValue<string>(), without[i].Answer.Text);
            Assert.Null(without[i].NullOdds);
            // There, positions of padding are among the best starts of a short window, so that fewer answers are kept.
            Assert.All(
                golden["nbest"]!.AsArray().Zip(without[i].Best),
                pair => Assert.Equal(pair.First!["text"]!.GetValue<string>(), pair.Second.Text)
            );
            Assert.All(without[i].Best, best => Assert.Equal(best.Text, question.Context[best.Place!.Value]));
            Assert.Equal(1, without[i].Best.Sum(best => best.Score), 1e-9);
        }
        Assert.Equal(withNone[0].Answer, above.Ask(questions[0].Question, questions[0].Context).Answer);
        Assert.Empty(one.Ask([]));
        Assert.Equal("question 2: the question is empty", Refused(("when", "in 1914"), (" ", "in 1914")));
        Assert.Equal("question 1: the question has no text (context) that could answer it", Refused(("when", "")));

        string Refused(params (string, string)[] wrong) => Assert.Throws<UserErrorException>(() => one.Ask(wrong)).Message;
    }

    [Fact]
    public async Task An_answerer_may_say_that_there_is_no_answer_and_is_asked_from_many_threads()
    {
        var (_, questions) = Asked();
        using var never = QuestionAnswerer.Open(AnswersOf("never", double.NegativeInfinity), compute: Compute.Reference);
        Assert.All(never.Ask(questions), said => Assert.Equal(("", null), (said.Answer.Text, said.Answer.Place)));
        Assert.All(never.Ask(questions), said => Assert.Contains(said.Answer, said.Best));
        using var always = QuestionAnswerer.Open(AnswersOf("never", double.NegativeInfinity), double.PositiveInfinity, Compute.Reference);
        var expected = questions.Select(one => always.Ask(one.Question, one.Context).Answer).ToArray();
        Assert.DoesNotContain(expected, answer => answer.Text == "");
        Assert.Equal(expected, await Task.WhenAll(questions.Select(one => Task.Run(() => always.Ask(one.Question, one.Context).Answer))));
        Assert.Throws<OperationCanceledException>(() => always.Ask(questions, cancellation: new CancellationToken(canceled: true)));
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
    public async Task Vectors_are_the_mean_of_all_tokens_whatever_the_batch_and_by_the_common_interface()
    {
        using var embedder = TextEmbedder.Open(Pair(), Compute.Reference);
        string[] texts = ["t10 t30", "t11", "t10 t11 t12 t13 t14 t15", ""];
        var vectors = embedder.Embed(texts, batchSize: 3);
        Assert.All(MeanOfTokens().Zip(vectors[0]), both => Assert.Equal(both.First, both.Second, 1e-5));
        foreach (var (text, vector) in texts.Zip(vectors))
            Assert.All(embedder.Embed(text).Zip(vector), both => Assert.Equal(both.First, both.Second, 1e-5));

        IEmbeddingGenerator<string, Embedding<float>> generator = embedder;
        var generated = await generator.GenerateAsync(texts, cancellationToken: TestContext.Current.CancellationToken);
        foreach (var (vector, one) in vectors.Zip(generated)) // other batches round otherwise
            Assert.All(vector.Zip(one.Vector.ToArray()), both => Assert.Equal(both.First, both.Second, 1e-5));
        Assert.Equal(embedder.Dimensions, generator.GetService<EmbeddingGeneratorMetadata>()!.DefaultModelDimensions);
        await Assert.ThrowsAsync<ArgumentException>(() => generator.GenerateAsync(texts, new() { Dimensions = 7 }));

        // What belongs to a thread, whether gradients are recorded and the scope of tensors, is not held while another may go on.
        static float[] MeanOfTokens()
        {
            using var pair = TinyPair.Load();
            var states = new List<Tensor>();
            using var scope = NewDisposeScope();
            using var none = no_grad();
            var ids = tensor(new long[,] { { 2, 15, 35, 3 } });
            var attention = AttentionMask.FromLengths([4], 4, Compute.Reference);
            pair.Discriminate(ids, zeros_like(ids), attention, Dropout.None, states.Add);
            return [.. states[^1].mean([0]).data<float>()];
        }
    }

    [Fact]
    public void Outputs_that_are_not_finite_are_never_given()
    {
        using (var pair = TinyPair.Load())
        {
            using (no_grad())
                foreach (var (name, value) in pair.Store.Named())
                    if (name.EndsWith("LayerNorm.weight", StringComparison.Ordinal))
                        value.fill_(3e38f);
            HuggingFaceFolder.SavePair(folder.File("far"), pair, TinyPair.Tokenizer(lowercase: false));
        }
        using var embedder = TextEmbedder.Open(folder.File("far"), Compute.Reference);
        using var fill = FillMask.Open(folder.File("far"), Compute.Reference);
        using var detector = ReplacedTokenDetector.Open(folder.File("far"), Compute.Reference);
        using var scorer = SentenceScorer.Open(folder.File("far"), SentenceScoreKind.Discriminator, Compute.Reference);
        Assert.All(
            new Action[]
            {
                () => embedder.Embed("t10 t30"),
                () => fill.Fill("t10 [MASK]"),
                () => detector.Detect("t10 t30"),
                () => scorer.Score(["t10 t30"]),
            },
            ask => Assert.Contains("far are not finite", Assert.Throws<UserErrorException>(ask).Message)
        );
    }

    /// <summary>Folders of sentence-transformers 6.2, with its own vectors.</summary>
    [Theory]
    [InlineData("st_mean", null)]
    [InlineData("st_mean", "query")]
    [InlineData("st_mean_sqrt", null)]
    [InlineData("st_max", null)]
    [InlineData("st_cls_normalized", null)]
    public void Vectors_are_pooled_as_the_model_was_trained_for(string name, string? role)
    {
        ZipFile.ExtractToDirectory(TestData.Fixture("golden/sentence_transformers.zip"), folder.File("st"));
        using var embedder = TextEmbedder.Open(folder.File($"st/{name}"), Compute.Reference);
        var texts = JsonDocument.Parse(File.ReadAllBytes(folder.File("st/expected.json"))).RootElement.GetProperty("texts");
        var expected = Golden.Read(folder.File("st/expected.safetensors"))[$"{name}.embeddings{(role is null ? "" : $"_{role}")}"];
        float[] vectors =
        [
            .. embedder.Embed(texts.EnumerateArray().Select(text => text.GetString()!), role, batchSize: 4).SelectMany(vector => vector),
        ];
        Golden.AssertClose(expected, tensor(vectors).view(expected.shape), 1e-5, name);
        Assert.Equal(name == "st_mean" ? "query: " : "", embedder.Prompts["query"]);
        Assert.Contains("no prompt for the role passage", Assert.Throws<UserErrorException>(() => embedder.Embed("a", "passage")).Message);
        var settings = folder.File($"st/{name}/config_sentence_transformers.json");
        File.WriteAllText(settings, File.ReadAllText(settings).Replace("default_prompt_name\": null", "default_prompt_name\": \"query\""));
        using var usual = TextEmbedder.Open(folder.File($"st/{name}"), Compute.Reference);
        Assert.Equal(embedder.Embed("the cat", "query"), usual.Embed("the cat"));
    }

    /// <summary>A cross-encoder of sentence-transformers 6.2, with its own logits.</summary>
    [Fact]
    public void Documents_are_in_the_order_of_the_cross_encoders_logits()
    {
        ZipFile.ExtractToDirectory(TestData.Fixture("golden/sentence_transformers.zip"), folder.File("st"));
        using var reranker = Reranker.Open(folder.File("st/cross"), Compute.Reference);
        var pairs = JsonDocument.Parse(File.ReadAllBytes(folder.File("st/expected.json"))).RootElement.GetProperty("pairs");
        float[] logits = [.. Golden.Read(folder.File("st/expected.safetensors"))["cross.logits"].data<float>()];
        foreach (var (pair, logit) in pairs.EnumerateArray().Zip(logits))
            Assert.Equal(logit, Assert.Single(reranker.Rank(pair[0].GetString()!, [pair[1].GetString()!])).Score, 5e-5);
        string[] documents = [.. pairs.EnumerateArray().Select(pair => pair[1].GetString()!)];
        var ranked = reranker.Rank(pairs[0][0].GetString()!, documents, batchSize: 2);
        Assert.Equal(ranked.OrderByDescending(one => one.Score), ranked);
        Assert.Equal(documents.Length, ranked.Select(one => one.Index).Distinct().Count());
        Assert.All(ranked, one => Assert.Equal(documents[one.Index], one.Text));
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
        Assert.Contains("was not trained to answer questions", Refused(() => QuestionAnswerer.Open(Moods)));
        Assert.Contains("was not trained to classify texts: it learned pairs of texts", Refused(() => TextClassifier.Open(Answers)));
        Assert.Contains(
            "config.json: task_specific_params.question-answering.max_seq_len is 4",
            Refused(() => QuestionAnswerer.Open(AnswersOf("short", 0, maxLength: 4)))
        );
        Assert.Contains("it is a discriminator, as it was pre-trained", Refused(() => TextClassifier.Open(Pair())));
        Assert.Contains("was not trained to give one value", Refused(() => Reranker.Open(Moods)));
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

    [Fact]
    public void A_text_that_is_null_is_an_argument_that_is_null()
    {
        using var classifier = TextClassifier.Open(Moods, Compute.Reference);
        using var tagger = TokenTagger.Open(Names, Compute.Reference);
        using var answerer = QuestionAnswerer.Open(Answers, compute: Compute.Reference);
        using var fill = FillMask.Open(Pair(), Compute.Reference);
        using var detector = ReplacedTokenDetector.Open(Pair(), Compute.Reference);
        Assert.All(
            new Action[]
            {
                () => classifier.Classify((string)null!),
                () => tagger.Tag((string)null!),
                () => tagger.Tag(["t", null!]),
                () => answerer.Ask(null!, "t"),
                () => answerer.Ask("t", null!),
                () => fill.Fill((string)null!),
                () => detector.Detect((string)null!),
            },
            ask => Assert.Throws<ArgumentNullException>(ask)
        );
    }

    /// <summary>Questions, their texts, and what Python's scripts say of them.</summary>
    private static (JsonNode[] Golden, (string Question, string Context)[] Questions) Asked()
    {
        var texts = Golden.CompressedJson("q_texts");
        JsonNode[] asked = [.. JsonNode.Parse(File.ReadAllText(TestData.Fixture("golden/q_tiny_model.json")))!["questions"]!.AsArray()!];
        return (asked, [.. asked.Select(one =>
        {
            var question = texts.GetProperty("questions").GetProperty(one["id"]!.GetValue<string>());
            var context = texts.GetProperty("contexts")[question.GetProperty("context").GetInt32()].GetString()!;
            return (question.GetProperty("question").GetString()!, context);
        })]);
    }

    /// <summary>The model with the windows that Python's scripts had, and a threshold of null odds; null: questions have answers.</summary>
    private string AnswersOf(string name, double? threshold, int maxLength = 96)
    {
        var copy = folder.File(name);
        if (Directory.Exists(copy))
            return copy;
        Directory.CreateDirectory(copy);
        foreach (var file in Directory.EnumerateFiles(Answers))
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        var config = HuggingFaceConfig.Load(Path.Combine(copy, "config.json")) with
        {
            TaskSpecificParams = new TaskParameters
            {
                QuestionAnswering = new AnswerSettings
                {
                    MaxSeqLen = maxLength,
                    DocStride = 32,
                    HandleImpossibleAnswer = threshold is not null,
                    NullScoreDiffThreshold = threshold,
                },
            },
        };
        File.WriteAllText(Path.Combine(copy, "config.json"), config.ToJson());
        return copy;
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
