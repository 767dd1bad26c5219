namespace Electra.Data.Answering;

/// <summary>A question about a text.</summary>
/// <param name="Id">Its name, which predictions have.</param>
/// <param name="Text">The question.</param>
/// <param name="Context">The text that the answer is a part of.</param>
internal sealed record Question(string Id, string Text, string Context)
{
    /// <summary>The right answers, none where the text does not answer it; null: nothing is said.</summary>
    public IReadOnlyList<GoldAnswer>? Answers { get; init; }

    /// <summary>The place of the answer to learn: the first whose place is known; null where there is none.</summary>
    public GoldAnswer? Learned => Answers?.FirstOrDefault(answer => answer.Start >= 0);
}

/// <summary>A right answer.</summary>
/// <param name="Text">Its text.</param>
/// <param name="Start">Where it begins in the context, in UTF-16 units; −1 where the file does not say.</param>
/// <param name="End">Where it ends.</param>
internal sealed record GoldAnswer(string Text, int Start = -1, int End = -1);
