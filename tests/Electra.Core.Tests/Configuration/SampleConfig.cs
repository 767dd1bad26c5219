using System.ComponentModel.DataAnnotations;
using Electra.Configuration;

namespace Electra.Tests.Configuration;

public enum SampleRecipe { ElectraPytorch, Google }

/// <summary>Every kind of key in one experiment.</summary>
public sealed record SampleConfig : IExperimentConfig<SampleConfig>
{
    /// <summary>Names the run; see <see cref="RunFolder"/>.</summary>
    [Required]
    public string Name { get; init; } = "sample";

    /// <inheritdoc />
    public int Seed { get; init; }

    /// <summary>Whose defaults hold.</summary>
    public SampleRecipe Recipe { get; init; }

    /// <summary>What changes the result.</summary>
    public SampleTraining Training { get; init; } = new();

    /// <summary>Held out of training; <c>null</c> for nothing.</summary>
    public double? HeldOutFraction { get; init; }

    public string? Vocabulary { get; init; }

    [MinLength(1)]
    public IReadOnlyList<string> Tasks { get; init; } = ["cola", "rte"];

    public IReadOnlyList<int> Seeds { get; init; } = [1];

    public IReadOnlyDictionary<string, SampleTask> TaskSettings { get; init; } =
        new Dictionary<string, SampleTask> { ["rte"] = new() { Epochs = 10 } };

    public IReadOnlyList<SampleSource> Corpus { get; init; } = [];

    public SampleSize Size { get; init; } = new(12, 256);

    public TimeSpan? Budget { get; init; }

    public bool DryRun { get; init; }

    public string? RunFolder => OutputFolder is null ? null : Path.Combine(OutputFolder, $"{Name}_{Seed}");

    public string? OutputFolder { get; init; }

    static SampleConfig IExperimentConfig<SampleConfig>.Defaults(ConfigNode given)
    {
        var recipe = given.Read("recipe", SampleRecipe.ElectraPytorch);
        return new SampleConfig
        {
            Recipe = recipe,
            Training =
                recipe is SampleRecipe.Google
                    ? new SampleTraining
                    {
                        LearningRate = 1e-4,
                        Schedule = new SampleSchedule { WarmupSteps = 20 },
                    }
                    : new SampleTraining(),
        };
    }

    IEnumerable<ConfigProblem> IExperimentConfig<SampleConfig>.Check()
    {
        if (Training.Schedule.WarmupSteps > Training.Steps)
            yield return new ConfigProblem("training.schedule.warmup_steps", $"is more than training.steps ({Training.Steps})");
    }
}

public sealed record SampleTraining
{
    /// <summary>The highest learning rate.</summary>
    [Range(0, 1, MinimumIsExclusive = true)]
    public double LearningRate { get; init; } = 5e-4;

    [Range(1, int.MaxValue)]
    public long Steps { get; init; } = 1_000_000;

    [AllowedValues("adam", "adamw")]
    public string Optimizer { get; init; } = "adam";

    public SampleSchedule Schedule { get; init; } = new();
}

public sealed record SampleSchedule
{
    public int WarmupSteps { get; init; } = 10;
    public double EndFactor { get; init; }
}

public sealed record SampleTask
{
    public int Epochs { get; init; } = 3;
    public double? LearningRate { get; init; }
}

/// <param name="Path">Where the documents are.</param>
/// <param name="Weight">How often they are read.</param>
public sealed record SampleSource(string Path, [Range(0.0, 10.0)] double Weight = 1)
{
    public static SampleSource Parse(string text) => new(text);
}

/// <summary>Written as 12x256.</summary>
public sealed record SampleSize(int Layers, int Hidden)
{
    public static SampleSize Parse(string text) =>
        text.Split('x') is [var layers, var hidden] && int.TryParse(layers, out var l) && int.TryParse(hidden, out var h)
            ? new SampleSize(l, h)
            : throw new FormatException("a size looks like 12x256");

    public override string ToString() => $"{Layers}x{Hidden}";
}
