using Electra.Data.Examples;
using Electra.Model;
using Electra.Optimization;
using Electra.Training;

namespace Electra.Pretraining;

/// <summary>Published settings (paper, table 6; richarddwang/electra_pytorch, <c>pretrain.py</c>; google-research/electra,
/// <c>configure_pretraining.py</c>).</summary>
internal static class Recipes
{
    /// <summary>The configuration of a recipe at a size, without corpus and vocabulary.</summary>
    public static PretrainConfig Defaults(Recipe recipe, ModelSize size)
    {
        var published = Published(size) with { Recipe = recipe, Size = size };
        return recipe switch
        {
            Recipe.Google => AsGoogle(published),
            _ => published,
        };
    }

    private static PretrainConfig Published(ModelSize size) => size switch
    {
        ModelSize.Small => new()
        {
            Name = "small",
            Model = ElectraConfig.Small,
            Examples = new ExampleSettings { MaxLength = 128, RemoveEmptyParentheses = true },
            Training = new() { Steps = 1_000_000, BatchSize = 128, LearningRate = 5e-4 },
        },
        ModelSize.Base => new()
        {
            Name = "base",
            Model = ElectraConfig.Base,
            Examples = new ExampleSettings { MaxLength = 512, RemoveEmptyParentheses = true },
            Training = new() { Steps = 766_000, BatchSize = 256, LearningRate = 2e-4 },
        },
        ModelSize.Large => new()
        {
            Name = "large",
            Model = ElectraConfig.Large,
            Examples = new ExampleSettings { MaxLength = 512, RemoveEmptyParentheses = true },
            Training = new() { Steps = 400_000, BatchSize = 2048, LearningRate = 2e-4 },
            Objective = new() { Masking = new() { Probability = 0.25 } },
        },
        _ => throw new ArgumentOutOfRangeException(nameof(size), size, "unknown size"),
    };

    private static PretrainConfig AsGoogle(PretrainConfig config) => config with
    {
        Model = config.Model with { TruncatedInitialization = true, PaddingInputGradient = true },
        Examples = config.Examples with { BlankLineEndsExample = true, RemoveEmptyParentheses = false },
        Optimizer = config.Optimizer with { Clipping = Clipping.TensorFlow },
        Objective = config.Objective with
        {
            Masking = config.Objective.Masking with { Style = MaskingStyle.FixedShare, MaskUnknown = true },
            GumbelEpsilon = 1e-9,
            LossEpsilon = 1e-6,
            PaddingTokenType = 0,
        },
    };
}
