using Electra.Data;
using Electra.Pretraining;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Tests.Pretraining;

public class MaskingTests
{
    private const int Mask = 103;
    private static readonly int[] SpecialIds = [0, 100, 101, 102, 103];
    private static readonly MaskingTokens Tokens = new(30522, Mask, [.. Enumerable.Range(0, 30522).Select(SpecialIds.Contains)]);

    [Theory]
    [InlineData("electra_style_p15", 0.15)]
    [InlineData("electra_style_p25", 0.25)]
    public void With_the_originals_draws_it_masks_the_originals_tokens(string run, double probability)
    {
        var golden = Golden.Tensors("f_masking");
        Tensor Part(string name) => golden[$"{run}/{name}"];
        var (chosen, hidden) = (Part("u0").data<float>().ToArray(), Part("u1").data<float>().ToArray());
        // The original compares in float32.
        var options = new MaskingOptions { Probability = (float)probability, MaskShare = (float)0.85 };

        var masked = Masking.Apply(
            BatchOf(Part("input_ids").data<long>().ToArray(), FullRows(16, 128)),
            Tokens,
            options,
            _ => (i => chosen[i], i => hidden[i])
        );

        Assert.Equal(Part("masked_input_ids").data<long>().ToArray(), masked.Ids);
        Assert.Equal(Part("is_mlm_applied").view(-1).nonzero().view(-1).data<long>().ToArray(), masked.Positions);
        Assert.Equal(Part("labels").data<long>().ToArray().Where(label => label != -100), masked.Targets);
    }

    [Fact]
    public void Electra_masks_85_of_100_chosen_tokens_and_leaves_the_rest_as_they_are()
    {
        var (ids, masked) = MaskMany(new MaskingOptions());
        double chosen = (double)masked.Positions.Length / ids.Length;
        double hidden = masked.Positions.Count(p => masked.Ids[p] == Mask) / (double)masked.Positions.Length;
        double kept = masked.Positions.Count(p => masked.Ids[p] == ids[p]) / (double)masked.Positions.Length;
        Assert.Equal(0.15, chosen, 0.01);
        Assert.Equal(0.85, hidden, 0.02);
        Assert.Equal(1, hidden + kept, 1e-12);
    }

    [Fact]
    public void Berts_style_replaces_10_of_100_with_random_tokens()
    {
        var (ids, masked) = MaskMany(new MaskingOptions { MaskShare = 0.8, RandomShare = 0.1 });
        var changed = masked.Positions.Where(p => masked.Ids[p] != Mask && masked.Ids[p] != ids[p]).Select(p => masked.Ids[p]).ToArray();
        Assert.Equal(0.1, changed.Length / (double)masked.Positions.Length, 0.01);
        Assert.True(changed.Distinct().Count() > changed.Length / 2, "random tokens come from the whole vocabulary");
        Assert.All(changed, id => Assert.InRange(id, 0, 30521));
    }

    [Fact]
    public void Googles_style_draws_a_fixed_share_of_each_row_and_at_least_one()
    {
        long[] ids = [.. Enumerable.Range(0, 2 * 128).Select(i => 1000L + i)];
        var masked = Masking.Apply(
            BatchOf(ids, [128, 3]),
            Tokens,
            new MaskingOptions { Style = MaskingStyle.FixedShare },
            RandomKey.FromSeed(1)
        );
        Assert.Equal(19, masked.Positions.Count(p => p < 128));
        Assert.Single(masked.Positions, p => p >= 128);
        Assert.All(masked.Positions, p => Assert.True(p < 131, "padding is never chosen"));
    }

    /// <summary>Google's product is one of float32: 190 · 0.15 is 29 there, and 28 in float64.</summary>
    [Fact]
    public void Googles_fixed_share_rounds_as_its_code_does_at_every_length()
    {
        foreach (var row in Golden.Json("m_fixed_share").GetProperty("rows").EnumerateArray())
        {
            var (probability, maximum, length) = (row.GetProperty("p").GetDouble(), row.GetProperty("max_length").GetInt32(), 3);
            foreach (var expected in row.GetProperty("n_for_length_3_to_max_length").EnumerateArray())
                Assert.Equal(expected.GetInt32(), Masking.FixedShareDraws(length++, maximum, probability));
        }
    }

    [Fact]
    public void Masks_follow_the_row_in_the_whole_batch_however_it_is_cut_and_padded()
    {
        int[] lengths = [5, 40, 17, 33, 8, 26];
        foreach (var style in Enum.GetValues<MaskingStyle>())
        {
            var options = new MaskingOptions
            {
                Style = style,
                Probability = 0.4,
                RandomShare = 0.1,
            };
            TokenBatch Part(int first, int count, int length) =>
                TokenBatch.Of(
                    lengths[first..(first + count)],
                    length,
                    0,
                    1,
                    (int i, Span<int> ids, out int a) =>
                    {
                        for (int j = 0; j < lengths[first + i]; j++)
                            ids[j] = 1000 + (100 * (first + i)) + j;
                        return a = lengths[first + i];
                    }
                ) with
                {
                    FirstRow = first,
                };
            string[] Rows(TokenBatch batch)
            {
                var masked = Masking.Apply(batch, Tokens with { MaxLength = 48 }, options, RandomKey.FromSeed(4));
                return
                [
                    .. Enumerable
                        .Range(0, batch.Size)
                        .Select(row => string.Join(' ', masked.Ids.Skip(row * batch.Length).Take(batch.Lengths[row]))),
                ];
            }
            var whole = Rows(Part(0, 6, 48));
            string[] parts = [.. Rows(Part(0, 1, 8)), .. Rows(Part(1, 3, 40)), .. Rows(Part(4, 2, 26))];
            Assert.Equal(whole, parts);
            Assert.NotEqual(
                whole[1].Split(' ').Index().Where(id => id.Item == "103").Select(id => id.Index),
                whole[3].Split(' ').Index().Where(id => id.Item == "103").Select(id => id.Index)
            );
        }
    }

    [Fact]
    public void Special_tokens_and_padding_are_never_chosen()
    {
        long[] ids = [.. Enumerable.Range(0, 1000).Select(i => (long)SpecialIds[i % SpecialIds.Length])];
        foreach (var style in Enum.GetValues<MaskingStyle>())
            Assert.Empty(
                Masking
                    .Apply(BatchOf(ids, [10, 5]), Tokens, new MaskingOptions { Style = style, Probability = 0.9 }, RandomKey.FromSeed(2))
                    .Positions
            );
    }

    [Fact]
    public void The_same_key_masks_the_same_tokens_and_another_key_others()
    {
        var first = MaskMany(new MaskingOptions(), seed: 5).Masked;
        Assert.Equal(first.Ids, MaskMany(new MaskingOptions(), seed: 5).Masked.Ids);
        Assert.NotEqual(first.Ids, MaskMany(new MaskingOptions(), seed: 6).Masked.Ids);
    }

    private static (long[] Ids, MaskedTokens Masked) MaskMany(MaskingOptions options, long seed = 3)
    {
        long[] ids = [.. Enumerable.Range(0, 64 * 1024).Select(i => 1000L + i % 29000)];
        return (ids, Masking.Apply(BatchOf(ids, FullRows(64, 1024)), Tokens, options, RandomKey.FromSeed(seed)));
    }

    private static TokenBatch BatchOf(long[] ids, int[] lengths) =>
        new(lengths.Length, ids.Length / lengths.Length, ids, new long[ids.Length], lengths);

    private static int[] FullRows(int rows, int length) => [.. Enumerable.Repeat(length, rows)];
}
