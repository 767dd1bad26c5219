using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Tensors;

/// <summary>
/// The log-probability of one token at each of many positions, by an output layer that is tied to word embeddings. The logits of some
/// positions are made at a time, and made again for the gradient: all of them would be far larger than the model.
/// </summary>
/// <remarks>Inputs are activations <c>[rows, width]</c> and token ids <c>[rows]</c>; the result is <c>[rows]</c> float32.</remarks>
internal sealed record LogProbabilityOperation(Parameter Words, Parameter Bias, int Threads) : ICustomOperation
{
    private const int LogitsAtOnce = 1 << 23;

    public Tensor Forward(IReadOnlyList<Tensor> inputs, List<Tensor>? kept)
    {
        using var _ = no_grad();
        var (x, tokens) = (inputs[0], inputs[1]);
        kept?.AddRange([x.alias(), tokens.alias()]);
        if (x.shape[0] == 0)
            return zeros(0, device: x.device);
        return cat([
            .. Parts(x).Select(part =>
            {
                using var scope = NewDisposeScope();
                return log_softmax(Logits(part.Of(x)), -1).gather(1, part.Of(tokens).unsqueeze(1)).squeeze(1).MoveToOuterDisposeScope();
            }),
        ]);
    }

    /// <summary>The parameters' gradients are added to the float32 sums where they lie.</summary>
    public IReadOnlyList<Tensor?> Backward(Tensor gradient, IReadOnlyList<Tensor> kept)
    {
        var (x, tokens) = (kept[0], kept[1]);
        var result = empty_like(x);
        foreach (var part in Parts(x))
        {
            using var scope = NewDisposeScope();
            var (activations, own) = (part.Of(x), part.Of(gradient).unsqueeze(1));
            // d log p(token) / d logits: 1 at the token, less the probabilities.
            var ofLogits = softmax(Logits(activations), -1).mul_(-own).scatter_add_(1, part.Of(tokens).unsqueeze(1), own);
            if (FastOperations.LogitsKernel(activations, Words, Bias, Threads) is { } kernel)
            {
                part.Of(result).copy_(kernel.Backward(ofLogits, [activations.contiguous()])[0]!);
                continue;
            }
            Bias.Gradient.add_(ofLogits.sum([0]));
            Words.Gradient.add_(ofLogits.t().matmul(activations));
            part.Of(result).copy_(ofLogits.matmul(Words.Leaf));
        }
        return [result, null, null, null];
    }

    private Tensor Logits(Tensor x) => FastOperations.Logits(x, Words, Bias, Threads);

    private IEnumerable<Rows> Parts(Tensor x)
    {
        long atOnce = Math.Max(1, LogitsAtOnce / Words.Shape[0]);
        for (long first = 0; first < x.shape[0]; first += atOnce)
            yield return new Rows(first, Math.Min(atOnce, x.shape[0] - first));
    }

    private readonly record struct Rows(long First, long Count)
    {
        public Tensor Of(Tensor x) => x.narrow(0, First, Count);
    }
}
