namespace Electra.Data.Tasks;

// Keys of tasks in which texts are chosen, compared or ranked.
public sealed partial record OwnTaskOptions
{
    /// <summary>
    /// Of a task with choices: their columns, <c>[ending0, ending1]</c>, or one column with a list of them in a .jsonl. The text is the
    /// column of what they all follow, or two, of which the second stands before each choice. The label is the number of the right one
    /// from 0, its letter from A, or one of <c>labels</c>.
    /// </summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    private IEnumerable<(string Key, string Problem)> OfChoices()
    {
        if (Of() != Choice.Kind)
        {
            if (Choices.Count > 0)
                yield return ("choices", "are columns of a task with choices (kind: choice)");
            yield break;
        }
        if (Choices.Count == 0)
            yield return ("choices", "is missing: the columns of the choices (choices: [ending0, ending1]), or the one of their list");
        if (Choices.Concat(Text).GroupBy(column => column).FirstOrDefault(same => same.Count() > 1) is { } twice)
            yield return ("choices", $"has {twice.Key} twice, here or as text");
        if (Unordered)
            yield return ("unordered", "is for pairs: choices follow their text");
    }
}
