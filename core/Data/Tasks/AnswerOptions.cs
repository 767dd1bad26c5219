using System.ComponentModel.DataAnnotations;
using Electra.Data.Answering;

namespace Electra.Data.Tasks;

/// <summary>How a model says where an answer begins and ends.</summary>
public enum AnswerHead
{
    /// <summary>One linear layer with an output for the start and one for the end, as Hugging Face's library has it.</summary>
    Linear,

    /// <summary>The end is predicted for each likely start, as google-research/electra does.</summary>
    Joint,
}

/// <summary>How a model says that a text does not answer a question.</summary>
public enum Answerability
{
    /// <summary>The answer is then at [CLS].</summary>
    None,

    /// <summary>By a linear layer on [CLS].</summary>
    Cls,

    /// <summary>By two layers on [CLS] and on the mean of the tokens, weighted by their probability to be the start.</summary>
    Classifier,
}

/// <summary>How an answer's characters become tokens, and tokens a text.</summary>
public enum AnswerMapping
{
    /// <summary>By the places of tokens in the text.</summary>
    Offsets,

    /// <summary>
    /// As google-research/electra: words between spaces are encoded alone, and answers found by their words; and in training, a window
    /// without the answer counts as answerable where the question is.
    /// </summary>
    Google,
}

/// <summary>How answers are found that are parts of a text (<c>kind: answers</c>): head, windows, choice.</summary>
public sealed record AnswerOptions
{
    /// <summary>How the model says where an answer begins and ends.</summary>
    public AnswerHead Head { get; init; }

    /// <summary>How it says that the text does not answer the question.</summary>
    public Answerability Answerability { get; init; }

    /// <summary>Whether the text may not answer a question, as in SQuAD 2.0.</summary>
    public bool Unanswerable { get; init; }

    /// <summary>
    /// The null odds above which no answer is predicted; null: those at which F1 on the development set is best, which every run finds.
    /// Google's code has −2.75.
    /// </summary>
    [Range(-1e6, 1e6)]
    public double? NullThreshold { get; init; }

    /// <summary>Tokens of a question; longer ones are cut.</summary>
    [Range(1, 1 << 15)]
    public int MaxQuestion { get; init; } = 64;

    /// <summary>
    /// Tokens from the beginning of a window over a long text to that of the next, Google's <c>doc_stride</c>. 0: windows share
    /// <c>encoding.overlap</c> tokens instead, which Hugging Face's scripts call the stride.
    /// </summary>
    [Range(0, 1 << 15)]
    public int Stride { get; init; } = 128;

    /// <summary>Answers that are kept of a question, and starts and ends that are looked at in a window.</summary>
    [Range(1, 1000)]
    public int Best { get; init; } = 20;

    /// <summary>Tokens of the longest answer.</summary>
    [Range(1, 1 << 15)]
    public int MaxAnswer { get; init; } = 30;

    /// <summary>How characters become tokens, and tokens a text.</summary>
    public AnswerMapping Mapping { get; init; }

    /// <summary>Whether questions whose answer is not where the file says are left out of training, and counted; else they are an
    /// error.</summary>
    public bool DropMisplaced { get; init; }

    /// <summary>What is wrong between values that are each right, by key.</summary>
    internal IEnumerable<(string Key, string Problem)> Problems()
    {
        if (Answerability != Answerability.None && !Unanswerable && Mapping != AnswerMapping.Google)
            yield return ("answerability", "is learned from questions without an answer: unanswerable: true, or leave it out");
        if (Head == AnswerHead.Joint && Unanswerable && Answerability == Answerability.None)
            yield return ("answerability", "is missing: a joint head does not say by itself that there is no answer: cls or classifier");
        if (NullThreshold is not null && !Unanswerable)
            yield return ("null_threshold", "is for questions that may have no answer (unanswerable: true)");
    }

    /// <summary>The same with other null odds above which there is no answer; null: as they are.</summary>
    internal AnswerOptions With(double? threshold) =>
        threshold is null ? this : this with { Unanswerable = true, NullThreshold = threshold };

    /// <summary>Whether the model has the form of Hugging Face's <c>ElectraForQuestionAnswering</c>.</summary>
    internal bool IsPlain => Head == AnswerHead.Linear && Answerability == Answerability.None;

    /// <summary>Whether answers are found and chosen as Hugging Face's scripts do; else as google-research/electra does.</summary>
    internal bool IsHuggingFace => IsPlain && Mapping == AnswerMapping.Offsets;

    /// <summary>What decides which questions are read.</summary>
    internal string ReadAs => $"{Unanswerable} {DropMisplaced} {Mapping}";

    /// <summary>How questions become examples.</summary>
    internal QuestionReading Reading(EncodingOptions options) => new(
        options.MaxLength,
        MaxQuestion,
        size => Stride > 0 ? Math.Min(size, Stride) : DocumentWindows.StepOf(options.Overlap, size),
        Mapping == AnswerMapping.Google
    );

    /// <summary>The labels of a window: start, end, and 1 where it does not have the answer.</summary>
    internal float[] Labels(ReadQuestion question, int window)
    {
        var (start, end) = question.AnswerIn(window);
        bool isImpossible = Mapping == AnswerMapping.Google ? question.Asked.Answers!.Count == 0 : start == 0;
        return [start, end, isImpossible ? 1 : 0];
    }
}
