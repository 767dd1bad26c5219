namespace Electra.Model;

/// <summary>
/// The floating-point operations of one row in a forward pass, as google-research/electra counts them (<c>flops_computation.py</c>): the
/// numbers beside the scores in the paper. A look-up counts as a product with a one-hot matrix; the lone 5 for a layer normalisation, where
/// 5h was meant, is kept.
/// </summary>
/// <param name="Shape">The model's shape.</param>
/// <param name="Length">Tokens of the row, padding included.</param>
internal readonly record struct ForwardCost(ElectraConfig Shape, int Length)
{
    /// <summary>The share of the positions that reach the masked-LM head: 20 of 128.</summary>
    private const double PredictedShare = 0.15625;

    /// <summary>A training step counts as two forward passes, as in that file; the usual estimate is three.</summary>
    private const double ForwardPasses = 2;

    /// <summary>One layer.</summary>
    public double Layer
    {
        get
        {
            double h = Shape.HiddenSize, i = Shape.IntermediateSize, s = Length;
            double attention = (6 * h * h) + (3 * h) + (2 * h * s) + (10 * s * Shape.AttentionHeads) + (2 * h * s);
            return s * (attention + (2 * h * h) + (6 * h) + 5 + (4 * h * i) + (9 * i) + (11 * h));
        }
    }

    /// <summary>Embeddings and their projection.</summary>
    public double Input
    {
        get
        {
            double h = Shape.HiddenSize, e = Shape.EmbeddingSize, s = Length;
            return s * ((2 * e * Shape.VocabularySize) + (2 * e * (s + 2)) + (11 * e) + (e == h ? 0 : (2 * h * e) + h));
        }
    }

    /// <summary>The head of a masked language model.</summary>
    public double MaskedHead =>
        Length
        * PredictedShare
        * (
            (2.0 * Shape.EmbeddingSize * Shape.VocabularySize)
            + (2.0 * Shape.HiddenSize * Shape.EmbeddingSize)
            + (14.0 * Shape.EmbeddingSize)
            + (7.0 * Shape.VocabularySize)
        );

    /// <summary>The head that tells replaced tokens.</summary>
    public double DetectionHead => Length * ((2.0 * Shape.HiddenSize * Shape.HiddenSize) + (11.0 * Shape.HiddenSize));

    /// <summary>Embeddings and layers.</summary>
    public double Encoder => Input + (Shape.Layers * Layer);

    /// <summary>A row of a masked language model in training.</summary>
    public double TrainingMasked => ForwardPasses * (Encoder + MaskedHead);

    /// <summary>
    /// A row of a two-tower cloze model of this shape in training: two encoders, and the head, twice as wide at its input, at every
    /// position. The original's file has no such row; it is counted by the same rules.
    /// </summary>
    public double TrainingCloze =>
        ForwardPasses * ((2 * Encoder) + (MaskedHead / PredictedShare) + (Length * 2.0 * Shape.HiddenSize * Shape.EmbeddingSize));

    /// <summary>A row in training of a two-tower cloze model and what judges its samples.</summary>
    /// <param name="config">The shape of the latter, which names that of each tower.</param>
    /// <param name="length">Tokens of the row, padding included.</param>
    public static double TrainingWithTowers(ElectraConfig config, int length) =>
        new ForwardCost(config.GeneratorShape, length).TrainingCloze + new ForwardCost(config, length).TrainingDetection;

    /// <summary>A row of a discriminator in training.</summary>
    public double TrainingDetection => ForwardPasses * (Encoder + DetectionHead);
}
