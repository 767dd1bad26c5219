using Electra.Data.Answering;
using Electra.Data.Tasks;
using Electra.Tensors;

namespace Electra.Predictors;

/// <summary>A part of a text that may answer a question.</summary>
/// <param name="Text">The part; empty: the text does not answer the question.</param>
/// <param name="Place">Where it lies in the text, as .NET counts: <c>text[Place]</c>; null where there is no answer.</param>
/// <param name="Score">Its probability among the answers that are kept.</param>
public sealed record FoundAnswer(string Text, Range? Place, double Score);

/// <summary>What a model answers to a question.</summary>
/// <param name="Question">The question.</param>
/// <param name="Context">The text that was searched.</param>
/// <param name="Answer">The answer that is predicted; one without a text where the text has none.</param>
/// <param name="Best">The answers that are kept, the most probable first.</param>
/// <param name="NullOdds">How unlikely it is that the text answers the question; null where every question has an answer.</param>
public sealed record AnsweredQuestion(
    string Question,
    string Context,
    FoundAnswer Answer,
    IReadOnlyList<FoundAnswer> Best,
    double? NullOdds
);

/// <summary>
/// A model that finds the part of a text that answers a question. May be asked from many threads. Long texts are read in windows that
/// overlap; <c>predict.csx</c> computes by the same code.
/// </summary>
public sealed class QuestionAnswerer : IDisposable
{
    private readonly AskedModel model;
    private readonly TaskDefinition task;

    private QuestionAnswerer(AskedModel model, double? nullThreshold) =>
        (this.model, task) = (model, model.Task with { Answers = model.Task.Answers!.With(nullThreshold) });

    /// <summary>Opens a model of answers.</summary>
    /// <param name="source">
    /// A run of this kit (<c>checkpoints/glue/demo_docs-answers_0</c>), a folder of Hugging Face's <c>ElectraForQuestionAnswering</c>, or
    /// its name on the hub.
    /// </param>
    /// <param name="nullThreshold">
    /// The null odds above which there is no answer; 0 is usual of a model trained on SQuAD 2.0. Null: as the model was trained. A folder
    /// that does not say gives every question an answer.
    /// </param>
    /// <param name="compute">Where to compute, and the precision; by default <c>device: auto</c>, float32.</param>
    /// <param name="progress">Told of a download.</param>
    /// <param name="cancellation">Stops a download.</param>
    /// <exception cref="UserErrorException">There is no such model, it cannot be read, or it does not answer questions.</exception>
    public static QuestionAnswerer Open(
        string source,
        double? nullThreshold = null,
        Compute? compute = null,
        IProgress<ProgressReport>? progress = null,
        CancellationToken cancellation = default
    ) =>
        nullThreshold is { } limit && double.IsNaN(limit)
            ? throw new ArgumentException("a threshold is a number", nameof(nullThreshold))
            : new(
                new AskedModel(source, task => task.Kind == Answers.Kind, "answer questions", compute, progress, cancellation),
                nullThreshold
            );

    /// <summary>Answers a question.</summary>
    /// <param name="question">The question.</param>
    /// <param name="context">The text that the answer is a part of.</param>
    /// <param name="cancellation">Stops.</param>
    /// <exception cref="UserErrorException">The question or the text is empty.</exception>
    public AnsweredQuestion Ask(string question, string context, CancellationToken cancellation = default) =>
        Ask([(question, context)], 1, cancellation)[0];

    /// <summary>Answers questions.</summary>
    /// <param name="questions">Each question with the text that the answer is a part of.</param>
    /// <param name="batchSize">Windows that are computed at once.</param>
    /// <param name="cancellation">Stops.</param>
    /// <returns>The answers in the order of the questions.</returns>
    /// <exception cref="UserErrorException">A question or a text is empty.</exception>
    public IReadOnlyList<AnsweredQuestion> Ask(
        IEnumerable<(string Question, string Context)> questions,
        int batchSize = 32,
        CancellationToken cancellation = default
    )
    {
        TaskRow[] rows = [.. questions.Select((one, i) => Row(one.Question, one.Context, $"question {i + 1}"))];
        var outputs = model.Outputs(rows, batchSize, cancellation) with { Task = task };
        return [.. rows.Select((row, i) => Answered(row.Question!, Answers.Chosen(outputs, i)))];
    }

    /// <inheritdoc/>
    public void Dispose() => model.Dispose();

    private static TaskRow Row(string question, string context, string place)
    {
        ArgumentNullException.ThrowIfNull(question);
        ArgumentNullException.ThrowIfNull(context);
        return Answers.Row(QuestionFiles.Checked(new Question("", question, context), place));
    }

    private AnsweredQuestion Answered(Question asked, (AnswerRanking Ranking, RankedAnswer Predicted) chosen) =>
        new(
            asked.Text,
            asked.Context,
            Found(chosen.Predicted),
            [.. chosen.Ranking.Best.Select(Found)],
            task.Answers!.Unanswerable ? chosen.Ranking.NullOdds : null
        );

    private static FoundAnswer Found(RankedAnswer answer) =>
        new(answer.Text, answer.Place is var (start, end) ? start..end : null, answer.Probability);
}
