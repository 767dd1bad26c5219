
using Electra.Data.Tasks;
using Electra.Tensors;
using Electra.Tokenization;

namespace Electra.Tests.Data.Tasks;

public sealed class TaskDataTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Rows_are_encoded_as_the_original_encodes_them()
    {
        var tokenizer = new ElectraTokenizer(GoldenVocabulary());
        int compared = 0;
        foreach (var row in Golden.Json("f_finetune_encoding").EnumerateArray())
        {
            string[] texts = [.. row.GetProperty("texts").EnumerateArray().Select(text => text.GetString()!)];
            var encoder = new TaskEncoder(tokenizer, new EncodingOptions { MaxLength = row.GetProperty("max_len").GetInt32() });
            encoder.Add(new TaskRow(texts, [0]), row.GetProperty("swap").GetBoolean());
            var types = row.GetProperty("token_type_ids").EnumerateArray().Select(type => type.GetInt32()).ToList();
            Assert.Equal(row.GetProperty("input_ids").EnumerateArray().Select(id => id.GetInt32()), encoder.Tokens.Ids.ToArray());
            Assert.Equal(types.Count(type => type == 0), encoder.Tokens.Bounds[0].LengthA);
            compared++;
        }
        Assert.Equal(570, compared);
    }

    [Fact]
    public void A_batch_is_padded_to_its_longest_row_with_token_type_0()
    {
        using var data = Prepare(Pairs(("b a", "a", 1), ("a", "b b b", 0)));
        var batch = data.Dev[0].Examples.Batch([0, 1]);
        Assert.Equal((2, 7), (batch.Tokens.Size, batch.Tokens.Length));
        Assert.Equal([2, 6, 5, 3, 5, 3, 0, 2, 5, 3, 6, 6, 6, 3], batch.Tokens.Ids);
        Assert.Equal([0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1], batch.Tokens.TokenTypes);
        Assert.Equal([6, 7], batch.Tokens.Lengths);
        Assert.Equal([1f, 0f], batch.Labels);
    }

    [Theory]
    [InlineData(false, new[] { 2, 6, 6, 3, 5, 5, 5, 3 })]
    [InlineData(true, new[] { 2, 6, 6, 6, 3, 5, 5, 3 })]
    public void Rows_are_swapped_before_or_after_they_are_truncated(bool before, int[] swapped)
    {
        using var data = Prepare(
            Pairs(("a a a a", "b b b b b b", 1)) is var pairs ? pairs with { Task = pairs.Task with { IsUnordered = true } } : pairs,
            new EncodingOptions { MaxLength = 8, SwapBeforeTruncation = before }
        );
        Assert.Equal(swapped.Select(id => (long)id), data.Train.Examples.Batch([1]).Tokens.Ids);
    }

    [Fact]
    public void An_empty_second_text_keeps_its_separator()
    {
        using var data = Prepare(Pairs(("a", "", 1)));
        Assert.Equal([2, 5, 3, 3], data.Dev[0].Examples.Batch([0]).Tokens.Ids);
        Assert.Equal([0, 0, 0, 1], data.Dev[0].Examples.Batch([0]).Tokens.TokenTypes);
    }

    [Fact]
    public void Training_rows_without_an_order_are_shown_swapped_too_and_others_are_not()
    {
        var rows = Pairs(("a", "b b", 1), ("a a", "b", 0));
        using var data = Prepare(rows with { Task = rows.Task with { IsUnordered = true } });
        Assert.Equal((4, 2), (data.Train.Count, data.Dev[0].Count));
        Assert.Equal([2, 6, 6, 3, 5, 3], data.Train.Examples.Batch([2]).Tokens.Ids);
        Assert.Equal([1, 0, 1, 0], data.Train.Examples.Labels);
        using var single = Prepare(rows);
        Assert.Equal(2, single.Train.Count);
    }

    [Fact]
    public void What_was_encoded_is_used_again_until_content_vocabulary_or_settings_change()
    {
        int reads = 0;
        var rows = Pairs(("a", "b", 1)) is var made ? made with
        {
            Splits = [.. made.Splits.Select(split => split with { Rows = () => { reads++; return split.Rows(); } })],
        } : null!;
        for (int i = 0; i < 2; i++)
            Prepare(rows).Dispose();
        Assert.Equal(2, reads);
        Prepare(rows with { Splits = [.. rows.Splits.Select(split => split with { Content = "changed" })] }).Dispose();
        Assert.Equal(4, reads);
        Prepare(rows, maxLength: 9).Dispose();
        Assert.Equal(6, reads);
    }

    [Fact]
    public void Rows_keep_their_order_however_many_threads_encode_them()
    {
        using var data = Prepare(
            Pairs([
                .. Enumerable
                    .Range(0, 20_000)
                    .Select(i => (new string('a', 1) + string.Concat(Enumerable.Repeat(" b", i % 7)), "a", i % 2)),
            ])
        );
        Assert.All(
            Enumerable.Range(0, 20_000),
            i => Assert.Equal((i % 7 + 5, i % 2), (data.Dev[0].Examples.Lengths[i], (int)data.Dev[0].Examples.Labels[i]))
        );
    }

    [Fact]
    public void An_empty_split_or_a_row_that_is_wrong_leaves_nothing_behind()
    {
        Assert.Contains("train has no row", Assert.Throws<UserErrorException>(() => Prepare(Pairs())).Message);
        var rows = Pairs(("a", "b", 1));
        Assert.Throws<UserErrorException>(() =>
            Prepare(rows with { Splits = [rows.Splits[0] with { Rows = () => throw new UserErrorException("wrong") }] })
        );
        Assert.Empty(Directory.EnumerateFiles(folder.Path, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void Rows_that_were_cut_are_counted_also_when_they_are_opened_again()
    {
        var rows = Pairs(("a a a a a a", "b b b b b b", 1), ("a", "b", 0));
        for (int i = 0; i < 2; i++)
        {
            using var data = Prepare(rows, maxLength: 11);
            Assert.Equal((1, 4), (data.Dev[0].Counts.CutRows, data.Dev[0].Counts.CutTokens));
            Assert.Contains("RTE, dev: 1 row of 2 cut to 11 tokens; 28.6% of all tokens are lost (encoding.max_length)", data.Notes);
            Assert.Empty(data.Warnings);
        }
    }

    [Fact]
    public void Words_that_the_vocabulary_lacks_are_warned_of_with_an_example_and_the_cause()
    {
        string Warning(string text) => Warnings((text, "a", 1), ("a b", "b", 0)).First(warning => warning.Contains("dev"));
        Assert.Equal(
            "RTE, dev: 20% of the tokens are [UNK]: the model cannot read such words. For example \"bá강\": "
                + "the vocabulary does not have the character 강",
            Warning("bá강")
        );
        Assert.Contains("is too long to be split", Warning(new string('a', 150)));
        Assert.Contains("\"ab\": no tokens of the vocabulary make it up", Warning("ab"));
        Assert.Contains("and 2 of 2 rows are nothing else", Warnings(("강", "강", 1), ("강 강", "", 0))[0]);
        Assert.Empty(Warnings([("강", "a", 0), .. Enumerable.Repeat(("a b a b", "b", 1), 40)]));
    }

    [Fact]
    public void A_cased_vocabulary_of_small_letters_only_is_named_as_the_cause()
    {
        var rows = Pairs(("A", "b", 1), ("b", "b", 0));
        var tokenizer = new ElectraTokenizer(new Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"]), lowercase: false);
        using var data = TaskData.Prepare(rows, tokenizer, new EncodingOptions { MaxLength = 32 }, folder.Path);
        Assert.Contains("\"A\": the vocabulary has no capital letters, and the text is not lowercased", data.Warnings.First());
    }

    [Fact]
    public void Labels_that_are_all_the_same_or_missing_and_rows_without_text_are_warned_of()
    {
        var same = Warnings(("a", "b", 1), ("b", "a", 1));
        Assert.Equal("RTE, train: all 2 rows have the same label, not_entailment: there is nothing to learn from them", same[0]);
        Assert.Equal("RTE, dev: all 2 rows have the same label, not_entailment: accuracy on them has no meaning", same[1]);
        Assert.Equal(
            ["RTE, train: 1 of 3 rows has no text", "RTE, dev: 1 of 3 rows has no text"],
            Warnings(("", "", 1), ("b", "a", 0), ("b", "a", 0))
        );
        var rows = Pairs(("a", "b", 0), ("b", "a", 2));
        using var data = Prepare(rows with { Task = rows.Task with { Labels = ["x", "y", "z"] } });
        Assert.Equal(["RTE, train: no row has the label y"], data.Warnings);
    }

    [Fact]
    public void An_epoch_holds_each_row_once_the_longest_first_and_follows_from_seed_and_epoch()
    {
        var random = new Random(1);
        int[] lengths = [.. Enumerable.Range(0, 5_003).Select(_ => random.Next(5, 129))];
        var order = LengthOrder.Shuffled(lengths, 32, RandomKey.FromSeed(1)[0]);
        Assert.Equal(Enumerable.Range(0, lengths.Length), order.Order());
        Assert.Equal(lengths.Max(), lengths[order[0]]);
        Assert.Equal(order, LengthOrder.Shuffled(lengths, 32, RandomKey.FromSeed(1)[0]));
        Assert.NotEqual(order, LengthOrder.Shuffled(lengths, 32, RandomKey.FromSeed(1)[1]));
        Assert.NotEqual(order, LengthOrder.Shuffled(lengths, 32, RandomKey.FromSeed(2)[0]));
        // Padding is cheap, and the batches do not run from long to short.
        Assert.InRange(Waste(order, lengths, 32), 0.0, 0.05);
        int[] longest = [.. order.Chunk(32).Select(batch => batch.Max(row => lengths[row]))];
        Assert.InRange(longest.Zip(longest.Skip(1)).Count(pair => pair.Second > pair.First), longest.Length / 3, longest.Length * 2 / 3);
    }

    [Fact]
    public void Less_than_a_tenth_of_rte_is_padding()
    {
        var text = TaskSources.Open("rte", new TaskSourceOptions { Glue = TestData.Shared("glue") });
        var tokenizer = new ElectraTokenizer(Vocabulary.Load(TestData.Shared("vocab.txt")));
        using var data = TaskData.Prepare(text, tokenizer, new EncodingOptions(), folder.Path);
        for (int epoch = 0; epoch < 3; epoch++)
        {
            var batches = data.Train.Examples.Shuffled(32, 1, epoch).Select(rows => data.Train.Examples.Batch(rows)).ToList();
            double tokens = batches.Sum(batch => batch.Tokens.TokenCount), places = batches.Sum(batch => (double)batch.Tokens.Ids.Length);
            Assert.InRange(1 - tokens / places, 0.0, 0.1);
        }
    }

    internal static double Waste(int[] order, int[] lengths, int batchSize)
    {
        double places = order.Chunk(batchSize).Sum(batch => (double)batch.Length * batch.Max(row => lengths[row]));
        return 1 - lengths.Sum(n => (double)n) / places;
    }

    internal static Vocabulary GoldenVocabulary()
    {
        string[] tokens = [.. Enumerable.Range(0, 30522).Select(id => $"[elsewhere {id}]")];
        foreach (var line in File.ReadLines(TestData.Fixture("golden/f_finetune_pieces.tsv")))
            tokens[int.Parse(line.Split('\t')[0])] = line.Split('\t')[1];
        return new Vocabulary(tokens);
    }

    private TaskData Prepare(TaskText rows, int maxLength = 32) => Prepare(rows, new EncodingOptions { MaxLength = maxLength });

    private TaskData Prepare(TaskText rows, EncodingOptions options) =>
        TaskData.Prepare(
            rows,
            new ElectraTokenizer(new Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"])),
            options,
            folder.Path
        );

    private List<string> Warnings(params (string A, string B, int Label)[] rows)
    {
        using var data = Prepare(Pairs(rows), maxLength: 512);
        return [.. data.Warnings];
    }

    private static TaskText Pairs(params (string A, string B, int Label)[] rows)
    {
        var task = TaskSources.Define("rte", new TaskSourceOptions());
        return new TaskText(
            task,
            [
                .. task
                    .Splits.Take(2)
                    .Select(split => new TaskSplitText(
                        split,
                        string.Join('|', rows),
                        () => rows.Select(row => new TaskRow([row.A, row.B], [row.Label]))
                    )),
            ]
        );
    }
}
