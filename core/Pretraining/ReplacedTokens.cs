using Electra.Data;
using Electra.Model;
using Electra.Tokenization;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>Held-out sentences as generator and discriminator see them.</summary>
internal static class ReplacedTokens
{
    /// <summary>
    /// The beginnings of some held-out examples, each with what the generator replaced and what the discriminator suspected:
    /// <c>returns a {value → string}! that ends?</c>.
    /// </summary>
    public static Showcase Show(ElectraPair pair, EqualWork measurement, TokenBatch text, int count)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var pass = measurement.Method.Forward(pair, text, measurement.Key, training: false);
        return new(
            "with what the generator put in and what the discriminator suspected",
            Sentences(pass, measurement.Vocabulary, count),
            "{was → now}: replaced.  !: suspected, rightly.  ?: suspected, wrongly.  A replacement without a mark went unnoticed."
        );
    }

    private static IReadOnlyList<string> Sentences(ElectraPass pass, Vocabulary vocabulary, int count)
    {
        var batch = pass.Batch;
        var (corrupted, logits) = (pass.CorruptedIds.cpu().data<long>().ToArray(), pass.DiscriminatorLogits.cpu().data<float>().ToArray());
        var suspected = batch.TokenPositions().Zip(logits).Where(token => token.Second > 0).Select(token => (int)token.First).ToHashSet();
        return ShownText.Of(batch, vocabulary, count, place =>
        {
            bool replaced = batch.Ids[place] != corrupted[place];
            return (
                replaced ? ShownText.Change(vocabulary, batch.Ids[place], corrupted[place]) : null,
                !suspected.Contains(place) ? "" : replaced ? "!" : "?"
            );
        });
    }
}
