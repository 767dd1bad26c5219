using Electra.Data;
using Electra.Distributed;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>How probable noise is taken to be at a token, before anything is read.</summary>
public enum NoisePrior
{
    /// <summary>
    /// The share of the example's candidates that noise was put in the place of; only candidates are judged. It is what was drawn, exactly.
    /// An example in which all or none are noise tells nothing, and is left out.
    /// </summary>
    Candidates,

    /// <summary>
    /// <c>objective.masking.probability</c> for all tokens, [CLS] and [SEP] among them, as google-research/electra has it: a little more
    /// than the expected share.
    /// </summary>
    Google,
}

/// <summary>The tokens of a batch that may be noise.</summary>
/// <param name="Places">Those whose log-probability is asked for, as indices into <see cref="TokenBatch.Ids"/>; the rest is by
/// them.</param>
/// <param name="MayBeNoise">1 for candidates: what the cloze model learns from.</param>
/// <param name="IsJudged">1 for those that the energy model's loss is a mean over.</param>
/// <param name="IsNoise">1 for those that were chosen, though the sample may hit the token that was there.</param>
/// <param name="LogOdds">log p / (1 − p) of noise.</param>
/// <param name="Written">Where the chosen tokens stand among the places, in the order in which they were chosen.</param>
internal sealed record NoiseTokens(long[] Places, float[] MayBeNoise, float[] IsJudged, float[] IsNoise, float[] LogOdds, long[] Written)
{
    /// <summary>The text.</summary>
    public required TokenBatch Batch { get; init; }

    /// <summary>What was chosen of it.</summary>
    public required MaskedTokens Masked { get; init; }

    /// <summary>The tokens of a batch, and what was chosen of it.</summary>
    public static NoiseTokens Of(TokenBatch batch, MaskedTokens masked, bool[] special, NoisePrior prior, double probability)
    {
        var chosen = masked.Positions.ToHashSet();
        bool isGoogle = prior == NoisePrior.Google;
        long[][] examples =
        [
            .. from row in Enumerable.Range(0, batch.Size)
               from example in batch.ExamplesOf(row)
               select Enumerable.Range(example.Start, example.Length).Select(place => (long)place)
                   .Where(place => isGoogle || !special[batch.Ids[place]]).ToArray(),
        ];
        long[] places = [.. examples.SelectMany(example => example)];
        var shares = examples
            .Where(example => example.Length > 0)
            .Select(example => (Places: example, Share: isGoogle ? probability : example.Average(Chosen)))
            .SelectMany(example => example.Places.Select(place => (place, example.Share)))
            .ToDictionary();
        double Share(long place) => shares[place];
        float Chosen(long place) => chosen.Contains(place) ? 1 : 0;
        bool IsJudged(long place) => Share(place) is > 0 and < 1;
        var order = places.Index().ToDictionary(place => place.Item, place => (long)place.Index);
        return new NoiseTokens(
            places,
            [.. places.Select(place => special[batch.Ids[place]] ? 0f : 1)],
            [.. places.Select(place => IsJudged(place) ? 1f : 0)],
            [.. places.Select(Chosen)],
            [.. places.Select(place => IsJudged(place) ? (float)Math.Log(Share(place) / (1 - Share(place))) : 0)],
            [.. masked.Positions.Select(place => order[place])]
        )
        {
            Batch = batch,
            Masked = masked,
        };
    }

    /// <summary>The same as tensors.</summary>
    public StagedNoise On(Compute compute)
    {
        var indices = Staging.Put(compute, Places, Written);
        var numbers = Staging.Put(compute.Device, [.. MayBeNoise, .. IsJudged, .. IsNoise, .. LogOdds]).view(4, Places.Length);
        return new(indices[0], numbers[0], numbers[1], numbers[2], numbers[3], indices[1]);
    }
}

/// <summary><see cref="NoiseTokens"/> on the device.</summary>
internal sealed record StagedNoise(Tensor Places, Tensor MayBeNoise, Tensor IsJudged, Tensor IsNoise, Tensor LogOdds, Tensor Written);

/// <summary>What the losses of a batch are means over, however it is cut into parts; at least 1.</summary>
/// <param name="Candidates">The cloze model's loss.</param>
/// <param name="Judged">The energy model's loss.</param>
internal readonly record struct NoiseCounts(double Candidates, double Judged)
{
    /// <summary>The counts of a batch.</summary>
    public static NoiseCounts Of(params IReadOnlyList<NoiseTokens> parts) => Of(parts, SingleProcess.Instance);

    /// <summary>The counts of a batch that is cut over ranks.</summary>
    public static NoiseCounts Of(IReadOnlyList<NoiseTokens> parts, ICommunicator ranks)
    {
        var sums = ranks.Sum(parts.Sum(part => part.MayBeNoise.Sum()), parts.Sum(part => part.IsJudged.Sum()));
        return new(Math.Max(1, sums[0]), Math.Max(1, sums[1]));
    }
}

/// <summary>What one forward pass of <see cref="ElectricMethod"/> gives; of a part of a batch, losses are its share.</summary>
/// <param name="Loss">The loss to minimise, a scalar.</param>
/// <param name="ClozeLoss">Mean cross-entropy over the candidates, a scalar.</param>
/// <param name="EnergyLoss">Mean binary cross-entropy over the judged tokens, a scalar.</param>
/// <param name="Targets">The chosen tokens, <c>[positions]</c>.</param>
/// <param name="Logits">The cloze model's there, <c>[positions, vocabulary]</c>.</param>
/// <param name="CorruptedIds">What the energy model read, <c>[size · length]</c>.</param>
/// <param name="NoiseLogits">Positive means "noise", at <see cref="NoiseTokens.Places"/>.</param>
internal sealed record ElectricPass(
    Tensor Loss,
    Tensor ClozeLoss,
    Tensor EnergyLoss,
    Tensor Targets,
    Tensor Logits,
    Tensor CorruptedIds,
    Tensor NoiseLogits
)
{
    /// <summary>The energies of the corrupted text there.</summary>
    public required Tensor Energies { get; init; }

    /// <summary>The three losses.</summary>
    public Tensor[] Losses => [Loss, ClozeLoss, EnergyLoss];
}
