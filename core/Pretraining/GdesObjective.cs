using Electra.Data;
using Electra.Model;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>
/// Gradient-disentangled embedding sharing (He et al. 2023, "DeBERTaV3", section 3.3; microsoft/DeBERTa, <c>rtd_task.py</c>): the
/// discriminator's word and position embeddings are the generator's plus a difference, and only that difference learns from the
/// discriminator's loss. Token types and the embeddings' layer normalisation are each network's own.
/// </summary>
/// <remarks>
/// Decoupled, an update takes two steps of the optimizer on one batch: the generator's; then the discriminator's, on what the generator
/// wrote before its step, with its embeddings as they are after it. Weight decay pulls the difference towards 0, and so the
/// discriminator's tables towards the generator's.
/// </remarks>
internal static class GdesObjective
{
    /// <summary>The objective of a pair whose embeddings are disentangled.</summary>
    /// <param name="pair">Generator and discriminator.</param>
    /// <param name="method">The method: masking, sampling, losses and their weights are those of ELECTRA.</param>
    /// <param name="measurement">What held-out text is made with.</param>
    /// <param name="baseline">Counts what the token alone tells.</param>
    /// <param name="isDecoupled">Whether generator and discriminator learn one after the other.</param>
    /// <param name="discriminatorRate">What the discriminator's learning rate is multiplied by.</param>
    public static Objective Of(
        ElectraPair pair,
        ElectraMethod method,
        EqualWork measurement,
        TokenBaseline baseline,
        bool isDecoupled,
        double discriminatorRate
    )
    {
        var joint = ElectraObjective.Of(pair, method, measurement, baseline);
        joint = joint with { Rate = p => method.Rate(p) * (ElectraPair.IsOfGenerator(p) ? 1 : discriminatorRate) };
        return !isDecoupled ? joint : joint with
        {
            Trained = Trained,
            Update = (k, parts, key) => StepsAhead(pair, method.At(k), parts, key, baseline.Count),
        };
    }

    /// <summary>What each step trains: the generator, then all else.</summary>
    internal static IReadOnlyList<Func<Parameter, bool>> Trained { get; } =
        [ElectraPair.IsOfGenerator, parameter => !ElectraPair.IsOfGenerator(parameter)];

    /// <summary>The two steps of an update.</summary>
    internal static IReadOnlyList<UpdateStep> Steps(
        ElectraPair pair,
        ElectraMethod method,
        IReadOnlyList<TokenBatch> parts,
        RandomKey key,
        Action<ElectraPass>? made = null
    ) => StepsAhead(pair, method, parts, key, made)();

    /// <summary>The same in two halves, as <see cref="ElectraMethod.PassesAhead"/>.</summary>
    private static Func<IReadOnlyList<UpdateStep>> StepsAhead(
        ElectraPair pair,
        ElectraMethod method,
        IReadOnlyList<TokenBatch> parts,
        RandomKey key,
        Action<ElectraPass>? made
    )
    {
        var prepared = method.Prepared(pair, parts, key);
        return () => Steps(pair, method, prepared, method.Counts(pair, prepared, method.Ranks), made);
    }

    private static IReadOnlyList<UpdateStep> Steps(
        ElectraPair pair,
        ElectraMethod method,
        IReadOnlyList<PreparedPass> parts,
        LossCounts counts,
        Action<ElectraPass>? made
    )
    {
        var compute = pair.Store.Compute;
        var written = new (Tensor Ids, Tensor Replaced)[parts.Count];
        Tensor Nothing() => zeros(1, device: compute.Device).sum();
        Tensor[] NoExtras() => [.. method.Extras.Select(_ => Nothing())];

        Tensor[] Generate(int i)
        {
            var text = StagedPass.Of(parts[i], training: true, isLast: false);
            var (logits, loss) = method.Generate(pair, text, counts);
            var (ids, replaced) = method.Corrupt(text, logits);
            written[i] = (ids.MoveToOuterDisposeScope(), replaced.MoveToOuterDisposeScope());
            return [method.Weigh(loss, Nothing()), loss, Nothing(), .. NoExtras()];
        }

        Tensor[] Discriminate(int i)
        {
            var text = StagedPass.Of(parts[i], training: true, deviceDraws: 6);
            var judged = method.Discriminate(pair, text, written[i].Ids, written[i].Replaced, counts);
            var (pass, extras) = method.Weighed(text, (empty(0, pair.Config.VocabularySize), Nothing()), written[i].Ids, judged, counts);
            made?.Invoke(pass);
            return [pass.Loss, Nothing(), judged.Loss, .. extras];
        }

        IReadOnlyList<Func<Tensor[]>> Passes(Func<int, Tensor[]> pass) => [.. parts.Select((_, i) => (Func<Tensor[]>)(() => pass(i)))];
        return [new(Passes(Generate)), new(Passes(Discriminate))];
    }
}
