using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Tensors;

/// <summary>
/// Logits over the vocabulary from activations in 16 bits and float32 word embeddings, by libtorch's operators: <c>[rows, width]</c> to
/// <c>[rows, tokens]</c> float32.
/// </summary>
/// <remarks>
/// In 16 bits the table has a multiple of 8 rows: 30,528 for a vocabulary of 30,522. A GPU's tensor units want rows of products that begin
/// at 16 bytes; else cuBLAS takes slower kernels. The casts from and to float32, which are made anyway, leave the rows out that are added.
/// </remarks>
internal sealed record RoundedLogitsOperation(Parameter Words, Parameter Bias) : ICustomOperation
{
    private const int RowsMultiple = 8;

    private long Tokens => Words.Shape[0];

    public Tensor Forward(IReadOnlyList<Tensor> inputs, List<Tensor>? kept)
    {
        using var _ = no_grad();
        var x = inputs[0];
        var table = Padded(Words.Leaf, x.dtype);
        kept?.AddRange([x.alias(), table]);
        return linear(x, table, Padded(Bias.Leaf, x.dtype)).narrow(1, 0, Tokens).to(ScalarType.Float32);
    }

    /// <summary>The parameters' gradients are added to the float32 sums where they lie.</summary>
    public IReadOnlyList<Tensor?> Backward(Tensor gradient, IReadOnlyList<Tensor> kept)
    {
        var x = kept[0];
        var table = kept.ElementAtOrDefault(1) ?? Padded(Words.Leaf, x.dtype);
        var rounded = empty(gradient.shape[0], table.shape[0], dtype: x.dtype, device: x.device);
        rounded.narrow(1, 0, Tokens).copy_(gradient);
        if (table.shape[0] > Tokens)
            rounded.narrow(1, Tokens, table.shape[0] - Tokens).zero_();
        if (Words.Leaf.requires_grad)
            Words.Gradient.add_(rounded.t().matmul(x).narrow(0, 0, Tokens));
        if (Bias.Leaf.requires_grad)
            Bias.Gradient.add_(rounded.sum([0]).narrow(0, 0, Tokens));
        return [rounded.matmul(table), null, null];
    }

    /// <summary>Rows in another format, with zeros behind them.</summary>
    private static Tensor Padded(Tensor rows, ScalarType type)
    {
        long count = rows.shape[0], padded = (count + RowsMultiple - 1) / RowsMultiple * RowsMultiple;
        var result = empty([padded, .. rows.shape[1..]], dtype: type, device: rows.device);
        result.narrow(0, 0, count).copy_(rows);
        if (padded > count)
            result.narrow(0, count, padded - count).zero_();
        return result;
    }
}
