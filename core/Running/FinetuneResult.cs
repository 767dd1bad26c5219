using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Electra.Storage;

namespace Electra.Running;

/// <summary>An evaluation: after each pass over the training set, and within it where that is asked for.</summary>
/// <param name="Epoch">Passes that were made: 1 after the first, 0.5 in the middle of it.</param>
/// <param name="TrainLoss">The mean loss of the updates since the evaluation before.</param>
/// <param name="Scores">What was measured on the development set, as in <see cref="FinetuneResult.Scores"/>.</param>
internal sealed record FinetuneEpoch(double Epoch, double TrainLoss, IReadOnlyDictionary<string, double> Scores)
{
    /// <summary>The mean loss on the development set, where the best evaluation is found by it.</summary>
    public double? DevLoss { get; init; }

    /// <summary>What the run's log says of it.</summary>
    [JsonIgnore]
    public (string Name, double Value)[] Logged =>
        [
            ("epoch", Epoch),
            ("train_loss", TrainLoss),
            .. DevLoss is { } loss ? [("dev/loss", loss)] : Array.Empty<(string, double)>(),
            .. Scores.Select(score => ("dev/" + score.Key, score.Value)),
        ];

    /// <summary>Its place as it is shown: <c>2</c>, <c>0.25</c>.</summary>
    [JsonIgnore]
    public string Shown => Epoch.ToString("0.###", CultureInfo.InvariantCulture);
}

/// <summary>How the evaluation that a run keeps was chosen.</summary>
/// <param name="BestEpoch">Which it is, as <see cref="FinetuneEpoch.Epoch"/>.</param>
/// <param name="ChosenBy">The metric; <c>loss</c>: the lowest is best.</param>
/// <param name="ChosenOn">On what it was chosen: <c>dev</c>, the rows that are reported.</param>
/// <param name="OutOf">From how many evaluations.</param>
/// <param name="StoppedEarly">Whether the run ended because no better one came.</param>
internal sealed record FinetuneChoice(double BestEpoch, string ChosenBy, string ChosenOn, int OutOf, bool StoppedEarly)
{
    /// <summary>The protocol in words.</summary>
    [JsonIgnore]
    public string Protocol => $"best evaluation by {ChosenBy} on {ChosenOn}";
}

/// <summary>
/// What came of one fine-tuning run: the <c>result.json</c> of its folder. It is written last, so that a run which has one is
/// finished. Scores are fractions, not per cent.
/// </summary>
internal sealed record FinetuneResult
{
    /// <summary>The name of the file in the run's folder.</summary>
    public const string FileName = ResultFile.Name;

    /// <summary>The runs that belong together: usually all that start from one checkpoint.</summary>
    public required string Group { get; init; }

    /// <summary>The task, as <c>rte</c>.</summary>
    public required string Task { get; init; }

    /// <summary>The run's number within its group and task, from 0.</summary>
    public required int Run { get; init; }

    /// <summary>What everything random in it follows from.</summary>
    public required int Seed { get; init; }

    /// <summary>
    /// The seed of the pre-training that the weights came from, or the model's name where it is another's. Null in a result that does
    /// not say.
    /// </summary>
    public string? PretrainSeed { get; init; }

    /// <summary>What tells it in its folder's name from the runs of other pre-trained models; null where the group has one.</summary>
    public string? Model { get; init; }

    /// <summary>
    /// Names the rows that it learned from and was measured on: others give another value. Null in a result that does not say.
    /// </summary>
    public string? Rows { get; init; }

    /// <summary>Where the weights came from, as it was given; <c>random</c>: from nowhere.</summary>
    public required string Checkpoint { get; init; }

    /// <summary>Parameters of the fine-tuned model.</summary>
    public long? Parameters { get; init; }

    /// <summary>The metric by which the best of several runs is chosen.</summary>
    public required string Metric { get; init; }

    /// <summary>
    /// Its value on the development set at the evaluation that is kept: what <see cref="Scores"/> has under <see cref="Metric"/>; NaN where
    /// it is undefined.
    /// </summary>
    public required double Score { get; init; }

    /// <summary>
    /// All metrics on the development set at the evaluation that is kept, by name: <c>mcc</c>, <c>f1</c>, <c>accuracy</c>, <c>pearson</c>,
    /// <c>spearman</c>, <c>accuracy_mm</c>.
    /// </summary>
    public required IReadOnlyDictionary<string, double> Scores { get; init; }

    /// <summary>
    /// The threshold of null odds that it found on the development set, above which it predicts no answer; null where there is none.
    /// </summary>
    public double? Threshold { get; init; }

    /// <summary>How it came to that.</summary>
    public required IReadOnlyList<FinetuneEpoch> Epochs { get; init; }

    /// <summary>Which evaluation is kept, where that is not the last one.</summary>
    public FinetuneChoice? Choice { get; init; }

    /// <summary>
    /// What it was computed in, which <c>training.precision: auto</c> does not say: <c>bfloat16</c>. Null in a result that does not say.
    /// </summary>
    public string? Precision { get; init; }

    /// <summary>What a sweep gave it; null where it is no candidate of one.</summary>
    public SweptKeys? Swept { get; init; }

    /// <summary>What scores follow, in words: scores of different protocols do not mean the same.</summary>
    [JsonIgnore]
    public string Protocol => Choice?.Protocol ?? LastEpoch;

    /// <summary>The protocol of a run that keeps its last evaluation, and of results that do not say.</summary>
    public const string LastEpoch = "last epoch";

    /// <summary>How long the run took.</summary>
    public required double Seconds { get; init; }

    /// <summary>The folder of a run, <c>root/group_task_run</c>, as the original names it.</summary>
    /// <param name="root">The folder of all runs, <c>checkpoints/glue</c>: from the project's root where it is relative.</param>
    /// <param name="group">The group.</param>
    /// <param name="task">The task.</param>
    /// <param name="run">The run's number.</param>
    /// <param name="model">Which pre-trained model, where the group has several: <c>root/group_task_model_run</c>.</param>
    public static string Folder(string root, string group, string task, int run, string? model = null) =>
        Path.Combine(
            Paths.Output(root),
            string.Create(CultureInfo.InvariantCulture, $"{group}_{task}{(model is null ? "" : $"_{model}")}_{run}")
        );

    /// <summary>The full path of its folder below the folder of all runs.</summary>
    public string FolderIn(string root) => Folder(root, Group, Task, Run, Model);

    /// <summary>Writes the result into its run's folder, whole or not at all.</summary>
    public void Save(string folder) => ResultFile.Save(folder, this);

    /// <summary>Whether the run in a folder is finished.</summary>
    public static bool IsIn(string folder) => ResultFile.IsIn(folder);

    /// <summary>Reads the result of a finished run.</summary>
    /// <exception cref="UserErrorException">The folder holds no result, or a damaged one.</exception>
    public static FinetuneResult Load(string folder) =>
        ResultFile.Load<FinetuneResult>(folder, "fine-tuning", "finetune.csx", Check);

    private static void Check(FinetuneResult result)
    {
        if (!result.Scores.ContainsKey(result.Metric))
            throw new JsonException($"scores has no {result.Metric}, the metric of the run.");
        foreach (var (metric, score) in result.Scores)
            if (double.IsFinite(score) && Math.Abs(score) > 1)
                throw new JsonException($"scores.{metric} is {score}, and scores are fractions: -1 to 1.");
    }

    /// <summary>The results of all finished runs, ordered by group, task and run; none where there is no such folder.</summary>
    /// <param name="root">The folder of all runs, <c>checkpoints/glue</c>: looked for in the working directory, then at the project's
    /// root.</param>
    /// <param name="groups">Only these groups: what lies in the folders of others is not read. None: all.</param>
    /// <param name="leftOut">Told why a result is left out: it is damaged, or lies in a folder that is not its run's. Null: it is an
    /// error.</param>
    /// <exception cref="UserErrorException">A result is damaged, or in the wrong folder, and nobody is told.</exception>
    public static IReadOnlyList<FinetuneResult> All(string root, IReadOnlyCollection<string>? groups = null, Action<string>? leftOut = null)
    {
        var folder = Paths.Find(root);
        var results = new List<FinetuneResult>();
        foreach (
            var run in Directory.Exists(folder)
                ? FolderFiles.FoldersIn(folder)
                : Enumerable.Empty<string>()
        )
        {
            var name = Path.GetFileName(run);
            // Folders that begin with a dot are being written.
            if (
                name.StartsWith('.')
                || !IsIn(run)
                || (groups is { Count: > 0 } && !groups.Any(group => name.StartsWith($"{group}_", StringComparison.Ordinal)))
            )
                continue;
            try
            {
                var result = Load(run);
                var own = Path.GetFileName(result.FolderIn(root));
                if (own != name)
                    throw new UserErrorException(
                        $"{Paths.Shown(run)} holds the result of {own}: a copy, or renamed. Give the folder that name, or move it elsewhere"
                    );
                if (groups is not { Count: > 0 } || groups.Contains(result.Group))
                    results.Add(result);
            }
            catch (UserErrorException e) when (leftOut is not null)
            {
                leftOut(e.Message);
            }
        }
        return [.. results.OrderBy(result => result.Group).ThenBy(result => result.Task).ThenBy(result => result.Run)];
    }
}
