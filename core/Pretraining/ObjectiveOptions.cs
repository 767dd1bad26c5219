using System.ComponentModel.DataAnnotations;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>What is learned from text without labels. A page each in <c>core/Pretraining</c>.</summary>
public enum ObjectiveKind
{
    /// <summary>A generator replaces tokens, and a discriminator finds them: <c>ElectraMethod.cs</c>.</summary>
    Electra,

    /// <summary>One network predicts masked tokens: <c>MlmMethod.cs</c>.</summary>
    Mlm,

    /// <summary>
    /// ELECTRA with embeddings whose gradients are disentangled, generator and discriminator one after the other: <c>GdesObjective.cs</c>.
    /// </summary>
    Gdes,

    /// <summary>
    /// A cloze model puts noise into the text, and an energy model tells it from text: its energies score sentences in one pass:
    /// <c>ElectricMethod.cs</c>.
    /// </summary>
    Electric,
}

/// <summary>The pre-training objective: what is masked, how predictions are drawn, how losses are smoothed and weighed.</summary>
public sealed record ObjectiveOptions
{
    /// <summary>
    /// The objective: <c>electra</c>; <c>mlm</c>, the plain masked language model; <c>gdes</c>, ELECTRA with gradient-disentangled
    /// embedding sharing; <c>electric</c>, an energy model.
    /// </summary>
    public ObjectiveKind Kind { get; init; }

    /// <summary>Which tokens the generator has to predict.</summary>
    public MaskingOptions Masking { get; init; } = new();

    /// <summary>How its predictions are drawn.</summary>
    public SamplingMethod Sampling { get; init; }

    /// <summary>What the logits are divided by before drawing: a number, or <c>{start: 2, half_life: 0.1}</c>, which falls to 1.</summary>
    public SamplingTemperature Temperature { get; init; } = new();

    /// <summary>Added inside the logarithms of the Gumbel noise (Google's code: 1e-9).</summary>
    [Range(0.0, 0.1)]
    public double GumbelEpsilon { get; init; }

    /// <summary>
    /// Whether CUDA has to make noise for each logit. Multinomial sampling, which does not, has the same distribution; an ε below
    /// float32's resolution at 1 moves its probabilities by less than their rounding does.
    /// </summary>
    internal bool NeedsNoiseForEachLogit => Sampling == SamplingMethod.Gumbel && GumbelEpsilon > 1.0 / (1 << 24);

    /// <summary>Never draw the true token (an option of Google's code).</summary>
    public bool DisallowCorrect { get; init; }

    /// <summary>How probable noise is taken to be: <c>candidates</c>, as it was drawn, or <c>google</c>.</summary>
    public NoisePrior Prior { get; init; }

    /// <summary>Weight of the generator's loss.</summary>
    [Range(0.0, 1e6)]
    public double GeneratorWeight { get; init; } = 1;

    /// <summary>Weight of the discriminator's loss (paper, section 3.2: 50).</summary>
    [Range(0.0, 1e6)]
    public double DiscriminatorWeight { get; init; } = 50;

    /// <summary>
    /// Under <c>gdes</c>, whether each update trains the generator first, and then the discriminator on what it wrote (DeBERTa's
    /// default); else both in one step.
    /// </summary>
    public bool Decoupled { get; init; } = true;

    /// <summary>Share of the generator's target that is spread over the whole vocabulary.</summary>
    [Range(0.0, 0.99)]
    public double GeneratorLabelSmoothing { get; init; }

    /// <summary>What the label of an original token is raised to, from 0; the label of a replaced one stays 1.</summary>
    [Range(0.0, 0.99)]
    public double DiscriminatorLabelSmoothing { get; init; }

    /// <summary>Added to the number of tokens that each loss is divided by (Google's code: 1e-6).</summary>
    [Range(0.0, 1.0)]
    public double LossEpsilon { get; init; }

    /// <summary>Token type of padding: 1 in electra_pytorch, 0 in Google's code.</summary>
    [Range(0, 1)]
    public int PaddingTokenType { get; init; } = 1;

    /// <summary>Raises the zeros only: an original token may be wrong in its place, a replaced one is known to be.</summary>
    internal Tensor Smooth(Tensor replaced) =>
        DiscriminatorLabelSmoothing > 0 ? replaced.clamp_min(DiscriminatorLabelSmoothing) : replaced;
}
