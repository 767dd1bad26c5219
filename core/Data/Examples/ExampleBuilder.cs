using System.Runtime.InteropServices;
using Electra.Data.Readers;

namespace Electra.Data.Examples;

/// <summary>
/// Documents to examples, the way of google-research/electra's <c>build_pretraining_dataset.py</c> and of <c>ELECTRADataProcessor</c>
/// in richarddwang/electra_pytorch, draw by draw: lines pile up until they reach the target length, and are then dealt out to one or
/// two segments. The target length carries over from one document to the next. The originals take the beginning of a line that is
/// longer than an example, and lose the rest; of a document that is such a line as a whole, the parts follow each other as lines do,
/// and nothing is lost (<see cref="ExampleSettings.CutLongLines"/>).
/// </summary>
/// <param name="settings">Lengths and probabilities.</param>
/// <param name="vocabulary">The special tokens.</param>
/// <param name="tokenize">Lines to token ids.</param>
/// <param name="draws">The random choices.</param>
/// <param name="examples">Where examples are added.</param>
internal sealed class ExampleBuilder(
    ExampleSettings settings, ExampleVocabulary vocabulary, TokenizeLine tokenize, ExampleDraws draws, ExampleList examples)
{
    // From both originals: the first segment's target where there shall be no second one, and the shortest target.
    private const int SingleSegmentTarget = 100_000;
    private const int ShortestTarget = 5;
    private const string EmptyParentheses = "()";

    // The lines piled up, one after the other, and where each ends; the two segments they are dealt out to.
    private readonly List<int> pile = [];
    private readonly List<int> lineEnds = [];
    private readonly List<int> first = [];
    private readonly List<int> second = [];
    private readonly List<int> part = [];
    private int targetLength = settings.MaxLength;

    /// <summary>Tokens of the documents that are in no example: what lines had more than an example has room for.</summary>
    public long Dropped { get; private set; }

    /// <summary>Adds the examples of one document. Its end also ends its last example, however short.</summary>
    public void AddDocument(ReadOnlySpan<char> document)
    {
        if (settings.RemoveEmptyParentheses && document.Contains(EmptyParentheses, StringComparison.Ordinal))
            document = document.ToString().Replace(EmptyParentheses, "", StringComparison.Ordinal);
        if (settings.CutLongLines && document.Trim() is var text && IsOneLongLine(text))
            AddLongLine(text);
        else
            foreach (var line in document.Split('\n'))
                AddLine(document[line]);
        EndExample();
    }

    /// <summary>Whether a document has no line break, and more tokens than an example has room for.</summary>
    private bool IsOneLongLine(ReadOnlySpan<char> text)
    {
        // The beginning of a long line usually has enough tokens to tell.
        int enough = 8 * settings.MaxLength, room = settings.MaxLength - 2;
        return text.Length > room && !text.Contains('\n')
            && (Count(text[..Math.Min(text.Length, enough)]) > room || (text.Length > enough && Count(text) > room));
    }

    private int Count(ReadOnlySpan<char> text)
    {
        part.Clear();
        tokenize(text, part);
        return part.Count;
    }

    /// <summary>Adds a line part by part, some words each: an example ends before the part that it has no room for.</summary>
    private void AddLongLine(ReadOnlySpan<char> line)
    {
        const int Separators = 3, ShortestPart = 16;
        foreach (var range in new LineParts(line, Math.Max(ShortestPart, settings.MaxLength / 4)))
        {
            int count = Count(line[range]), room = settings.MaxLength - Separators;
            // A part has more tokens than there is room for only where examples are very short, or words very long.
            for (int start = 0; start < count; start += room)
            {
                var tokens = CollectionsMarshal.AsSpan(part)[start..Math.Min(count, start + room)];
                if (pile.Count + tokens.Length > targetLength - Separators)
                    EndExample();
                pile.AddRange(tokens);
                lineEnds.Add(pile.Count);
            }
        }
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
        examples.Add(
            CollectionsMarshal.AsSpan(first)[..firstLength],
            CollectionsMarshal.AsSpan(second)[..secondLength],
            vocabulary.Cls,
            vocabulary.Sep
        );
        Dropped += pile.Count - firstLength - secondLength;
        pile.Clear();
        lineEnds.Clear();
        targetLength =
            draws.Uniform() < settings.ShortExampleProbability ? draws.Between(ShortestTarget, settings.MaxLength) : settings.MaxLength;
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
