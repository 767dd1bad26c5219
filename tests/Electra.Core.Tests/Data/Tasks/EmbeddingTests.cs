using Electra.Data.Tasks;
using static TorchSharp.torch;

namespace Electra.Tests.Data.Tasks;

/// <summary>Pairs and triples of texts, their losses and their scores, against sentence-transformers and SciPy.</summary>
public sealed class EmbeddingTests : IDisposable
{
    private static readonly OwnTaskOptions Options = new() { Kind = OwnTaskKind.Embedding, Text = ["a", "b"] };

    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("ranking", TextLoss.Ranking, "mean", false)]
    [InlineData("ranking_negatives", TextLoss.Ranking, "mean", true)]
    [InlineData("ranking_cls", TextLoss.Ranking, "cls", false)]
    [InlineData("cosent", TextLoss.Cosent, "mean", false)]
    [InlineData("cosine", TextLoss.Cosine, "mean", false)]
    [InlineData("matryoshka", TextLoss.Ranking, "mean", false, 16, 8)]
    public void Losses_and_gradients_equal_sentence_transformers(
        string name,
        TextLoss loss,
        string pooling,
        bool hasNegatives,
        params int[] dimensions
    )
    {
        var golden = Golden.Tensors("r_embeddings");
        string[] columns = ["anchor", "positive", .. hasNegatives ? ["negative"] : Array.Empty<string>()];
        var vectors = stack([.. columns.Select(column => golden[$"{column}/{pooling}"])], 1).requires_grad_(true);
        var task = OwnTask.Define("made", Options with { Loss = loss, Dimensions = dimensions });
        var value = task.Kind.Loss(task, vectors, golden["labels"].unsqueeze(1).expand(-1, columns.Length), 0);
        Golden.AssertClose(golden[$"loss/{name}"], value, 1e-5, name);
        value.backward();
        foreach (var (i, column) in columns.Index())
            Golden.AssertClose(golden[$"loss/{name}/grad/{column}"], vectors.grad!.select(1, i), 2e-5, column);
    }

    /// <summary>The check numbers of the losses' own descriptions.</summary>
    [Fact]
    public void Losses_of_given_cosines_are_the_known_ones()
    {
        static Tensor Pairs(double[] cosines) => stack([.. cosines.Select(cosine =>
            tensor(new[] { 1f, 0, (float)cosine, (float)Math.Sqrt(1 - (cosine * cosine)) }).view(2, 2))]);
        var settings = new EmbeddingSettings(TextLoss.Cosent, Pooling.Mean, 20, true, []);
        Assert.Equal(0.0028110, EmbeddingLoss.Of(settings, Pairs([.9, .2, .5]), tensor(new[] { 1f, 0, .6f })).item<float>(), 1e-6);
    }

    [Fact]
    public void Correlations_of_cosines_with_ties_equal_SciPys()
    {
        var task = OwnTask.Define("made", Options with { Loss = TextLoss.Cosine });
        foreach (var set in Golden.CompressedJson("r_similarity").GetProperty("similarity").EnumerateArray())
        {
            float[] cosines = [.. set.GetProperty("cosine").EnumerateArray().Select(one => one.GetSingle())],
                gold = [.. set.GetProperty("gold").EnumerateArray().Select(one => one.GetSingle())];
            var rows = new TaskOutputs(
                task,
                // the cosine of (1, 0) and (c, √(1 − c²)); of values over 1 that of halves
                [.. cosines.SelectMany(cosine => new[] { 1f, 0, cosine, (float)Math.Sqrt(Math.Max(0, 1 - (cosine * cosine))) })],
                [.. gold.SelectMany(score => new[] { score, score })],
                [.. Enumerable.Range(1, cosines.Length).Select(row => 2 * row)]
            );
            if (cosines.Any(cosine => Math.Abs(cosine) > 1))
                continue;
            var measured = Metrics.Measure(rows);
            foreach (var name in new[] { "spearman", "pearson" })
                Assert.Equal(set.GetProperty(name).ValueKind == System.Text.Json.JsonValueKind.Null ? double.NaN
                    : set.GetProperty(name).GetDouble(), measured[name], 1e-6);
        }
    }

    [Fact]
    public void Scores_of_what_is_found_equal_sentence_transformers()
    {
        foreach (var set in Golden.CompressedJson("r_similarity").GetProperty("retrieval").EnumerateArray())
        {
            var found = set.GetProperty("relevant").EnumerateObject().Zip(set.GetProperty("scores").EnumerateArray(), (query, scores) =>
            {
                var right = query.Value.EnumerateArray().Select(document => document.GetInt32()).ToHashSet();
                return new FoundTexts(
                    query.Name,
                    [
                        .. scores.EnumerateArray().Select(score => score.GetDouble()).Index().OrderByDescending(one => one.Item)
                            .Select(one => new FoundText($"{one.Index}", right.Contains(one.Index), one.Item)),
                    ],
                    right.Count
                );
            });
            var measured = RetrievalScores.Of(found);
            var expected = set.GetProperty("result");
            double Of(string metric, int rank) => expected.GetProperty(metric).GetProperty($"{rank}").GetDouble();
            Assert.All(measured.AtRank, at => Assert.Equal(
                (Of("accuracy@k", at.Rank), Of("precision@k", at.Rank), Of("recall@k", at.Rank)),
                (at.Accuracy, Math.Round(at.Precision, 15), Math.Round(at.Recall, 15)),
                (x, y) => Math.Abs(x.Item1 - y.Item1) + Math.Abs(x.Item2 - y.Item2) + Math.Abs(x.Item3 - y.Item3) < 1e-9
            ));
            Assert.Equal(Of("mrr@k", 10), measured.Mrr, 1e-12);
            Assert.Equal(Of("ndcg@k", 10), measured.Ndcg, 1e-12);
            Assert.Equal(Of("map@k", 100), measured.Map, 1e-12);
        }
    }

    [Fact]
    public void Texts_that_are_there_twice_are_one_and_may_have_several_partners()
    {
        var rows = new TaskOutputs(
            OwnTask.Define("made", Options),
            [1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0],
            [1, 1, 1, 1, 1, 1],
            [2, 4, 6]
        )
        {
            Words = ["who", "he", "who", "she", "where", "he"],
        };
        var found = Retrieval.Of(rows).ToList();
        Assert.Equal(["who", "where"], found.Select(query => query.Text));
        Assert.Equal(["he", "she"], found[0].Found.Select(one => one.Text));
        Assert.Equal([2, 1], found.Select(query => query.Relevant));
        Assert.Equal([true, true, false, true], found.SelectMany(query => query.Found).Select(one => one.IsRelevant));
    }

    [Fact]
    public void Pairs_triples_and_scores_are_read()
    {
        Assert.Equal([new(["x", "y"], [1, 1])], Rows("a\tb\nx\ty\n", Options));
        Assert.Equal([new(["x", "y", "z"], [1, 1, 1])], Rows("a\tb\tc\nx\ty\tz\n", Options with { Text = ["a", "b", "c"] }));
        Assert.Equal(
            [new(["x", "y"], [0.5f, 0.5f])],
            Rows("a\tb\tlabel\nx\ty\t2.5\n", Options with { Loss = TextLoss.Cosine, Range = [0, 5] })
        );
    }

    [Theory]
    [InlineData("2.5", "a.tsv:2: label is 2.5, and no cosine can be: give the lowest and the highest score of the file, range: [0, 5]")]
    [InlineData("high", "a.tsv:2: label is \"high\"; made has numbers")]
    public void A_score_that_is_none_is_an_error(string score, string said) =>
        Assert.Contains(
            said,
            Assert
                .Throws<UserErrorException>(() => Rows($"a\tb\tlabel\nx\ty\t{score}\n", Options with { Loss = TextLoss.Cosine }))
                .Message
        );

    [Theory]
    [InlineData("text")]
    [InlineData("loss")]
    [InlineData("held_out")]
    [InlineData("metric")]
    [InlineData("labels")]
    [InlineData("pooling")]
    [InlineData("duplicates")]
    public void Keys_that_do_not_fit_are_errors(string key)
    {
        var options = key switch
        {
            "text" => Options with { Text = ["a", "b", "c"], Loss = TextLoss.Cosent },
            "loss" => Options with { Loss = TextLoss.Ranknet },
            "held_out" => Options with { Metric = Metrics.Spearman, Train = "a.tsv", HeldOut = 0.5 },
            "metric" => Options with { Metric = Metrics.Ndcg10, Loss = TextLoss.Cosent },
            "labels" => Options with { Labels = ["x", "y"] },
            "duplicates" => Options with { Loss = TextLoss.Cosine, Duplicates = true },
            _ => new OwnTaskOptions { Text = ["a"], Labels = ["x", "y"], Pooling = Pooling.Max },
        };
        Assert.Contains(options.Problems(), problem => problem.Key == key);
    }

    /// <summary>Three rows ask the same, and two have one answer: a batch of two has neither twice, whatever the order.</summary>
    [Fact]
    public void A_batch_has_no_text_twice_and_an_epoch_has_each_row_once()
    {
        const string Content = "a\tb\nt1\tt2\nt1\tt3\nT1 \tt4\nt5\tt6\nt7\tt6\nt8\tt9\n";
        using var kept = Prepared(Options with { Duplicates = true });
        Assert.Contains(Enumerable.Range(0, 20), epoch => Batches(kept, 2, epoch).Any(batch => batch.Count(row => row < 3) > 1));
        using var data = Prepared(Options);
        foreach (int epoch in Enumerable.Range(0, 20))
        {
            var batches = Batches(data, 2, epoch);
            Assert.Equal(3, batches.Count);
            Assert.Equal(Enumerable.Range(0, 6), batches.SelectMany(rows => rows).Order());
            Assert.All(batches, batch => Assert.Equal((1, false), (batch.Count(row => row < 3), batch.Contains(3) && batch.Contains(4))));
            Assert.Equal(batches, Batches(data, 2, epoch));
            // Of four rows there are two batches, and three rows that ask the same.
            Assert.Equal([1, 2], Batches(data, 4, epoch).Select(batch => batch.Count(row => row < 3)).Order());
        }
        Assert.Equal(3, DistinctBatches.MostRows(data.Train.Examples.RowTexts));

        static IReadOnlyList<int[]> Batches(TaskData data, int size, int epoch) => data.Train.Examples.Shuffled(size, seed: 1, epoch);
        TaskData Prepared(OwnTaskOptions options)
        {
            File.WriteAllText(folder.File("a.tsv"), Content);
            options = options with { Train = folder.File("a.tsv"), Dev = folder.File("a.tsv") };
            var text = OwnTask.Open(OwnTask.Define("made", options), options);
            return TaskData.Prepare(text, TinyPair.Tokenizer(), new EncodingOptions { MaxLength = 8 }, folder.File("datasets"));
        }
    }

    private List<TaskRow> Rows(string content, OwnTaskOptions options)
    {
        File.WriteAllText(folder.File("a.tsv"), content);
        options = options with { Train = folder.File("a.tsv"), Dev = folder.File("a.tsv") };
        return [.. OwnTask.Open(OwnTask.Define("made", options), options).Splits[0].Rows()];
    }
}
