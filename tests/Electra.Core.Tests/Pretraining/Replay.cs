using Electra.Data;
using Electra.Pretraining;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Tests.Pretraining;

/// <summary>A batch of a golden fixture of the objectives, with the masks and samples that it was computed with.</summary>
/// <param name="golden">The fixture.</param>
/// <param name="prefix">What the names of this batch's tensors begin with.</param>
internal sealed class Replay(Dictionary<string, Tensor> golden, string prefix = "")
{
    private static readonly MaskingTokens Tokens = new(200, 103, [.. Enumerable.Range(0, 200).Select(id => id is 0 or >= 100 and < 104)]);

    public TokenBatch Batch { get; } = new(
        4,
        20,
        [.. golden[prefix + "input_ids"].data<long>()],
        [.. golden[prefix + "token_type_ids"].data<long>()],
        [.. golden[prefix + "attention_mask"].sum(1).data<long>().Select(length => (int)length)]
    );

    /// <summary>The positions that were masked.</summary>
    public long[] Positions { get; } = golden.TryGetValue(prefix + "is_mlm_applied", out var applied)
        ? [.. applied.view(-1).nonzero().view(-1).data<long>()]
        : [];

    /// <summary>The tokens after masking, where the fixture has them.</summary>
    public MaskedTokens Masked => new(
        golden.TryGetValue(prefix + "masked_input_ids", out var ids) ? [.. ids.data<long>()] : Batch.Ids,
        Positions,
        [.. Positions.Select(position => Batch.Ids[position])]
    );

    /// <summary>The method with this batch's masks and samples.</summary>
    public ElectraMethod Method(ObjectiveOptions? options = null) =>
        ElectraMethod.From(options ?? new ObjectiveOptions(), Tokens, Compute.Reference) with
        {
            Mask = (_, _) => Masked,
            Sample = (_, _, _) => golden[prefix + "sampled_tokens"],
        };

    /// <summary>Logits at tokens, without padding.</summary>
    public Tensor AtTokens(Tensor logits) => logits.view(-1).index_select(0, tensor(Batch.TokenPositions()));

    /// <summary>Copies golden weights over those of a model.</summary>
    public static void Copy(IEnumerable<(string Name, Tensor Value)> weights, Dictionary<string, Tensor> golden, string prefix = "")
    {
        using var _ = no_grad();
        foreach (var (name, value) in weights)
            if (golden.TryGetValue(prefix + name, out var expected))
                value.copy_(expected);
            else if (prefix == "")
                Assert.Fail($"the fixture has no {name}");
    }

    /// <summary>Every golden gradient is a parameter's, and within a share of the largest of all.</summary>
    public static void AssertGradients(Dictionary<string, Tensor> golden, string prefix, ParameterStore store, string ownPrefix = "")
    {
        var own = store.NamedGradients().ToDictionary(gradient => gradient.Name, gradient => gradient.Gradient);
        var expected = golden.Where(tensor => tensor.Key.StartsWith(prefix, StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(expected);
        double largest = expected.Max(gradient => gradient.Value.abs().max().item<float>());
        foreach (var (name, gradient) in expected)
        {
            double error = (gradient - own[ownPrefix + name[prefix.Length..]]).abs().max().item<float>();
            Assert.True(error < 1e-5 * largest, $"{name}: {error:e2}");
        }
    }
}
