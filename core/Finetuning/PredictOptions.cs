using System.ComponentModel.DataAnnotations;
using Electra.Configuration;

namespace Electra.Finetuning;

/// <summary>What <c>scripts/predict.csx</c> predicts, and with which runs.</summary>
public sealed record PredictOptions
{
    /// <summary>
    /// Runs by number, for tasks where not the best one by its dev metric is wanted: <c>{cola: 1, rte: [0, 3]}</c>. The outputs of several
    /// are averaged.
    /// </summary>
    public IReadOnlyDictionary<string, IReadOnlyList<int>> Runs { get; init; } = new Dictionary<string, IReadOnlyList<int>>();

    /// <summary>
    /// A fine-tuned model that predicts <see cref="Input"/> in place of the configuration's runs: the folder of a run, a folder of Hugging
    /// Face's form, or a name on the hub. Empty: the runs of the one task that is chosen.
    /// </summary>
    public string Model { get; init; } = "";

    /// <summary>
    /// The null odds above which <see cref="Model"/> answers that there is no answer; 0 is usual of models that were trained on SQuAD 2.0.
    /// Null: as the model was trained, and a folder that does not say gives every question an answer.
    /// </summary>
    [Range(-1e6, 1e6)]
    public double? NullThreshold { get; init; }

    /// <summary>Where predictions of test sets go, in a folder for each group.</summary>
    [Required]
    public string Folder { get; init; } = "test_outputs";

    /// <summary>
    /// A file of texts to predict instead of the test sets, one a line, the two of a pair separated by a tab; a pipe will do, and <c>-</c>
    /// is standard input.
    /// </summary>
    public string Input { get; init; } = "";

    /// <summary>
    /// The file that predictions of <see cref="Input"/> go to; a device or a named pipe is written to as it is. Empty: standard output.
    /// </summary>
    public string Output { get; init; } = "";

    /// <summary>Rows that are computed at once.</summary>
    [Range(1, 1 << 16)]
    public int BatchSize { get; init; } = 64;

    /// <summary>
    /// Scores sentences with <c>checkpoint</c> itself, in place of predicting with fine-tuned runs: the lines of <see cref="Input"/>,
    /// <see cref="Pairs"/>, or lists of hypotheses (<see cref="Rerank"/>).
    /// </summary>
    public SentenceScoreKind Score { get; init; }

    /// <summary>
    /// Whether pairs and hypotheses are compared by their score for each token: sums favour short sentences, and energies have a constant
    /// for each token.
    /// </summary>
    public bool LengthNormalised { get; init; }

    /// <summary>
    /// The field with the sentence, where <see cref="Input"/> is JSON lines; scores are added to each object. Empty: <c>text</c> in a file
    /// named .jsonl or .ndjson, and lines of text elsewhere.
    /// </summary>
    public string Field { get; init; } = "";

    /// <summary>
    /// Minimal pairs: tables (.tsv, .csv, .jsonl or .parquet, also compressed), folders of them or patterns, such as BLiMP's
    /// <c>blimp/*.jsonl</c>. A file is a phenomenon; its accuracy is the share of pairs whose right sentence scores higher.
    /// <c>output</c> is then a table of accuracies (model,task,run,score) for the statistics.
    /// </summary>
    public IReadOnlyList<string> Pairs { get; init; } = [];

    /// <summary>The columns of a pair: the right sentence, then the wrong one.</summary>
    [MinLength(2), MaxLength(2)]
    public IReadOnlyList<string> PairColumns { get; init; } = ["sentence_good", "sentence_bad"];

    /// <summary>Choosing from lists of hypotheses.</summary>
    public RerankOptions Rerank { get; init; } = new();

    /// <summary>What is wrong between values that are each right.</summary>
    /// <param name="key">The key of this record in the configuration.</param>
    /// <param name="tasks">The names of all tasks.</param>
    internal IEnumerable<ConfigProblem> Problems(string key, IReadOnlyCollection<string> tasks)
    {
        foreach (var (task, runs) in Runs)
        {
            if (!tasks.Contains(task))
                yield return new ConfigProblem(
                    $"{key}.runs.{task}",
                    "is not a task"
                        + (Spelling.Nearest(task, tasks) is { } nearest ? $"; did you mean {nearest}?" : $": {string.Join(", ", tasks)}")
                );
            if (runs.Count == 0)
                yield return new ConfigProblem(
                    $"{key}.runs.{task}",
                    "has no run: give its number, or several whose outputs are averaged: [0, 3]"
                );
            if (runs.Distinct().Count() != runs.Count)
                yield return new ConfigProblem($"{key}.runs.{task}", "has a run twice");
        }
        foreach (var problem in Score == SentenceScoreKind.None ? WithoutScore(key) : WithScore(key))
            yield return problem;
        if (Model != "" && Score == SentenceScoreKind.None && Input == "")
            yield return new ConfigProblem($"{key}.model", $"predicts the lines of {key}.input: give that too; - is the standard input");
        if (Model != "" && Runs.Count > 0)
            yield return new ConfigProblem($"{key}.runs", $"are runs of the configuration's group, and {key}.model is one model");
        if (Model == "" && NullThreshold is not null)
            yield return new ConfigProblem(
                $"{key}.null_threshold",
                $"is for {key}.model; of runs it is a key of their task, data.own.<task>.answers.null_threshold"
            );
        if (Output != "" && Input == "" && Score == SentenceScoreKind.None)
            yield return new ConfigProblem(
                $"{key}.output",
                $"is where the predictions of {key}.input go: give that too. Those of test sets go to {key}.folder"
            );
    }

    private IEnumerable<ConfigProblem> WithoutScore(string key)
    {
        foreach (var (name, isGiven) in new[]
        {
            ("pairs", Pairs.Count > 0), ("rerank", Rerank.IsAsked), ("field", Field != ""), ("length_normalised", LengthNormalised),
        })
            if (isGiven)
                yield return new ConfigProblem(
                    $"{key}.{name}",
                    $"is about scores of sentences, and {key}.score does not say which: energy, pll, pll_word or discriminator"
                );
    }

    private IEnumerable<ConfigProblem> WithScore(string key)
    {
        string[] given =
        [
            .. new[] { ("input", Input != ""), ("pairs", Pairs.Count > 0), ("rerank", Rerank.IsAsked) }
                .Where(one => one.Item2)
                .Select(one => $"{key}.{one.Item1}"),
        ];
        if (given.Length != 1)
            yield return new ConfigProblem(
                $"{key}.score",
                given.Length == 0
                    ? $"has nothing to score: give {key}.input (lines), {key}.pairs (minimal pairs) or {key}.rerank (lists of hypotheses)"
                    : $"scores one of {string.Join(" and ", given)} at a time"
            );
        if (Runs.Count > 0)
            yield return new ConfigProblem($"{key}.runs", $"are fine-tuned runs, and {key}.score scores with checkpoint itself");
        if (Model != "")
            yield return new ConfigProblem($"{key}.model", $"is a fine-tuned model, and {key}.score scores with checkpoint itself");
        if (Field != "" && Input == "")
            yield return new ConfigProblem($"{key}.field", $"is a field of {key}.input, which is not given");
        if (LengthNormalised && Input != "")
            yield return new ConfigProblem(
                $"{key}.length_normalised",
                "is for pairs and lists of hypotheses: lines get the sum and the mean for each token"
            );
        if (Rerank.IsAsked)
            foreach (var problem in Rerank.Problems($"{key}.rerank"))
                yield return problem;
    }
}
