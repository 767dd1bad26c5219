
using Electra.Tensors;

namespace Electra.Data.Examples;

/// <summary>The examples of a segment; made once and filled again and again, so that memory is allocated only at the start.</summary>
internal sealed class SegmentExamples
{
    // Which documents are held out is the same in all runs, whatever their seed.
    private static readonly RandomKey HeldOutKey = RandomKey.FromSeed(0);

    public ExampleList Train { get; } = new();

    public ExampleList HeldOut { get; } = new();

    public CorpusSegment Segment { get; private set; } = new(0, 0, [], 0);

    /// <summary>Tokens of the segment that are in no example.</summary>
    public long Dropped { get; private set; }

    /// <summary>
    /// Whether a document is kept from training, known by its number in the corpus; the first never is, as it may be the only one.
    /// </summary>
    private static bool IsHeldOut(long document, double share) => document > 0 && HeldOutKey[document].Numbers().NextDouble() < share;

    /// <summary>Replaces the examples by those of a segment: a function of the segment, the source and the settings alone.</summary>
    public SegmentExamples Fill(CorpusSegment segment, ExampleSource source, ExampleSettings settings)
    {
        Segment = segment;
        Train.Clear();
        HeldOut.Clear();
        var key = RandomKey.FromSeed(settings.Seed)[segment.Index];
        var train = new ExampleBuilder(settings, source.Vocabulary, source.Tokenize, ExampleDraws.From(key[0]), Train);
        var heldOut = new ExampleBuilder(settings, source.Vocabulary, source.Tokenize, ExampleDraws.From(key[1]), HeldOut);
        for (int i = 0; i < segment.Documents.Count; i++)
            (IsHeldOut(segment.FirstDocument + i, settings.HeldOut) ? heldOut : train).AddDocument(segment.Documents[i]);
        Dropped = train.Dropped + heldOut.Dropped;
        return this;
    }
}
