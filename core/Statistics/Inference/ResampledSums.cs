using System.Numerics;
using System.Runtime.InteropServices;

namespace Electra.Statistics.Inference;

/// <summary>A score from sums over the drawn examples.</summary>
/// <param name="count">How many were drawn.</param>
/// <param name="ofLabels">The sums that all runs share.</param>
/// <param name="ofRun">The sums of one run.</param>
internal delegate double ScoreOfSums(double count, ReadOnlySpan<double> ofLabels, ReadOnlySpan<double> ofRun);

/// <summary>
/// A metric that hangs on sums over examples alone: counts × columns is a matrix product, <c>[resamples, examples]</c> ×
/// <c>[examples, columns]</c>. Columns lie in blocks, so that the sums of a tile of resamples stay in the processor's first cache.
/// </summary>
internal sealed class ResampledSums : ResampledMetric
{
    private const int Block = 64;

    /// <summary>Of each block, <c>[examples, <see cref="Block"/>]</c>.</summary>
    private readonly double[][] blocks;

    private readonly int shared, own;
    private readonly ScoreOfSums score;

    /// <summary>Fills the columns.</summary>
    /// <param name="labels">The label of each example.</param>
    /// <param name="predictions">Of each run, what it predicts for each example.</param>
    /// <param name="ofLabel">The columns that all runs share.</param>
    /// <param name="ofRun">The columns of each run, of prediction and label.</param>
    /// <param name="score">The score from the sums of the columns.</param>
    public ResampledSums(
        double[] labels,
        IReadOnlyList<double[]> predictions,
        Func<double, double>[] ofLabel,
        Func<double, double, double>[] ofRun,
        ScoreOfSums score
    )
        : base(predictions.Count, labels.Length)
    {
        (shared, own, this.score) = (ofLabel.Length, ofRun.Length, score);
        blocks = [.. Enumerable.Range(0, (shared + own * Runs + Block - 1) / Block).Select(_ => new double[Examples * Block])];
        for (int example = 0; example < Examples; example++)
        {
            for (int c = 0; c < shared; c++)
                Column(c, example) = ofLabel[c](labels[example]);
            for (int run = 0; run < Runs; run++)
                for (int c = 0; c < own; c++)
                    Column(shared + run * own + c, example) = ofRun[c](predictions[run][example], labels[example]);
        }
    }

    public override void Score(ReadOnlySpan<int> counts, Span<double> scores)
    {
        int resamples = counts.Length / Examples, width = blocks.Length * Block;
        Span<double> sums = new double[resamples * width];
        for (int block = 0; block < blocks.Length; block++)
            for (int example = 0; example < Examples; example++)
            {
                var row = blocks[block].AsSpan(example * Block, Block);
                for (int r = 0; r < resamples; r++)
                    if (counts[r * Examples + example] is var count && count != 0)
                        AddScaled(row, count, sums.Slice(r * width + block * Block, Block));
            }
        for (int r = 0; r < resamples; r++)
        {
            var all = sums.Slice(r * width, width);
            for (int run = 0; run < Runs; run++)
                scores[r * Runs + run] = score(Examples, all[..shared], all.Slice(shared + run * own, own));
        }
    }

    private ref double Column(int column, int example) => ref blocks[column / Block][example * Block + column % Block];

    private static void AddScaled(ReadOnlySpan<double> row, double factor, Span<double> sums)
    {
        var from = MemoryMarshal.Cast<double, Vector<double>>(row);
        var to = MemoryMarshal.Cast<double, Vector<double>>(sums);
        var scale = new Vector<double>(factor);
        for (int i = 0; i < from.Length; i++)
            to[i] += scale * from[i];
    }
}
