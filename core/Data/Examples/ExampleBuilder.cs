using System.Runtime.InteropServices;

namespace Electra.Data.Examples;

/// <summary>
/// Documents to examples, the way of google-research/electra's <c>build_pretraining_dataset.py</c> and of <c>ELECTRADataProcessor</c>
/// in richarddwang/electra_pytorch, draw by draw: lines pile up until they reach the target length, and are then dealt out to one or
/// two segments. The target length carries over from one document to the next.
/// </summary>
/// <param name="settings">Lengths and probabilities.</param>
/// <param name="vocabulary">The special tokens.</param>
/// <param name="tokenize">Lines to token ids.</param>
/// <param name="draws">The random choices.</param>
/// <param name="examples">Where examples are added.</param>
public sealed class ExampleBuilder(
    ExampleSettings settings, ExampleVocabulary vocabulary, TokenizeLine tokenize, ExampleDraws draws, ExampleList examples)
{
    // From both originals: the first segment's target where there shall be no second one, and the shortest target.
    private const int SingleSegmentTarget = 100_000;
    private const int ShortestTarget = 5;

    // The lines piled up, one after the other, and where each ends; the two segments they are dealt out to.
    private readonly List<int> pile = [];
    private readonly List<int> lineEnds = [];
    private readonly List<int> first = [];
    private readonly List<int> second = [];
    private int targetLength = settings.MaxLength;

    /// <summary>Adds the examples of one document. Its end also ends its last example, however short.</summary>
    public void AddDocument(ReadOnlySpan<char> document)
    {
        foreach (var line in document.Split('\n'))
            AddLine(document[line]);
        EndExample();
    }

    private void AddLine(ReadOnlySpan<char> line)
    {
        if (line.IsWhiteSpace())
        {
            if (settings.BlankLineEndsExample)
                EndExample();
            return;
        }
        tokenize(line, pile);
        lineEnds.Add(pile.Count);
        if (pile.Count >= targetLength)
            EndExample();
    }

    private void EndExample()
    {
        if (pile.Count == 0)
            return;
        DealOut();
        int firstLength = Math.Min(first.Count, settings.MaxLength - 2);
        int secondLength = Math.Min(second.Count, Math.Max(0, settings.MaxLength - firstLength - 3));
        examples.Add(CollectionsMarshal.AsSpan(first)[..firstLength], CollectionsMarshal.AsSpan(second)[..secondLength], vocabulary.Cls, vocabulary.Sep);
        pile.Clear();
        lineEnds.Clear();
        targetLength = draws.Uniform() < settings.ShortExampleProbability ? draws.Between(ShortestTarget, settings.MaxLength) : settings.MaxLength;
    }

    private void DealOut()
    {
        first.Clear();
        second.Clear();
        int firstTarget = draws.Uniform() < settings.SingleSegmentProbability ? SingleSegmentTarget : (targetLength - 3) / 2;
        int start = 0;
        foreach (int end in lineEnds)
        {
            var line = CollectionsMarshal.AsSpan(pile)[start..end];
            // A line joins the first segment if that is empty, or has room for it, or, as the last to join, by the toss of a coin.
            bool joinsFirst = first.Count == 0
                || first.Count + line.Length < firstTarget
                || (second.Count == 0 && first.Count < firstTarget && draws.Uniform() < 0.5);
            (joinsFirst ? first : second).AddRange(line);
            start = end;
        }
    }
}
