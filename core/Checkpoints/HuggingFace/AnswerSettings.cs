using System.Text.Json.Serialization;
using Electra.Data.Tasks;

namespace Electra.Checkpoints.HuggingFace;

/// <summary>
/// How a model of answers reads questions and chooses answers, by the names that Hugging Face's pipeline and <c>run_qa.py</c> have for it;
/// what a file leaves out is as in <c>run_qa.py</c>.
/// </summary>
internal sealed record AnswerSettings
{
    /// <summary>Tokens of an example.</summary>
    public int MaxSeqLen { get; init; } = 384;

    /// <summary>Tokens that two windows share.</summary>
    public int DocStride { get; init; } = 128;

    /// <summary>Tokens from the beginning of a window to that of the next, in place of what windows share; 0: not given.</summary>
    public int WindowStep { get; init; }

    /// <summary>Tokens of a question.</summary>
    public int MaxQuestionLen { get; init; } = 64;

    /// <summary>Tokens of the longest answer.</summary>
    public int MaxAnswerLen { get; init; } = 30;

    /// <summary>Answers that are kept.</summary>
    public int NBestSize { get; init; } = 20;

    /// <summary>Whether a text may not answer a question.</summary>
    public bool HandleImpossibleAnswer { get; init; }

    /// <summary>The null odds above which there is no answer.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    [JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
    public double? NullScoreDiffThreshold { get; init; }

    /// <summary>How characters become tokens, and tokens a text.</summary>
    public AnswerMapping Mapping { get; init; }

    /// <summary>The options of a task of answers.</summary>
    [JsonIgnore]
    public AnswerOptions Options => new()
    {
        MaxQuestion = MaxQuestionLen,
        Stride = WindowStep,
        Best = NBestSize,
        MaxAnswer = MaxAnswerLen,
        Unanswerable = HandleImpossibleAnswer,
        NullThreshold = NullScoreDiffThreshold,
        Mapping = Mapping,
    };

    /// <summary>The settings of a task of answers, for its model; null of another.</summary>
    public static AnswerSettings? Of(TaskDefinition task, EncodingOptions encoding) => task.Answers is not { } options ? null : new()
    {
        MaxSeqLen = encoding.MaxLength,
        DocStride = encoding.Overlap,
        WindowStep = options.Stride,
        MaxQuestionLen = options.MaxQuestion,
        MaxAnswerLen = options.MaxAnswer,
        NBestSize = options.Best,
        HandleImpossibleAnswer = options.Unanswerable,
        NullScoreDiffThreshold = options.NullThreshold ?? task.Threshold,
        Mapping = options.Mapping,
    };

    /// <summary>How the model's rows become token ids: in examples of at most as many tokens as it reads.</summary>
    public EncodingOptions Encoding(EncodingOptions whole) =>
        whole with { MaxLength = Math.Min(MaxSeqLen, whole.MaxLength), Overlap = DocStride };

    /// <summary>What is wrong with a value, with its key; null where all are right.</summary>
    public string? Problem()
    {
        foreach (var (key, value, least) in new[]
        {
            ("max_seq_len", MaxSeqLen, 8), ("doc_stride", DocStride, 0), ("window_step", WindowStep, 0),
            ("max_question_len", MaxQuestionLen, 1), ("max_answer_len", MaxAnswerLen, 1), ("n_best_size", NBestSize, 1),
        })
            if (value < least)
                return $"{key} is {value}, and at least {least} is expected";
        return null;
    }
}
