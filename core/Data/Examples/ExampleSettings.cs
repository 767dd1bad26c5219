using System.ComponentModel.DataAnnotations;

namespace Electra.Data.Examples;

/// <summary>
/// How documents become pre-training examples. Every value but <see cref="Packing"/> changes the examples, and none changes how fast
/// they are made.
/// </summary>
public sealed record ExampleSettings
{
    /// <summary>
    /// Most tokens in an example, <c>[CLS]</c> and <c>[SEP]</c> included (paper, table 6: 128 for small, 512 for base and large).
    /// </summary>
    [Range(8, 32768)]
    public int MaxLength { get; init; } = 128;

    /// <summary>
    /// How often an example aims at a random length between 5 and <see cref="MaxLength"/> instead of the full one, so that the model
    /// sees short inputs too (google-research/electra, <c>build_pretraining_dataset.py</c>).
    /// </summary>
    [Range(0.0, 1.0)]
    public double ShortExampleProbability { get; init; } = 0.05;

    /// <summary>How often an example is one segment instead of two, as inputs of single-sentence tasks are (same source).</summary>
    [Range(0.0, 1.0)]
    public double SingleSegmentProbability { get; init; } = 0.1;

    /// <summary>Whether a blank line ends an example, as in Google's recipe; otherwise blank lines are passed over.</summary>
    public bool BlankLineEndsExample { get; init; }

    /// <summary>
    /// Whether a document that is a single line, longer than an example, is cut at spaces so that nothing of it is lost. Both originals
    /// take its beginning, and lose the rest.
    /// </summary>
    public bool CutLongLines { get; init; } = true;

    /// <summary>
    /// Whether empty parentheses, <c>()</c>, are taken out of every line, as electra_pytorch does; Google's code leaves them. In text about
    /// programs they stand for calls: leave them there.
    /// </summary>
    public bool RemoveEmptyParentheses { get; init; }

    /// <summary>
    /// Whether short examples share a row of a batch: <c>best_fit</c> puts as many into one as it has room for. A row counts once in
    /// <c>training.batch_size</c>, however many examples it has. Held-out examples never share one.
    /// </summary>
    public ExamplePacking Packing { get; init; }

    /// <summary>
    /// The share of the documents kept out of training to evaluate on. A document is chosen by its number alone, so that runs with
    /// other seeds or lengths evaluate on the same documents.
    /// </summary>
    [Range(0.0, 0.5)]
    public double HeldOut { get; init; } = 0.005;

    /// <summary>Where the random choices above start.</summary>
    public long Seed { get; init; }

    /// <summary>What decides the examples themselves: packing only says which of them share a row.</summary>
    internal ExampleSettings OfPreparation => this with { Packing = ExamplePacking.None };

    /// <summary>Names the examples; as it did before they could be packed, so that those which are there are found.</summary>
    internal string Name => OfPreparation.ToString().Replace($"{nameof(Packing)} = {nameof(ExamplePacking.None)}, ", "");
}
