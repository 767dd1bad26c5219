using Electra.Data.Tasks;
using Electra.Finetuning;
using static TorchSharp.torch;

namespace Electra.Tests.Data.Tasks;

/// <summary>Queries with passages, their losses against PyTorch's and their scores against scikit-learn's.</summary>
public sealed class RerankingTests : IDisposable
{
    private static readonly OwnTaskOptions Pairs = new() { Kind = OwnTaskKind.Reranking, Text = ["query", "passage"] },
        Lists = Pairs with { Text = ["query"] };

    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(TextLoss.Ranknet, "ranknet", "labels")]
    [InlineData(TextLoss.Listnet, "listnet", "labels")]
    [InlineData(TextLoss.MarginMse, "margin_mse", "margin_mse/teacher")]
    public void Losses_of_lists_and_their_gradients_equal_PyTorchs(TextLoss loss, string name, string labels)
    {
        var golden = Golden.Tensors("r_losses");
        var scores = golden["rank/scores"].clone().requires_grad_(true);
        var task = OwnTask.Define("made", Pairs with { Loss = loss });
        var value = task.Kind.Loss(task, scores.unsqueeze(-1), golden[$"rank/{labels}"], 0);
        Golden.AssertClose(golden[$"rank/{name}/mean"], value, 1e-6, name);
        value.backward();
        Golden.AssertClose(golden[$"rank/{name}/grad_of_mean"], scores.grad!, 1e-5, name);
    }

    [Fact]
    public void The_loss_of_single_passages_is_the_binary_cross_entropy()
    {
        var golden = Golden.Tensors("r_losses");
        var task = OwnTask.Define("made", Pairs);
        var logits = golden["bce/logits"].view(-1, 1);
        Golden.AssertClose(golden["bce/plain/loss"], task.Kind.Loss(task, logits, golden["bce/labels"].flatten(), 0), 1e-6, "loss");
    }

    [Theory]
    [InlineData(TextLoss.Ranknet)]
    [InlineData(TextLoss.Listnet)]
    [InlineData(TextLoss.MarginMse)]
    public void Queries_with_fewer_passages_weigh_as_they_do_alone(TextLoss loss)
    {
        Tensor scores = tensor(new[] { .5f, -1, 2, .3f, .1f }).requires_grad_(true), labels = tensor(new[] { 1f, 0, 1, 0, .5f });
        double Alone(int from, int to) =>
            RankingLoss.Of(loss, scores[from..to].unsqueeze(0), labels[from..to].unsqueeze(0), 0).item<float>();
        var both = RankingLoss.Of(loss, FinetuneMethod.ByRow(scores, [2, 3]), FinetuneMethod.ByRow(labels, [2, 3]), 0);
        var (first, second) = loss switch { TextLoss.Listnet => (1, 1), TextLoss.Ranknet => (1, 3), _ => (1, 2) };
        Assert.Equal(((first * Alone(0, 2)) + (second * Alone(2, 5))) / (first + second), both.item<float>(), 1e-6);
        both.backward();
        Assert.True(scores.grad!.isfinite().all().item<bool>());
    }

    [Fact]
    public void Scores_with_ties_equal_scikit_learns()
    {
        var golden = Golden.CompressedJson("r_ranking");
        var queries = golden.GetProperty("queries").EnumerateArray().Select(query => (
            Scores: query.GetProperty("scores").EnumerateArray().Select(one => one.GetDouble()).ToArray(),
            Labels: query.GetProperty("labels").EnumerateArray().Select(one => one.GetDouble()).ToArray(),
            Query: query
        )).ToList();
        foreach (var (scores, labels, query) in queries)
        {
            Assert.Equal(query.GetProperty("ndcg@3").GetDouble(), RankingScores.NdcgOf(scores, labels, 3), 1e-9);
            Assert.Equal(query.GetProperty("ndcg@10").GetDouble(), RankingScores.NdcgOf(scores, labels, 10), 1e-9);
            Assert.Equal(query.GetProperty("average_precision").GetDouble(), RankingScores.PrecisionOf(scores, labels), 1e-9);
            Assert.Equal(query.GetProperty("mrr@10_stable").GetDouble(), RankingScores.MrrOf(scores, labels), 1e-9);
        }
        int place = 0;
        var rows = new TaskOutputs(
            OwnTask.Define("made", Pairs),
            [.. queries.SelectMany(query => query.Scores).Select(score => (float)score)],
            [.. queries.SelectMany(query => query.Labels).Select(label => (float)label)],
            [.. queries.Select(query => place += query.Scores.Length)]
        );
        var mean = golden.GetProperty("mean");
        var measured = Metrics.Measure(rows);
        Assert.Equal(mean.GetProperty("ndcg@10").GetDouble(), measured["ndcg@10"], 1e-6);
        Assert.Equal(mean.GetProperty("average_precision").GetDouble(), measured["map"], 1e-6);
        Assert.Equal(mean.GetProperty("mrr@10_stable").GetDouble(), measured["mrr@10"], 1e-6);
    }

    [Fact]
    public void Lines_of_one_query_are_a_row_wherever_they_stand() =>
        Assert.Equal(
            [new(["who", "he", "she", "it"], [1, 0.5f, 0]), new(["where", "here"], [0])],
            Rows(
                "a.tsv",
                "query\tpassage\tlabel\nwho\the\t2\nwhere\there\t0\nwho\tshe\t1\nwho\tit\t0\n",
                Pairs with { Range = [0, 2] }
            )
        );

    [Theory]
    [InlineData("""{"query": "who", "positive": ["he"], "negative": ["it", "there"]}""", "who|he|it|there", new float[] { 1, 0, 0 })]
    [InlineData("""{"query": "who", "positive": ["he"], "documents": ["it", "he"]}""", "who|it|he", new float[] { 0, 1 })]
    [InlineData("""{"query": "who", "positive": ["she", "he"], "documents": ["it", "he"]}""", "who|it|he|she", new float[] { 0, 1, 1 })]
    [InlineData("""{"query": "who", "positive": [], "documents": ["it"]}""", "who|it", new float[] { 0 })]
    [InlineData("""{"query": "who", "positive": "he", "negative": ["it"]}""", "who|he|it", new float[] { 1, 0 })]
    public void Lists_say_what_is_right_and_what_was_found(string line, string texts, float[] labels) =>
        Assert.Equal([new(texts.Split('|'), labels)], Rows("a.jsonl", line, Lists));

    [Theory]
    [InlineData("""{"query": "who", "positive": "he", "negative": ["it"], "documents": ["it"]}""", "a.jsonl:1 has negative and documents")]
    [InlineData("""{"query": "who", "positive": [], "negative": []}""", "a.jsonl:1 has no passage")]
    [InlineData("""{"query": "who", "negative": ["it"]}""", "there is no field positive")]
    public void Lists_that_cannot_be_read_are_errors(string line, string said) =>
        Assert.Contains(said, Assert.Throws<UserErrorException>(() => Rows("a.jsonl", line, Lists)).Message);

    [Fact]
    public void A_label_beyond_a_probability_is_an_error() =>
        Assert.Contains(
            "a.tsv:2: label is 3, and loss: bce wants 0 to 1: give the lowest and the highest label of the file, range: [0, 3]",
            Assert.Throws<UserErrorException>(() => Rows("a.tsv", "query\tpassage\tlabel\nwho\the\t3\n", Pairs)).Message
        );

    [Fact]
    public void Scores_of_a_teacher_are_learned_but_not_measured_by()
    {
        var options = Pairs with { Loss = TextLoss.MarginMse };
        const string Table = "query\tpassage\tlabel\nwho\the\t-3.5\n";
        Assert.Equal([new(["who", "he"], [-3.5f])], Rows("a.tsv", Table, options));
        File.WriteAllText(folder.File("b.tsv"), Table);
        options = options with { Train = folder.File("b.tsv"), Dev = folder.File("b.tsv") };
        var refused = Assert.Throws<UserErrorException>(() =>
            OwnTask.Open(OwnTask.Define("made", options), options).Splits[1].Rows().ToList());
        Assert.Contains("b.tsv:2: label is -3.5, and relevance is 0 or more", refused.Message);
    }

    [Fact]
    public void Words_alone_rank_by_their_frequencies()
    {
        string[] passages = ["the red cat", "the red dog", "a house", "x"];
        float[] scores = Bm25.Scores([.. passages.Select(passage => new Candidate("red cat", passage))]);
        Assert.True(scores[0] > scores[1] && scores[1] > scores[2]);
        Assert.Equal([0, 0], scores[2..]);
        // four passages, "cat" in one, "red" in two, all but the third and fourth of three words; the mean is 9 / 4
        double share = 1.2 * (0.25 + (0.75 * 3 / 2.25));
        Assert.Equal((Math.Log(1 + (3.5 / 1.5)) + Math.Log(1 + (2.5 / 2.5))) * 2.2 / (1 + share), scores[0], 1e-6);
    }

    [Theory]
    [InlineData("loss", "of rerankers is bce, ranknet, listnet or margin_mse")]
    [InlineData("train", "is a.tsv, and lists of passages are .jsonl")]
    [InlineData("pooling", "is for embeddings (kind: embedding)")]
    [InlineData("metric", "cannot be accuracy for passages: ndcg@10, mrr@10, map")]
    [InlineData("labels", "is not for passages, whose labels are numbers")]
    [InlineData("held_out", "has another model's scores as labels: give a file with relevance (dev), or their range: [0, 1]")]
    public void Keys_that_do_not_fit_are_errors(string key, string said)
    {
        var options = key switch
        {
            "loss" => Pairs with { Loss = TextLoss.Cosine },
            "train" => Lists with { Train = "a.tsv", HeldOut = 0.5 },
            "pooling" => Pairs with { Pooling = Pooling.Max },
            "held_out" => Pairs with { Loss = TextLoss.MarginMse, HeldOut = 0.1 },
            "metric" => Pairs with { Metric = Metrics.Accuracy },
            _ => Pairs with { Labels = ["0", "1"] },
        };
        Assert.Contains((key, said), options.Problems());
    }

    private List<TaskRow> Rows(string name, string content, OwnTaskOptions options)
    {
        File.WriteAllText(folder.File(name), content);
        options = options with { Train = folder.File(name), Dev = folder.File(name) };
        return [.. OwnTask.Open(OwnTask.Define("made", options), options).Splits[0].Rows()];
    }
}
