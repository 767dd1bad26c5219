using Electra.Data.Examples;

namespace Electra.Data.Tasks;

/// <summary>What became of rows on their way from a file to token ids.</summary>
internal sealed class RowCounts
{
    /// <summary>Rows that were encoded.</summary>
    public long Rows { get; set; }

    /// <summary>Their tokens, without [CLS] and [SEP] and before rows were cut.</summary>
    public long Tokens { get; set; }

    /// <summary>Rows that were longer than the longest allowed.</summary>
    public long CutRows { get; set; }

    /// <summary>Tokens that these lost.</summary>
    public long CutTokens { get; set; }

    /// <summary>Tokens that are [UNK].</summary>
    public long Unknown { get; set; }

    /// <summary>Rows of nothing but [UNK].</summary>
    public long UnknownRows { get; set; }

    /// <summary>A word that is [UNK], and why.</summary>
    public string? UnknownWord { get; set; }

    /// <summary>Rows without any text.</summary>
    public long EmptyRows { get; set; }

    /// <summary>Rows that were left out because their label is one of those to drop.</summary>
    public long DroppedLabels { get; set; }

    /// <summary>Rows that were left out because they have no text.</summary>
    public long DroppedTexts { get; set; }

    /// <summary>Lines that were left out because they have too few columns.</summary>
    public long TornLines { get; set; }

    /// <summary>Spans that began or ended inside a word.</summary>
    public long ExtendedSpans { get; set; }

    /// <summary>Rows that were cut into several examples, which overlap.</summary>
    public long WindowedRows { get; set; }

    /// <summary>Words that have no token.</summary>
    public long LostWords { get; set; }

    /// <summary>Questions that were longer than the longest allowed.</summary>
    public long CutQuestions { get; set; }

    /// <summary>Answers that are not where their file says.</summary>
    public long MisplacedAnswers { get; set; }

    /// <summary>Adds what was counted elsewhere.</summary>
    public void Add(RowCounts other)
    {
        Rows += other.Rows;
        Tokens += other.Tokens;
        CutRows += other.CutRows;
        CutTokens += other.CutTokens;
        Unknown += other.Unknown;
        UnknownRows += other.UnknownRows;
        UnknownWord ??= other.UnknownWord;
        EmptyRows += other.EmptyRows;
        DroppedLabels += other.DroppedLabels;
        DroppedTexts += other.DroppedTexts;
        TornLines += other.TornLines;
        ExtendedSpans += other.ExtendedSpans;
        WindowedRows += other.WindowedRows;
        LostWords += other.LostWords;
        CutQuestions += other.CutQuestions;
        MisplacedAnswers += other.MisplacedAnswers;
    }

    /// <summary>What was left out or cut, a sentence each.</summary>
    /// <param name="name">What the rows are called.</param>
    /// <param name="maxLength">Tokens of a row, at most.</param>
    public IEnumerable<string> Notes(string name, int maxLength)
    {
        if (DroppedLabels > 0)
            yield return $"{name}: {Plural.Of(DroppedLabels, "row")} left out, whose label is one of drop_labels";
        if (DroppedTexts > 0)
            yield return $"{name}: {Plural.Of(DroppedTexts, "row")} left out, which lack a text";
        if (TornLines > 0)
            yield return $"{name}: {Plural.Of(TornLines, "line")} left out, which have too few columns";
        if (ExtendedSpans > 0)
            yield return $"{name}: {Plural.Of(ExtendedSpans, "span")} extended to whole words";
        if (MisplacedAnswers > 0)
            yield return $"{name}: {Plural.Of(MisplacedAnswers, "answer")} not where answer_start says; such questions are not trained on";
        if (CutQuestions > 0)
            yield return $"{name}: {Plural.Of(CutQuestions, "question")} cut to the longest allowed (answers.max_question)";
        if (WindowedRows > 0)
            yield return $"{name}: {Plural.Of(WindowedRows, "row")} of {Rows:N0} longer than {maxLength} tokens, and read in windows that "
                + "overlap (encoding.overlap): every word is read";
        if (LostWords > 0)
            yield return $"{name}: {Plural.Of(LostWords, "word")} without a token, invisible characters alone, counted as outside of spans";
        if (CutRows > 0)
            yield return $"{name}: {Plural.Of(CutRows, "row")} of {Rows:N0} cut to {maxLength} tokens; "
                + $"{(double)CutTokens / Tokens:0.0%} of all tokens are lost (encoding.max_length)";
    }

    /// <summary>What is probably wrong, a sentence each.</summary>
    /// <param name="name">What the rows are called.</param>
    public IEnumerable<string> Warnings(string name)
    {
        if (Unknown > 0 && Unknown >= UnknownWords.WarningShare * Tokens)
            yield return $"{name}: {(double)Unknown / Tokens:0%} of the tokens are "
                + $"[UNK]{(UnknownRows > 0 ? $", and {UnknownRows:N0} of {Plural.Of(Rows, "row")} are nothing else" : "")}: "
                + $"the model cannot read such words. For example {UnknownWord}";
        if (EmptyRows > 0)
            yield return $"{name}: {EmptyRows:N0} of {Plural.Of(Rows, "row")} {(EmptyRows == 1 ? "has" : "have")} no text";
    }
}
