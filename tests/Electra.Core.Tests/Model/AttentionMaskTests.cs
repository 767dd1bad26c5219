using Electra.Data;
using Electra.Model;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Tests.Model;

/// <summary>Masks whose bias is made where it is first read.</summary>
public class AttentionMaskTests
{
    /// <summary>A layer asks for it inside a scope of its own, and the next layer reads it after that scope is gone.</summary>
    [Fact]
    public void A_bias_lives_as_long_as_its_pass()
    {
        Tensor lengths;
        Tensor? padded, packed;
        using (NewDisposeScope())
        {
            lengths = tensor(new long[] { 2, 3 });
            var mask = AttentionMask.FromLengths([2, 3], 3, Compute.Reference, lengths);
            var rows = AttentionMask.Of(
                new TokenBatch(1, 3, [1, 2, 3], [0, 0, 0], [3]) { Packed = [[1, 2]] },
                Compute.Reference
            );
            using (NewDisposeScope())
                (padded, packed) = (mask.Bias, rows.Bias);
            Assert.Same(padded, mask.Bias);
            const float Lowest = float.MinValue;
            Assert.Equal([0, 0, Lowest, 0, 0, 0], padded!.data<float>().ToArray());
            Assert.Equal([0, Lowest, Lowest, Lowest, 0, 0, Lowest, 0, 0], packed!.data<float>().ToArray());
            Assert.Equal([2, 1, 1, 3], padded.shape);
            Assert.Equal([1, 1, 3, 3], packed.shape);
        }
        Assert.True(padded.IsInvalid && packed.IsInvalid && lengths.IsInvalid);
    }

    [Fact]
    public void Sequences_without_padding_have_none() => Assert.Null(AttentionMask.FromLengths([3, 3], 3, Compute.Reference).Bias);
}
