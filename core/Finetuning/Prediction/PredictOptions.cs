using System.ComponentModel.DataAnnotations;

namespace Electra.Finetuning.Prediction;

/// <summary>What <c>scripts/predict.csx</c> predicts, and with which runs.</summary>
public sealed record PredictOptions
{
    /// <summary>Runs by number, for tasks where not the best one by its dev metric is wanted: <c>{cola: 1, rte: [0, 3]}</c>. The logits of several are averaged.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<int>> Runs { get; init; } = new Dictionary<string, IReadOnlyList<int>>();

    /// <summary>Where predictions of test sets go, in a folder for each group.</summary>
    [Required]
    public string Folder { get; init; } = "test_outputs";

    /// <summary>A file of texts to predict instead of the test set, one a line, the two of a pair separated by a tab; <c>-</c>: standard input.</summary>
    public string Input { get; init; } = "";

    /// <summary>The file that predictions of <see cref="Input"/> go to; empty: standard output.</summary>
    public string Output { get; init; } = "";

    /// <summary>Rows that are computed at once.</summary>
    [Range(1, 1 << 16)]
    public int BatchSize { get; init; } = 64;
}
