namespace Electra.Running;

/// <summary>What came of one pre-training run: the <c>result.json</c> of its folder, written last.</summary>
internal sealed record PretrainResult
{
    /// <summary>The experiment's name: runs of one name that differ in the seed belong together.</summary>
    public required string Name { get; init; }

    /// <summary>What everything random in it follows from.</summary>
    public required int Seed { get; init; }

    /// <summary>Updates done.</summary>
    public required long Updates { get; init; }

    /// <summary>
    /// All figures on held-out text at the end, under their names in <c>metrics.jsonl</c> without <see cref="Curves.HeldOut"/>:
    /// <c>auc</c>, <c>masked_accuracy</c>, <c>loss</c>. Shares are fractions.
    /// </summary>
    public required IReadOnlyDictionary<string, double> Scores { get; init; }

    /// <summary>The update at which the discriminator rose above what the token alone tells; null: it has not.</summary>
    public long? Rise { get; init; }

    /// <summary>What wrote the text that the discriminator was measured on: its generator, and the share that was masked.</summary>
    public string? MeasuredWith { get; init; }

    /// <inheritdoc cref="FinetuneResult.Precision"/>
    public string? Precision { get; init; }

    /// <summary>How long the run took.</summary>
    public double Seconds { get; init; }

    /// <summary>Floating-point operations of training, as google-research/electra counts them; null: of a run before they were
    /// counted.</summary>
    public double? Flops { get; init; }

    /// <summary>The same as 6 · parameters without embeddings · tokens; 2 for a generator that does not learn.</summary>
    public double? ParameterFlops { get; init; }

    /// <summary>Writes the result into its run's folder, whole or not at all.</summary>
    public void Save(string folder) => ResultFile.Save(folder, this);

    /// <summary>Whether the run in a folder is finished.</summary>
    public static bool IsIn(string folder) => ResultFile.IsIn(folder);

    /// <summary>Makes the run in a folder an unfinished one.</summary>
    internal static void Remove(string folder) => File.Delete(Path.Combine(folder, ResultFile.Name));

    /// <summary>Reads the result of a finished run.</summary>
    /// <exception cref="UserErrorException">The folder holds no result, or a damaged one.</exception>
    public static PretrainResult Load(string folder) => ResultFile.Load<PretrainResult>(folder, "pre-training", "pretrain.csx");
}
