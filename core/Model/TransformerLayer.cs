using Electra.Tensors;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Model;

/// <summary>Self-attention and a feed-forward network, each followed by dropout, the residual and layer normalisation.</summary>
internal sealed class TransformerLayer
{
    private readonly ElectraConfig config;
    private readonly ParameterStore store;
    private readonly Linear queryKeyValue, attentionOutput, intermediate, output;
    private readonly LayerNorm attentionNorm, outputNorm;
    private readonly TransformerParameters all;

    /// <summary>Declares the parameters under <paramref name="name"/> (<c>….encoder.layer.N</c>).</summary>
    public TransformerLayer(ParameterStore store, string name, ElectraConfig config)
    {
        (this.store, this.config) = (store, config);
        int hidden = config.HiddenSize;
        var initialization = config.WeightInitialization();
        var self = $"{name}.attention.self";
        queryKeyValue = new Linear(
            store,
            $"{self}.query_key_value",
            hidden,
            3 * hidden,
            initialization,
            [$"{self}.query", $"{self}.key", $"{self}.value"]
        );
        attentionOutput = new Linear(store, $"{name}.attention.output.dense", hidden, hidden, initialization);
        attentionNorm = new LayerNorm(store, $"{name}.attention.output.LayerNorm", hidden, config.LayerNormEpsilon);
        intermediate = new Linear(store, $"{name}.intermediate.dense", hidden, config.IntermediateSize, initialization);
        output = new Linear(store, $"{name}.output.dense", config.IntermediateSize, hidden, initialization);
        outputNorm = new LayerNorm(store, $"{name}.output.LayerNorm", hidden, config.LayerNormEpsilon);
        all = new TransformerParameters
        {
            QueryKeyValue = queryKeyValue.Parameters,
            AttentionOutput = attentionOutput.Parameters,
            AttentionNorm = attentionNorm.Parameters,
            Intermediate = intermediate.Parameters,
            Output = output.Parameters,
            OutputNorm = outputNorm.Parameters,
            Epsilon = config.LayerNormEpsilon,
            AttentionDropout = config.AttentionDropout,
            HiddenDropout = config.HiddenDropout,
        };
    }

    /// <summary>The same as <see cref="Forward"/>, but for the backward pass x alone is kept: that computes the layer once more.</summary>
    public Tensor Recomputed(Tensor x, AttentionMask attention, Dropout dropout)
    {
        int call = dropout.NextCall;
        Tensor Work(Tensor input)
        {
            dropout.NextCall = call;
            return Forward(input, attention, dropout);
        }
        return CustomOperation.Apply(new RecomputedOperation(Work, all.All), [x, .. all.All.Select(parameter => parameter.Leaf)]);
    }

    /// <summary><c>[batch · length, hidden]</c> to the same.</summary>
    public Tensor Forward(Tensor x, AttentionMask attention, Dropout dropout)
    {
        dropout.Seed();
        var sizes = new AttentionSizes(
            (int)attention.Batch,
            (int)attention.Length,
            config.AttentionHeads,
            config.HeadSize,
            attention.Blocks
        );
        if (!attention.IsDirected && FastOperations.TransformerLayer(x, all, sizes, dropout, store.Compute.Threads) is { } computed)
            return computed;

        using var scope = NewDisposeScope(); // what the backward pass does not need goes now
        var attended = attentionOutput.Forward(SelfAttention(x, attention, dropout));
        x = attentionNorm.Forward(dropout.Apply(attended, config.HiddenDropout) + x);
        var transformed = output.Forward(FastOperations.Gelu(intermediate.Forward(x), store.Compute.Threads));
        return outputNorm.Forward(dropout.Apply(transformed, config.HiddenDropout) + x).MoveToOuterDisposeScope();
    }

    /// <summary>Multi-head scaled dot-product attention: <c>[batch · length, hidden]</c> to the same.</summary>
    private Tensor SelfAttention(Tensor x, AttentionMask attention, Dropout dropout)
    {
        // [batch · length, 3 · hidden] -> three times [batch, heads, length, size]
        var (batch, length, heads, size) = (attention.Batch, attention.Length, config.AttentionHeads, config.HeadSize);
        Tensor[] split = [.. queryKeyValue.Forward(x).chunk(3, -1).Select(part => part.view(batch, length, heads, size).transpose(1, 2))];
        var (query, key, value) = (split[0], split[1], split[2]);

        Tensor context;
        if (store.Compute.IsCuda)
            context = scaled_dot_product_attention(query, key, value, attention.Bias, dropout.Enabled ? config.AttentionDropout : 0);
        else
        {
            // On the CPU two products and a softmax are faster than the fused kernel at these lengths.
            var scores = query.matmul(key.transpose(-1, -2)).mul_(1 / Math.Sqrt(size));
            if (attention.Bias is not null)
                scores = scores.add_(attention.Bias);
            context = dropout.Apply(softmax(scores, -1), config.AttentionDropout).matmul(value);
        }
        return context.transpose(1, 2).reshape(batch * length, heads * size);
    }
}
