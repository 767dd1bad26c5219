using Electra.Data.Answering;
using Electra.Data.Corpora;
using Electra.Tensors;

namespace Electra.Data.Tasks;

/// <summary>
/// Questions about methods, made from the documentation of the SDK: what a method does and what it returns. The text has its summary, the
/// description of its result, and a sentence about a parameter or an exception, in any order; the answer is the one that was asked for.
/// </summary>
internal static class DocsAnswers
{
    private const int MostCharacters = 260;

    /// <summary>How a question is asked; the first is answered by the summary, the second by the description of the result.</summary>
    private static readonly string[] Asked = ["what does it do ?", "what does it return ?"];

    /// <summary>The rows: two questions about each method.</summary>
    /// <param name="members">Members of a split, in random order.</param>
    /// <param name="count">Rows, at most.</param>
    public static IEnumerable<TaskRow> Rows(IEnumerable<DocumentedMember> members, int count)
    {
        int number = 0;
        foreach (var member in members.Where(member => member.Kind == 'M' && member.Other.Count > 0).Where(IsShort).Take(count / 2))
        {
            string[] parts = [Sentence(member.Summary), Sentence(member.Returns), Sentence(member.Other[0])];
            int[] order = [0, 1, 2];
            int first = (int)(RandomKey.FromSeed(5)[number].Value % 3);
            (order[0], order[first]) = (order[first], order[0]);
            var context = string.Join(' ', order.Select(part => parts[part]));
            foreach (var (part, question) in Asked.Index())
            {
                int start = order.TakeWhile(other => other != part).Sum(other => parts[other].Length + 1);
                // The full stop is not part of the answer.
                var answer = parts[part].TrimEnd('.');
                yield return Answers.Row(
                    new Question($"{number++}", question, context) { Answers = [new GoldAnswer(answer, start, start + answer.Length)] }
                );
            }
        }
    }

    private static bool IsShort(DocumentedMember member) =>
        new[] { member.Summary, member.Returns, member.Other[0] } is var parts
        && parts.All(part => part.Count(c => c == ' ') >= 2)
        && parts.Sum(part => part.Length) <= MostCharacters;

    private static string Sentence(string text) => text.TrimEnd('.', ' ') + ".";
}
