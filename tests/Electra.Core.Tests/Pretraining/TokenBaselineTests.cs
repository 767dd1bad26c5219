using System.Text.Json;
using Electra.Pretraining;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Tests.Pretraining;

/// <summary>What the token alone tells, and since when a discriminator tells more.</summary>
public sealed class TokenBaselineTests
{
    private sealed record Reference(
        long[] TrainIds,
        int[] TrainReplaced,
        long[] HeldIds,
        int[] HeldReplaced,
        double[] Score,
        double Auc
    );

    /// <summary>Scores and AUC as NumPy and scikit-learn compute them from the same counts.</summary>
    [Fact]
    public void Scores_and_their_AUC_are_those_of_the_reference()
    {
        var reference = JsonSerializer.Deserialize<Reference>(
            File.ReadAllText(TestData.Fixture("token_alone.json")),
            new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower }
        )!;
        using var baseline = new TokenBaseline(reference.Score.Length, Compute.Reference);
        // In parts, as passes give them.
        foreach (var part in reference.TrainIds.Zip(reference.TrainReplaced).Chunk(700))
            Count(baseline, [.. part.Select(token => token.First)], [.. part.Select(token => token.Second == 1)]);
        var scores = baseline.Scores();
        Assert.All(reference.Score.Zip(scores), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
        Assert.Equal(
            reference.Auc,
            TokenBaseline.Auc(scores, reference.HeldIds, [.. reference.HeldReplaced.Select(flag => flag == 1)]),
            1e-12
        );
    }

    [Fact]
    public void Before_the_first_update_the_token_tells_nothing()
    {
        using var baseline = new TokenBaseline(4, Compute.Reference);
        Assert.Equal(0.5, TokenBaseline.Auc(baseline.Scores(), [0, 1, 2, 3], [true, false, false, true]));
    }

    [Fact]
    public void Halved_counts_weigh_half()
    {
        using var baseline = new TokenBaseline(2, Compute.Reference);
        Count(baseline, [0, 0, 0, 0, 1, 1, 1, 1], [true, true, false, false, false, false, false, false]);
        baseline.Halve();
        Count(baseline, [0], [true]);
        // Token 0: 2 · ½ + 1 of 4 · ½ + 1 times; in all 2 of 5.
        Assert.Equal((2 + 20 * 0.4) / (3 + 20), baseline.Scores()[0], 1e-12);
        Assert.Equal((0 + 20 * 0.4) / (2 + 20), baseline.Scores()[1], 1e-12);
    }

    [Fact]
    public void The_rise_is_the_measurement_since_which_the_discriminator_stays_above_the_token()
    {
        var measured = new MeasuredSteps([]);
        Assert.True(Add(0, 0.56, 0.5)); // by chance, before training
        Assert.Null(measured.Rise);
        foreach (var (step, auc) in new[] { (100, 0.64), (200, 0.61), (300, 0.63), (400, 0.7) })
            Add(step, auc, 0.6);
        Assert.Equal(300, measured.Rise);
        Assert.False(Add(400, 0.5, 0.6));
        Add(500, 0.62, 0.6);
        Assert.Null(measured.Rise);

        bool Add(long step, double auc, double tokenAuc) => measured.Add(step, name => name == "auc" ? auc : tokenAuc);
    }

    private static void Count(TokenBaseline baseline, long[] ids, bool[] isReplaced)
    {
        using var scope = NewDisposeScope();
        baseline.Count(tensor(ids), tensor(isReplaced));
    }
}
