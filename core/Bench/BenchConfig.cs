using System.ComponentModel.DataAnnotations;
using Electra.Configuration;
using Electra.Data.Corpora;
using Electra.Data.Examples;
using Electra.Model;
using Electra.Pretraining;
using Electra.Running;
using Electra.Tensors;
using Electra.Training;

namespace Electra.Bench;

/// <summary>What to measure the speed of.</summary>
public sealed record BenchConfig : IExperimentConfig<BenchConfig>, ISharedRun
{
    /// <inheritdoc/>
    public string Name { get; init; } = "bench";

    /// <inheritdoc/>
    public int Seed { get; init; } = 36;

    /// <summary>The published size that the defaults of the model come from.</summary>
    public ModelSize Size { get; init; }

    /// <summary>The shapes of generator and discriminator.</summary>
    public ElectraConfig Model { get; init; } = new();

    /// <summary>Examples in one step.</summary>
    [Range(1, 1 << 16)]
    public int BatchSize { get; init; } = 8;

    /// <summary>Tokens of an example.</summary>
    [Range(8, 32768)]
    public int Length { get; init; } = 128;

    /// <summary>Steps to measure; the median counts.</summary>
    [Range(3, 100_000)]
    public int Steps { get; init; } = 15;

    /// <summary>Steps of the plain port to compare with; 0 leaves it out.</summary>
    [Range(0, 1000)]
    public int PlainSteps { get; init; } = 4;

    /// <summary>Number format of matrix products and activations.</summary>
    public Precision Precision { get; init; }

    /// <summary>Whether the backward pass computes each layer once more, as <c>training.recompute</c> has it.</summary>
    public bool Recompute { get; init; }

    /// <summary>Device and threads.</summary>
    public ComputeOptions Compute { get; init; } = new();

    /// <summary>The text that <c>bench.csx -- data</c> reads.</summary>
    public CorpusOptions Corpus { get; init; } = CorpusOptions.Parse("dotnet-docs");

    /// <summary>The vocabulary that it is tokenized with.</summary>
    public VocabularyOptions Vocabulary { get; init; } = new() { Size = 8192 };

    /// <summary>How that text is cut into examples.</summary>
    public ExampleSettings Examples { get; init; } = new();

    /// <summary>Millions of characters to read, at most.</summary>
    [Range(1, 10_000)]
    public int MillionCharacters { get; init; } = 16;

    /// <summary>Where a vocabulary trained for this is kept.</summary>
    [Required]
    public string Datasets { get; init; } = "datasets";

    /// <inheritdoc/>
    public string? RunFolder => null;

    RunShare ISharedRun.Share => RunShare.Together;

    string ISharedRun.SharedYaml => Config.ResolvedYaml(this with { Compute = new(), Datasets = "datasets" });

    /// <inheritdoc/>
    static BenchConfig IExperimentConfig<BenchConfig>.Defaults(ConfigNode given)
    {
        var size = given.Read("size", ModelSize.Small);
        var published = Recipes.Defaults(Recipe.ElectraPytorch, size);
        return new() { Size = size, Model = published.Model with { VocabularySize = Vocabularies.DefaultSize } };
    }

    /// <inheritdoc/>
    public IEnumerable<string> Warnings() => Compute.Warnings();

    /// <inheritdoc/>
    IEnumerable<ConfigProblem> IExperimentConfig<BenchConfig>.Check()
    {
        foreach (var (key, problem) in Model.Problems())
            yield return new ConfigProblem($"model.{key}", problem);
        if (Length > Model.MaxPositions)
            yield return new ConfigProblem(
                "length",
                $"{Length} tokens do not fit into {Model.MaxPositions} positions (model.max_positions)"
            );
    }
}
