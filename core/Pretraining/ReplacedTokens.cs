using System.Text;
using Electra.Data;
using Electra.Model;
using Electra.Tokenization;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>Held-out sentences as generator and discriminator see them.</summary>
internal static class ReplacedTokens
{
    private const int Words = 28;

    /// <summary>
    /// The beginnings of some held-out examples, each with what the generator replaced and what the discriminator suspected:
    /// <c>returns a {value → string}! that ends?</c>.
    /// </summary>
    public static Showcase Show(ElectraPair pair, EqualWork measurement, TokenBatch text, int count)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        return new(
            "with what the generator put in and what the discriminator suspected",
            Sentences(measurement.Method.Forward(pair, text, measurement.Key, training: false), measurement.Vocabulary, count),
            "{was → now}: replaced.  !: suspected, rightly.  ?: suspected, wrongly.  A replacement without a mark went unnoticed."
        );
    }

    private static IReadOnlyList<string> Sentences(ElectraPass pass, Vocabulary vocabulary, int count)
    {
        var batch = pass.Batch;
        var (corrupted, logits) = (pass.CorruptedIds.cpu().data<long>().ToArray(), pass.DiscriminatorLogits.cpu().data<float>().ToArray());

        var rows = new List<(int Replaced, string Text)>();
        for (int row = 0, next = 0; row < batch.Size; next += batch.Lengths[row++])
        {
            int start = row * batch.Length, length = Math.Min(batch.Lengths[row], Words);
            var original = batch.Ids.AsSpan(start, length);
            int replaced = 0;
            for (int i = 0; i < length; i++)
                replaced += original[i] == corrupted[start + i] ? 0 : 1;
            rows.Add(
                (replaced, Sentence(vocabulary, original, corrupted.AsSpan(start, length), logits.AsSpan(next, length)))
            );
        }
        // Rows with something to see, in their own order.
        return [.. rows.Where(row => row.Replaced >= 2).Concat(rows.Where(row => row.Replaced < 2)).Take(count).Select(row => row.Text)];
    }

    private static string Sentence(
        Vocabulary vocabulary,
        ReadOnlySpan<long> original,
        ReadOnlySpan<long> corrupted,
        ReadOnlySpan<float> logits
    )
    {
        var text = new StringBuilder();
        for (int i = 0; i < original.Length; i++)
        {
            var (was, now) = (vocabulary[(int)original[i]], vocabulary[(int)corrupted[i]]);
            if (original[i] == corrupted[i] && vocabulary.IsSpecial((int)original[i]) && original[i] != vocabulary.UnkId)
                continue;
            bool replaced = was != now, continues = was.StartsWith("##", StringComparison.Ordinal);
            if (text.Length > 0 && (replaced || !continues))
                text.Append(' ');
            text.Append(replaced ? $"{{{was} → {now}}}" : continues ? was[2..] : was);
            if (logits[i] > 0)
                text.Append(replaced ? '!' : '?');
        }
        return text.Append(" …").ToString();
    }
}
