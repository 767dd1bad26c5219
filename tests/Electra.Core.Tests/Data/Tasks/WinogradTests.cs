using Electra.Data;
using Electra.Data.Tasks;
using Electra.Finetuning;
using Electra.Model;
using Electra.Tensors;
using Electra.Tokenization;
using static TorchSharp.torch;

namespace Electra.Tests.Data.Tasks;

/// <summary>Pronouns with candidates: rows as files write them, examples, scores and their loss.</summary>
public sealed class WinogradTests : IDisposable
{
    private const string Jack = "Jack helped Kim, because he was kind.";

    private static readonly OwnTaskOptions Options = new() { Kind = OwnTaskKind.Winograd };

    /// <summary>SuperGLUE's columns, with candidates beside them.</summary>
    private static readonly OwnTaskOptions Wsc = Options with
    {
        Text = ["text", "target.span2_text", "target.span2_index"],
        Query = "target.span1_text",
        Labels = ["false", "true"],
    };

    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Rows_of_four_lines_have_their_right_candidate_by_name() =>
        Assert.Equal(
            [new([Jack, "he", "Jack", "Kim"], [1, 0]), new(["It fits the box.", "it", "a", "b c", "d"], [0, 0, 1])],
            Rows("dpr.txt", $"{Jack}\nhe\nJack,Kim\nJack\n\n\nIt fits the box.\nit\na, b c,d\nd\n", Options)
        );

    [Fact]
    public void The_right_candidate_of_a_table_is_a_name_a_number_or_a_letter() =>
        Assert.All(
            ["Kim", "1", "B"],
            label => Assert.Equal(
                [new([Jack, "he", "Jack", "Kim"], [0, 1])],
                Rows("a.jsonl", $$"""{"text": "{{Jack}}", "pronoun": "he", "candidates": ["Jack", "Kim"], "label": "{{label}}"}""", Options)
            )
        );

    [Theory]
    [InlineData("true", 1)]
    [InlineData("false", 0)]
    public void A_query_stands_before_the_candidates_that_are_others(string label, float right) =>
        Assert.Equal(
            [new([Jack, "he", "4", "Jack", "Kim"], [right, 0])],
            Rows("wsc.jsonl", WscRow("Jack.", "he", 4, """["kim", "Kim", "Jack", "jack helped"]""", label).Replace("\"kim\", ", ""), Wsc)
        );

    [Fact]
    public void A_pronoun_is_found_by_its_number_or_one_further_and_points_stay_in_the_sentence()
    {
        foreach (int index in new[] { 4, 3 })
            Assert.Single(Rows("wsc.jsonl", WscRow("Jack", "he,", index, "[]", "true"), Wsc));
        Assert.Contains(
            "wsc.jsonl:1: the pronoun \"he\" is not word 5 of its sentence, from 0 between single spaces: that is \"was\"",
            Wrong("wsc.jsonl", WscRow("Jack", "he", 5, "[]", "true"), Wsc)
        );
        var tokenizer = TinyPair.Tokenizer();
        var task = OwnTask.Define("wsc", Wsc);
        var row = new TaskRow(["t1 t2. t2 t3", "t2", "0", "t7 t8", "t9"], [1, 0]);
        var examples = EncodedRows.Of(task, [row], tokenizer, new EncodingOptions { MaxLength = 16 }, new RowCounts());
        Assert.Equal([2, 4, 2, 3], examples.Positions);
        var batch = examples.Batch([0, 1]);
        Assert.Equal([2, 4, 2 + batch.Tokens.Length, 3 + batch.Tokens.Length], batch.Positions!);
        int first = Vocabulary.SpecialTokens.Count;
        long[] ids = [tokenizer.Vocabulary.ClsId, first + 1, first + 7, first + 8];
        Assert.Equal(ids, batch.Tokens.Ids.Take(4));
    }

    [Fact]
    public void The_side_that_is_longer_is_cut()
    {
        var row = new TaskRow(["t1 t2 t3 t4 t5 he t6 t7", "he", "t8", "t9"], [1, 0]);
        var counts = new RowCounts();
        var encoding = new EncodingOptions { MaxLength = 7 };
        var examples = EncodedRows.Of(OwnTask.Define("a", Options), [row], TinyPair.Tokenizer(), encoding, counts);
        Assert.Equal([7, 7], examples.Lengths);
        Assert.Equal([3, 4, 3, 4], examples.Positions);
        Assert.Equal(2, counts.CutRows);
    }

    [Theory]
    [InlineData($"{Jack}\nshe\nJack,Kim\nJack\n", "a.txt:1: the pronoun \"she\" is not a word of \"Jack helped Kim")]
    [InlineData($"{Jack}\nhe\nJack,Kim\n\n", "a.txt:1: 3 lines between empty ones; four are expected")]
    [InlineData($"\n{Jack}\nhe\nJack,Kim\nTom\n", "a.txt:2: label is \"Tom\"; the 2 choices of the row are 0 to 1")]
    [InlineData($"{Jack}\nhe\nJack\nJack\n", "a.txt:1 has 1 choice: two or more are expected")]
    public void A_row_that_is_not_whole_is_an_error(string text, string said) => Assert.Contains(said, Wrong("a.txt", text, Options));

    [Fact]
    public void Keys_without_a_meaning_are_refused()
    {
        Assert.Contains(Problems(Options with { Query = "query" }), one => one.Key == "labels");
        Assert.Contains(Problems(Wsc with { Train = "a.txt" }), one => one.Key == "query");
        Assert.Contains(Problems(Options with { Text = ["text"] }), one => one.Key == "text");
        Assert.Contains(Problems(Options with { Kind = OwnTaskKind.Choice, Text = ["a"], Query = "b" }), one => one.Key == "query");
        Assert.DoesNotContain(Problems(Wsc), one => one.Key != "dev");
        static IEnumerable<(string Key, string)> Problems(OwnTaskOptions options) => (options with { HeldOut = 0.1 }).Problems();
    }

    /// <summary>Rows with a known right candidate count; of each the mean over its candidates.</summary>
    [Fact]
    public void The_loss_is_the_cross_entropy_of_original_and_replaced()
    {
        float none = float.NegativeInfinity;
        var outputs = tensor(new[,] { { 1f, -2f, 0.5f }, { 3f, 1f, none }, { 2f, 1f, none } }).unsqueeze(-1).requires_grad_();
        var labels = tensor(new[,] { { 1f, 0f, 0f }, { 0f, 1f, none }, { 0f, 0f, none } });
        var task = OwnTask.Define("a", Wsc);
        var loss = Winograd.Kind.Loss(task, outputs, labels, 0);
        static double Entropy(double logit, int replaced) => Math.Log(1 + Math.Exp(replaced == 1 ? -logit : logit));
        double first = (Entropy(-1, 0) + Entropy(2, 1) + Entropy(-0.5, 1)) / 3, second = (Entropy(-3, 1) + Entropy(-1, 0)) / 2;
        Assert.Equal((first + second) / 2, loss.item<float>(), 1e-6);
        loss.backward();
        Assert.True(outputs.grad!.isfinite().all().item<bool>());
        Assert.Equal(0, Winograd.Kind.Loss(task, outputs, zeros_like(labels), 0).item<float>());
    }

    [Fact]
    public void The_query_is_right_where_no_candidate_is_more_original()
    {
        var rows = new TaskOutputs(OwnTask.Define("a", Wsc), [1, 0, 1, 1, 0, 2, -5], [1, 0, 1, 0, 1, 0, 0], [2, 4, 6, 7]);
        Assert.Equal(0.5, Winograd.Kind.Measure(rows, ["accuracy"])["accuracy"]);
        Assert.Equal(["true", "true", "false", "true"], Enumerable.Range(0, 4).Select(row => Winograd.Kind.Text(rows.Task, rows[row])));
    }

    /// <summary>Against the logits of Hugging Face's ElectraForPreTraining.</summary>
    [Fact]
    public void An_output_is_the_mean_of_the_pretrained_discriminators_logits_with_its_sign_changed()
    {
        var (io, weights) = (Golden.Tensors("a_tiny_io"), Golden.Tensors("a_tiny_discriminator"));
        using var model = ElectraClassifier.Create(TinyPair.Config, TaskHead.OfDiscriminator, 0, seed: 0, Compute.Reference);
        using (no_grad())
            foreach (var (name, value) in model.Named())
                value.copy_(weights[name]);
        model.Store.PublishValues();
        int[] lengths = [.. io["attention_mask"].sum(1).data<long>().Select(Convert.ToInt32)];
        var tokens = new TokenBatch(
            4,
            20,
            io["generated"].data<long>().ToArray(),
            io["token_type_ids"].data<long>().ToArray(),
            lengths
        );
        var outputs = FinetuneMethod.Logits(model, tokens, Dropout.None, [1, 3, 22, 27, 41, 42, 63, 66]);
        var logits = io["discriminator_logits"];
        Tensor Mean(int row, int start, int end) => -logits[row][start..end].mean();
        Golden.AssertClose(
            stack([Mean(0, 1, 3), Mean(1, 2, 7), Mean(2, 1, 2), Mean(3, 3, 6)]).unsqueeze(1),
            outputs,
            1e-5,
            "outputs"
        );
    }

    private static string WscRow(string query, string pronoun, int index, string candidates, string label) =>
        $$$"""{"text": "{{{Jack}}}", "target": {"span1_text": "{{{query}}}", "span1_index": 0, "span2_text": "{{{pronoun}}}", """
        + $$"""
        "span2_index": {{index}}}, "candidates": {{candidates}}, "label": {{label}}}
        """;

    private List<TaskRow> Rows(string name, string content, OwnTaskOptions options)
    {
        File.WriteAllText(folder.File(name), content);
        options = options with { Dev = folder.File(name) };
        return [.. OwnTask.Open(OwnTask.Define("made", options), options).Of(SplitRole.Dev).Single().Rows()];
    }

    private string Wrong(string name, string content, OwnTaskOptions options) =>
        Assert.Throws<UserErrorException>(() => Rows(name, content, options)).Message;
}
