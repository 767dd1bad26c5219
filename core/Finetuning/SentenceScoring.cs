using System.ComponentModel.DataAnnotations;
using Electra.Configuration;

namespace Electra.Finetuning;

/// <summary>What a sentence is scored by. All but the first are sums over its tokens without [CLS] and [SEP], at most 0 but for
/// energies.</summary>
public enum SentenceScoreKind
{
    /// <summary>Nothing is scored: labels are predicted.</summary>
    None,

    /// <summary>
    /// Pseudo-log-likelihood up to a constant for each token, −Σ energy: of a model trained with <c>objective.kind: electric</c>; one pass
    /// over the sentence.
    /// </summary>
    Energy,

    /// <summary>
    /// Pseudo-log-likelihood of a masked language model, such as a generator: log p of each token where it alone is masked (Salazar et al.
    /// 2020); a pass for each token.
    /// </summary>
    Pll,

    /// <summary>
    /// The same where the later tokens of the same word are masked too, so that a word's end does not give away its beginning (Kauf and
    /// Ivanova 2023).
    /// </summary>
    PllWord,

    /// <summary>
    /// log p that each token is an original one, of ELECTRA's discriminator: Σ log(1 − sigmoid(logit)). Not a likelihood; one pass.
    /// </summary>
    Discriminator,
}

/// <summary>Choosing from lists of hypotheses, such as a recogniser's or translator's best, with the scores of sentences.</summary>
public sealed record RerankOptions
{
    /// <summary>
    /// The lists: a table (.tsv, .csv, .jsonl or .parquet, also compressed) with a row for each hypothesis: <c>id</c> of its list,
    /// <c>score</c> of the system that made it (higher is better), <c>text</c>; with <c>reference</c>, errors are counted. Empty: none.
    /// </summary>
    public string Lists { get; init; } = "";

    /// <summary>
    /// Lists of the same form with the column <c>reference</c>, which weights are chosen on: those with the fewest wrong words. Empty:
    /// weights are given.
    /// </summary>
    public string Tune { get; init; } = "";

    /// <summary>Weights of the column <c>score</c> and of the sentence's score; none: chosen on <see cref="Tune"/>.</summary>
    [Range(-1e9, 1e9)]
    public IReadOnlyList<double> Weights { get; init; } = [];

    internal bool IsAsked => Lists != "" || Tune != "" || Weights.Count > 0;

    internal IEnumerable<ConfigProblem> Problems(string key)
    {
        if (Lists == "" && Tune == "")
            yield return new ConfigProblem(
                $"{key}.lists",
                "is missing: the lists to choose from, a table with the columns id, score, text"
            );
        foreach (var (name, file) in new[] { ("lists", Lists), ("tune", Tune) })
            if (file == "-")
                yield return new ConfigProblem($"{key}.{name}", "cannot be standard input: a table's form is told by the file's name");
        if (Weights.Count > 0 && Tune != "")
            yield return new ConfigProblem($"{key}.weights", $"are given, and {key}.tune is to choose them: give one of the two");
        if (Weights.Count == 0 && Tune == "")
            yield return new ConfigProblem(
                $"{key}.tune",
                $"is missing: lists with the column reference, to choose weights on; or give them, {key}.weights=[1, 0.5]"
            );
        if (Weights.Count is not (0 or 2))
            yield return new ConfigProblem(
                $"{key}.weights",
                $"are {Weights.Count}: two are expected, of the column score and of the sentence's score"
            );
    }
}
