using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Data.Tasks;

/// <summary>Losses of the scores of passages.</summary>
internal static class RankingLoss
{
    /// <summary>The loss.</summary>
    /// <param name="loss">Which one.</param>
    /// <param name="scores"><c>[passages]</c>; of losses that compare the passages of a query <c>[queries, passages]</c>.</param>
    /// <param name="labels">Of the same shape; −∞ where a query has fewer passages.</param>
    /// <param name="smoothing">Moves each target of <see cref="TextLoss.Bce"/> towards a half.</param>
    public static Tensor Of(TextLoss loss, Tensor scores, Tensor labels, double smoothing)
    {
        if (loss == TextLoss.Bce)
            return binary_cross_entropy_with_logits(scores, smoothing == 0 ? labels : (labels * (1 - smoothing)) + (smoothing / 2));
        var isThere = labels.isfinite();
        var (own, given) = (scores.masked_fill(isThere.logical_not(), 0), labels.masked_fill(isThere.logical_not(), 0));
        return loss switch
        {
            TextLoss.Listnet => ListNet(scores, labels, isThere),
            TextLoss.MarginMse => Mean((Lead(own) - Lead(given)).square(), isThere.narrow(1, 1, isThere.shape[1] - 1)),
            _ => Mean(
                softplus(Differences(own).neg()),
                Differences(given).gt(0).logical_and(isThere.unsqueeze(2)).logical_and(isThere.unsqueeze(1))
            ),
        };
    }

    /// <summary>−Σ softmax(labels) · log softmax(scores), a mean over queries (Cao et al. 2007).</summary>
    private static Tensor ListNet(Tensor scores, Tensor labels, Tensor isThere)
    {
        var logs = log_softmax(scores.masked_fill(isThere.logical_not(), float.NegativeInfinity), 1);
        return -(softmax(labels, 1) * logs.masked_fill(isThere.logical_not(), 0)).sum(1).mean();
    }

    /// <summary>How much the first passage has more than each other.</summary>
    private static Tensor Lead(Tensor values) => values.narrow(1, 0, 1) - values.narrow(1, 1, values.shape[1] - 1);

    private static Tensor Differences(Tensor values) => values.unsqueeze(2) - values.unsqueeze(1);

    /// <summary>The mean of what counts; 0 where nothing does.</summary>
    private static Tensor Mean(Tensor values, Tensor counts) =>
        values.masked_fill(counts.logical_not(), 0).sum() / counts.sum().clamp(min: 1);
}
