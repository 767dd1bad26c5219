using System.Text.Json;
using Electra.Data;
using Electra.Pretraining;
using Electra.Tensors;

namespace Electra.Tests.Pretraining;

/// <summary>Whole words and spans.</summary>
public class MaskingUnitsTests
{
    // Ids of the 30,522 English tokens; 400 to 499 continue a word in the examples made here.
    private const int Size = 30522, Pad = 0, Unk = 100, Cls = 101, Sep = 102, Mask = 103;
    private static readonly MaskingTokens Tokens = TokensWith(id => id is >= 400 and < 500);

    private static MaskingTokens TokensWith(Func<int, bool> continues) =>
        new(Size, Mask, Flags(id => id is Pad or Unk or Cls or Sep or Mask))
        {
            Continues = Flags(continues),
            Separators = Flags(id => id is Cls or Sep),
        };

    private static bool[] Flags(Func<int, bool> of) => [.. Enumerable.Range(0, Size).Select(of)];

    /// <summary>Hugging Face's collator, with its shuffles and draws; where it masks nothing, the beginning of the first word.</summary>
    [Fact]
    public void With_the_originals_shuffles_it_masks_the_originals_words()
    {
        var rows = Golden.Json("m_whole_word").GetProperty("rows").EnumerateArray().ToList();
        var tokens = TokensWith(Continuing(rows).Contains);
        int withoutMask = 0;
        foreach (var row in rows)
        {
            var (ids, p) = (Longs(row, "input_ids"), row.GetProperty("p").GetDouble());
            var words = MaskingUnits.Words(ids, 0, ids.Length, tokens);
            Assert.Equal(
                row.GetProperty("words").EnumerateArray().Select(word => (word[0].GetInt32(), word[1].GetInt32())),
                words.Select(word => (word[0], word.Count))
            );
            Assert.Equal(row.GetProperty("target").GetInt32(), MaskingUnits.Target(ids.Length, p));
            int[] shuffled = [.. Longs(row, "shuffled_words_first_positions").Select(first => words.FindIndex(word => word[0] == first))];
            var labelled = Longs(row, "labelled_positions");
            bool hasNone = labelled.Length == 0;
            withoutMask += hasNone ? 1 : 0;
            if (hasNone)
                labelled = [.. words[shuffled[0]].Take(MaskingUnits.Target(ids.Length, p))];

            var masked = Masking.Apply(
                Row(ids),
                tokens,
                new MaskingOptions
                {
                    Unit = MaskingUnit.Word,
                    Style = MaskingStyle.FixedShare,
                    Probability = p,
                    MaskShare = 0.8,
                    RandomShare = 0.1,
                },
                _ => (Choices(shuffled), position => hasNone ? 0 : Replacement(row, Array.IndexOf(labelled, (long)position)))
            );

            Assert.Equal(labelled, masked.Positions);
            if (!hasNone)
                Assert.Equal(Longs(row, "output_ids_at_labelled"), masked.Positions.Select(position => masked.Ids[position]));
            Assert.Equal(
                ids.Index().Where(id => !labelled.Contains(id.Index)),
                masked.Ids.Index().Where(id => !labelled.Contains(id.Index))
            );
        }
        Assert.Equal((20, 1), (rows.Count, withoutMask));
    }

    [Fact]
    public void Words_are_taken_as_often_as_in_the_original()
    {
        var statistics = Golden.Json("m_whole_word").GetProperty("statistics");
        var rows = Golden.Json("m_whole_word").GetProperty("rows").EnumerateArray();
        var ids = Longs(statistics, "input_ids");
        var tokens = TokensWith(Continuing([.. rows]).Contains);
        var words = MaskingUnits.Words(ids, 0, ids.Length, tokens);
        const int Draws = 20_000;
        var (counts, covered) = (new int[ids.Length], 0L);
        var batch = Row(ids);
        for (int draw = 0; draw < Draws; draw++)
        {
            var masked = Masking.Apply(batch, tokens, Words(0.15), RandomKey.FromSeed(draw));
            covered += masked.Positions.Length;
            foreach (long position in masked.Positions)
                counts[position]++;
        }
        Assert.Equal(statistics.GetProperty("mean_covered").GetDouble(), (double)covered / Draws);
        foreach (var expected in statistics.GetProperty("share_of_words_chosen_by_word_length").EnumerateObject())
            Assert.Equal(
                expected.Value.GetDouble(),
                words.Where(word => word.Count == int.Parse(expected.Name)).Average(word => (double)counts[word[0]] / Draws),
                0.003
            );
    }

    [Fact]
    public void What_continues_a_word_after_a_separator_is_masked_with_the_word_before_it()
    {
        long[] ids = [Cls, 1000, Sep, 400, 2000, Sep];
        for (int seed = 0; seed < 50; seed++)
            foreach (var style in Enum.GetValues<MaskingStyle>())
            {
                var positions = Masking
                    .Apply(Row(ids), Tokens, Words(0.5) with { Style = style }, RandomKey.FromSeed(seed))
                    .Positions;
                Assert.Equal(positions.Contains(1), positions.Contains(3));
            }
        // After [CLS] there is no word to continue.
        Assert.Equal([[1, 2], [3]], MaskingUnits.Words([Cls, 400, 401, 1000, Sep], 0, 5, Tokens));
    }

    [Theory]
    [InlineData(Mask)]
    [InlineData(Unk)]
    public void A_special_token_in_the_text_takes_its_part_of_the_share_and_is_not_masked(int special)
    {
        long[] ids = [Cls, special, special, special, special, special, special, 1000, 1001, Sep]; // two of eight words may be masked
        var counts = Enumerable
            .Range(0, 4000)
            .Select(seed => Masking.Apply(Row(ids), Tokens, Words(0.2), RandomKey.FromSeed(seed)).Positions)
            .ToList();
        Assert.All(counts, positions => Assert.All(positions, position => Assert.InRange(position, 7, 8)));
        Assert.Equal(2 * 2 / 8.0, counts.Average(positions => positions.Length), 0.05); // two words are drawn

        bool[] maskable = [.. Tokens.Special];
        maskable[special] = false;
        var all = Tokens with { Special = maskable };
        Assert.All(
            Enumerable.Range(0, 20),
            seed => Assert.Equal(2, Masking.Apply(Row(ids), all, Words(0.2), RandomKey.FromSeed(seed)).Positions.Length)
        );
    }

    [Fact]
    public void Of_a_word_longer_than_the_share_the_beginning_is_masked()
    {
        long[] ids = [Cls, 1000, .. Enumerable.Range(0, 15).Select(i => 400L + i), Sep];
        foreach (var unit in new[] { MaskingUnit.Word, MaskingUnit.Span })
            Assert.Equal(
                [1, 2, 3],
                Masking.Apply(Row(ids), Tokens, Words(0.15) with { Unit = unit }, RandomKey.FromSeed(1)).Positions
            );
    }

    [Fact]
    public void A_row_without_anything_to_mask_is_left_as_it_is()
    {
        long[][] rows = [[Cls, Sep], [Cls, Unk, Mask, Sep], [Cls, Sep, Sep], [Cls, Pad, Sep]];
        foreach (var unit in Enum.GetValues<MaskingUnit>())
            foreach (var style in Enum.GetValues<MaskingStyle>())
                foreach (var ids in rows)
                {
                    var options = new MaskingOptions
                    {
                        Unit = unit,
                        Style = style,
                        Probability = 0.9,
                    };
                    var masked = Masking.Apply(Row(ids), Tokens, options, RandomKey.FromSeed(3));
                    Assert.Empty(masked.Positions);
                    Assert.Equal(ids, masked.Ids);
                }
    }

    [Theory]
    [InlineData(MaskingUnit.Word, MaskingStyle.Independent)]
    [InlineData(MaskingUnit.Word, MaskingStyle.FixedShare)]
    [InlineData(MaskingUnit.Span, MaskingStyle.Independent)]
    [InlineData(MaskingUnit.Span, MaskingStyle.FixedShare)]
    public void Words_stay_whole_in_every_part_of_a_batch_in_the_share_asked_for(MaskingUnit unit, MaskingStyle style)
    {
        var options = new MaskingOptions
        {
            Unit = unit,
            Style = style,
            MaskShare = 1,
        };
        // [CLS], 40 words of one to three tokens, [SEP].
        long[] ids = [Cls, .. Enumerable.Range(0, 40).SelectMany(i => new long[] { 1000 + i, 400, 401 }.Take(1 + (i % 3))), Sep];
        var words = MaskingUnits.Words(ids, 0, ids.Length, Tokens);
        const int Rows = 4000;
        var whole = Masking.Apply(
            new TokenBatch(Rows, ids.Length, Repeated(ids, Rows), new long[Rows * ids.Length], Lengths(Rows)),
            Tokens,
            options,
            RandomKey.FromSeed(2)
        );
        var (share, chosen) = ((double)whole.Positions.Length / Rows / (ids.Length - 2), whole.Positions.ToHashSet());
        // A fixed share is one of all tokens, [CLS] and [SEP] among them.
        double expected = style == MaskingStyle.Independent ? 0.15 : MaskingUnits.Target(ids.Length, 0.15) / (ids.Length - 2.0);
        Assert.Equal(expected, share, 0.004);
        for (int row = 0; row < Rows; row++)
            foreach (var word in words)
                Assert.Single(word.Select(position => chosen.Contains((row * ids.Length) + position)).Distinct());

        // The second row alone, and with padding.
        long[] padded = [.. ids, Pad, Pad];
        var part = Masking.Apply(
            new TokenBatch(1, padded.Length, padded, new long[padded.Length], Lengths(1)) { FirstRow = 1 },
            Tokens,
            options,
            RandomKey.FromSeed(2)
        );
        Assert.Equal(whole.Ids.AsSpan(ids.Length, ids.Length), part.Ids.AsSpan(..ids.Length));

        int[] Lengths(int rows) => [.. Enumerable.Repeat(ids.Length, rows)];
    }

    /// <summary>
    /// DeBERTa's windows give 16.7%, and its walk from the left stops at 15%: the last tenth of a full row is never masked.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Spans_lie_in_the_last_tenth_of_a_row_as_often_as_elsewhere(int most)
    {
        const int Length = 512, Rows = 2000;
        long[] ids = [Cls, .. Enumerable.Range(0, Length - 2).Select(i => 1000L + i), Sep];
        var options = Words(0.15) with { Unit = MaskingUnit.Span, MaxSpan = most, MaskShare = 1 };
        var masked = Masking.Apply(
            new TokenBatch(Rows, Length, Repeated(ids, Rows), new long[Rows * Length], [.. Enumerable.Repeat(Length, Rows)]),
            Tokens,
            options,
            RandomKey.FromSeed(8)
        );
        Assert.Equal(77 * Rows, masked.Positions.Length);
        var tenths = new double[10];
        foreach (long position in masked.Positions)
            tenths[position % Length * 10 / Length] += 1.0 / Rows / (Length / 10.0);
        Assert.All(tenths, share => Assert.InRange(share, 0.138, 0.162));

        // Spans of n words are drawn in proportion to 1/n; neighbours make longer ones, and the last is cut.
        var runs = new int[most + 2];
        for (int i = 0, run = 0; i < masked.Ids.Length; run = masked.Ids[i++] == Mask ? run + 1 : 0)
            if (masked.Ids[i] != Mask && run > 0)
                runs[Math.Min(run, most + 1)]++;
        Assert.InRange(runs[1], most == 1 ? 0.9 * runs.Sum() : 1.6 * runs[2], most == 1 ? runs.Sum() : 2.3 * runs[2]);
    }

    [Fact]
    public void Each_example_of_a_row_has_its_own_share()
    {
        long[] first = [Cls, 1000, 400, 1001, 401, Sep], second = [Cls, 402, 1002, 1003, Sep];
        var batch = Row([.. first, .. second]) with { Packed = [[first.Length, second.Length]] };
        Assert.Equal([(0, 6), (6, 5)], batch.ExamplesOf(0));
        foreach (var unit in Enum.GetValues<MaskingUnit>())
            for (int seed = 0; seed < 100; seed++)
            {
                var positions = Masking
                    .Apply(batch, Tokens, Words(0.35) with { Unit = unit }, RandomKey.FromSeed(seed))
                    .Positions;
                Assert.Equal(2, positions.Count(position => position < 6));
                Assert.Equal(2, positions.Count(position => position >= 6));
            }
    }

    [Theory]
    [InlineData(MaskingUnit.Token, "tokens are masked")]
    [InlineData(MaskingUnit.Word, "words are masked")]
    public void A_length_of_spans_is_refused_where_no_spans_are_masked(MaskingUnit unit, string because)
    {
        var (key, problem) = Assert.Single(new MaskingOptions { Unit = unit, MaxSpan = 3 }.Problems());
        Assert.Equal("max_span", key);
        Assert.Contains(because, problem);
        Assert.Empty(new MaskingOptions { Unit = MaskingUnit.Span, MaxSpan = 3 }.Problems());
    }

    private static MaskingOptions Words(double probability) =>
        new()
        {
            Unit = MaskingUnit.Word,
            Style = MaskingStyle.FixedShare,
            Probability = probability,
        };

    private static TokenBatch Row(long[] ids) => new(1, ids.Length, ids, new long[ids.Length], [ids.Length]);

    private static long[] Repeated(long[] ids, int times) => [.. Enumerable.Repeat(ids, times).SelectMany(row => row)];

    private static long[] Longs(JsonElement row, string name) => [.. row.GetProperty(name).EnumerateArray().Select(n => n.GetInt64())];

    /// <summary>The tokens that continue a word in the original's examples.</summary>
    private static HashSet<int> Continuing(IReadOnlyList<JsonElement> rows) =>
        [
            .. from row in rows
            let ids = Longs(row, "input_ids")
            from word in row.GetProperty("words").EnumerateArray()
            from id in ids.Skip(word[0].GetInt32()).Where(id => id is not (Cls or Sep)).Take(word[1].GetInt32()).Skip(1)
            select (int)id,
        ];

    /// <summary>Draws that shuffle a list into an order.</summary>
    private static Func<int, double> Choices(int[] order)
    {
        var (draws, current) = (new double[order.Length], Enumerable.Range(0, order.Length).ToArray());
        for (int last = order.Length - 1; last > 0; last--)
        {
            int other = Array.IndexOf(current, order[last], 0, last + 1);
            draws[last] = (other + 0.5) / (last + 1);
            (current[last], current[other]) = (current[other], current[last]);
        }
        return last => draws[last];
    }

    private static double Replacement(JsonElement row, int label) =>
        row.GetProperty("to_mask_draw")[label].GetInt32() == 1 ? 0
        : row.GetProperty("to_random_draw")[label].GetInt32() == 1
            ? 0.8 + (0.1 * (row.GetProperty("random_id")[label].GetInt32() + 0.5) / Size)
        : 0.95;
}
