using Electra.Distributed;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>
/// What the token alone tells of whether it was replaced: how often each stood in the corrupted text, and how often as a replacement.
/// A discriminator that reads no context cannot do better, and at first it does not.
/// </summary>
/// <remarks>The counts are a state of the run: <see cref="State"/> is saved and resumed with it.</remarks>
internal sealed class TokenBaseline : IDisposable
{
    /// <summary>The name of its AUC among the figures of a run.</summary>
    public const string Figure = "token_auc";

    /// <summary>How far the discriminator's AUC must lie above the token's own to say that it uses context.</summary>
    public const double Margin = 0.03;

    /// <summary>Tokens of the average share that each id is counted with from the start: rare ones are not taken at their word.</summary>
    private const double Prior = 20;

    private readonly ICommunicator ranks;
    private readonly Tensor seen, replaced;

    /// <summary>What this rank has counted that <see cref="Gather"/> has not added yet; in one process, the counts themselves.</summary>
    private readonly Tensor ownSeen, ownReplaced;

    /// <param name="vocabulary">Tokens in the vocabulary.</param>
    /// <param name="compute">Where passes are computed.</param>
    /// <param name="ranks">The processes that each count their part of a batch.</param>
    public TokenBaseline(int vocabulary, Compute compute, ICommunicator? ranks = null)
    {
        this.ranks = ranks ?? SingleProcess.Instance;
        seen = zeros(vocabulary, dtype: float64, device: compute.Device).DetachFromDisposeScope();
        replaced = zeros_like(seen).DetachFromDisposeScope();
        (ownSeen, ownReplaced) = this.ranks.WorldSize == 1
            ? (seen, replaced)
            : (zeros_like(seen).DetachFromDisposeScope(), zeros_like(seen).DetachFromDisposeScope());
    }

    /// <summary>The counts, <c>[vocabulary]</c> each, by name.</summary>
    public IReadOnlyList<(string Name, Tensor Value)> State => [("tokens_seen", seen), ("tokens_replaced", replaced)];

    /// <summary>Counts the tokens of a pass, padding left out. Nothing in it waits for the device.</summary>
    public void Count(ElectraPass pass) => Count(pass.JudgedIds, pass.Replaced);

    /// <summary>Counts tokens.</summary>
    /// <param name="ids">What the discriminator read, <c>[tokens]</c>.</param>
    /// <param name="isReplaced">Whether each was replaced, <c>[tokens]</c>.</param>
    internal void Count(Tensor ids, Tensor isReplaced)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        ownSeen.index_add_(0, ids, ones_like(ids, dtype: float64), 1);
        ownReplaced.index_add_(0, ids, isReplaced.to(float64), 1);
    }

    /// <summary>Adds up what the ranks have counted. A call of all ranks, before the counts are read or saved.</summary>
    public void Gather()
    {
        if (ranks.WorldSize == 1)
            return;
        using var _ = no_grad();
        foreach (var (sum, own) in new[] { (seen, ownSeen), (replaced, ownReplaced) })
        {
            ranks.AllReduce(own);
            sum.add_(own);
            own.zero_();
        }
    }

    /// <summary>Forgets slowly: the generator of long ago wrote another text.</summary>
    public void Halve()
    {
        using var _ = no_grad();
        foreach (var counts in new[] { seen, replaced, ownSeen, ownReplaced }.Distinct())
            counts.mul_(0.5);
    }

    /// <summary>For each id the share in which it was a replacement, with the prior: <c>[vocabulary]</c>.</summary>
    public double[] Scores()
    {
        using var scope = NewDisposeScope();
        var (all, wrong) = (seen.cpu().data<double>().ToArray(), replaced.cpu().data<double>().ToArray());
        double share = all.Sum() is var tokens and > 0 ? wrong.Sum() / tokens : 0;
        return [.. all.Zip(wrong, (seenOnce, replacedOnce) => (replacedOnce + (Prior * share)) / (seenOnce + Prior))];
    }

    /// <summary>The area under the ROC curve of the tokens' own scores: <see cref="DetectionMetrics.Auc"/> of the token alone.</summary>
    /// <param name="scores">What <see cref="Scores"/> says.</param>
    /// <param name="ids">What the discriminator read.</param>
    /// <param name="isReplaced">Whether each was replaced.</param>
    public static double Auc(double[] scores, ReadOnlySpan<long> ids, ReadOnlySpan<bool> isReplaced)
    {
        // Ranks in place of scores, equal ones alike: a float holds them exactly.
        var ranks = scores.Distinct().Order().Index().ToDictionary(score => score.Item, score => (float)score.Index);
        float[] rankOf = [.. scores.Select(score => ranks[score])];
        var ranked = new float[ids.Length];
        for (int i = 0; i < ids.Length; i++)
            ranked[i] = rankOf[ids[i]];
        return DetectionMetrics.Of(ranked, isReplaced).Auc;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        seen.Dispose();
        replaced.Dispose();
        ownSeen.Dispose();
        ownReplaced.Dispose();
    }
}
