using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Data.Tasks;

/// <summary>Losses of embeddings, over all rows of a batch (sentence-transformers: <c>MultipleNegativesRankingLoss</c>,
/// <c>CoSENTLoss</c>, <c>CosineSimilarityLoss</c>, <c>MatryoshkaLoss</c>).</summary>
internal static class EmbeddingLoss
{
    /// <summary>The loss of the whole vectors, and of each of their beginnings: the sum.</summary>
    /// <param name="settings">Which loss.</param>
    /// <param name="vectors"><c>[rows, texts of a row, hidden]</c>.</param>
    /// <param name="scores"><c>[rows]</c>; not read by <see cref="TextLoss.Ranking"/>.</param>
    public static Tensor Of(EmbeddingSettings settings, Tensor vectors, Tensor scores)
    {
        var losses = settings.Dimensions.Append((int)vectors.shape[2]).Distinct().Select(width =>
        {
            var texts = normalize(vectors[TensorIndex.Colon, TensorIndex.Colon, ..width], 2, -1);
            return settings.Loss switch
            {
                TextLoss.Cosent => Cosent(Cosines(texts), scores, settings.Scale),
                TextLoss.Cosine => mse_loss(Cosines(texts), scores),
                _ => Ranking(texts, settings.Scale),
            };
        });
        return losses.Aggregate((sum, loss) => sum + loss);
    }

    private static Tensor Cosines(Tensor texts) => (texts.select(1, 0) * texts.select(1, 1)).sum(-1);

    /// <summary>The first text of each row chooses among the second texts of all rows, then the third ones, and so on.</summary>
    private static Tensor Ranking(Tensor texts, double scale)
    {
        long rows = texts.shape[0];
        var candidates = texts.narrow(1, 1, texts.shape[1] - 1).transpose(0, 1).flatten(0, 1);
        return cross_entropy(texts.select(1, 0).matmul(candidates.t()) * scale, arange(rows, dtype: int64, device: texts.device));
    }

    /// <summary>log(1 + Σ exp(scale · (cosᵢ − cosⱼ))) over the pairs of rows of which i has the lower score.</summary>
    private static Tensor Cosent(Tensor cosines, Tensor scores, double scale)
    {
        var lead = (cosines.unsqueeze(1) - cosines.unsqueeze(0)) * scale;
        var isLower = scores.unsqueeze(1).lt(scores.unsqueeze(0));
        var terms = lead.masked_fill(isLower.logical_not(), float.NegativeInfinity).flatten();
        return cat([zeros(1, dtype: terms.dtype, device: terms.device), terms]).logsumexp(0);
    }
}
