using Electra.Tokenization;

namespace Electra.Data.Answering;

/// <summary>How questions become examples.</summary>
/// <param name="MaxLength">Tokens of an example.</param>
/// <param name="MaxQuestion">Tokens of a question; what is longer is cut.</param>
/// <param name="Step">Tokens from the beginning of a window to that of the next, for a window of a size.</param>
/// <param name="ByWords">Whether the text is split at spaces and each word encoded alone, as google-research/electra does.</param>
internal sealed record QuestionReading(int MaxLength, int MaxQuestion, Func<int, int> Step, bool ByWords);

/// <summary>
/// A question as tokens, and its text as tokens with their places, in windows that overlap where it is long. An example is
/// <c>[CLS] question [SEP] window [SEP]</c>.
/// </summary>
internal sealed class ReadQuestion
{
    /// <summary>Tokens of text that the longest question leaves room for.</summary>
    private const int LeastText = 16;

    private readonly ElectraTokenizer tokenizer;

    /// <summary>Reads a question.</summary>
    /// <param name="asked">The question.</param>
    /// <param name="tokenizer">The tokenizer of the model that shall read it. What its special tokens are called is text here:
    /// <c>[SEP]</c> stands in MRQA's texts.</param>
    /// <param name="form">How it becomes examples.</param>
    public ReadQuestion(Question asked, ElectraTokenizer tokenizer, QuestionReading form)
    {
        (Asked, this.tokenizer) = (asked, tokenizer.OfText);
        this.tokenizer.Encode(asked.Text, QuestionTokens);
        int most = Math.Min(form.MaxQuestion, Math.Max((form.MaxLength - 3) / 2, form.MaxLength - 3 - LeastText));
        if (QuestionTokens.Count > most)
        {
            CutQuestion = QuestionTokens.Count - most;
            QuestionTokens.RemoveRange(most, CutQuestion);
        }
        var (tokens, places) = (new List<int>(), new List<(int Start, int End)>());
        if (form.ByWords)
        {
            Words = SpacedWords(asked.Context);
            WordOf = [];
            foreach (var (number, word) in Words.Index())
                foreach (var token in this.tokenizer.EncodeToTokens(asked.Context[word.Start..word.End], out string? _))
                {
                    tokens.Add(token.Id);
                    places.Add((word.Start + token.Offset.Start.Value, word.Start + token.Offset.End.Value));
                    WordOf.Add(number);
                }
        }
        else
            foreach (var token in this.tokenizer.EncodeToTokens(asked.Context, out string? _))
            {
                tokens.Add(token.Id);
                places.Add((token.Offset.Start.Value, token.Offset.End.Value));
            }
        (Tokens, Places) = ([.. tokens], [.. places]);
        int size = form.MaxLength - QuestionTokens.Count - 3;
        Windows = DocumentWindows.Of(Tokens.Length, size, form.Step(size));
    }

    /// <summary>The question.</summary>
    public Question Asked { get; }

    /// <summary>Its tokens.</summary>
    public List<int> QuestionTokens { get; } = [];

    /// <summary>Tokens that a long question lost.</summary>
    public int CutQuestion { get; }

    /// <summary>The tokens of its text.</summary>
    public int[] Tokens { get; }

    /// <summary>Where each lies in the text, in UTF-16 units.</summary>
    public (int Start, int End)[] Places { get; }

    /// <summary>The windows over these tokens.</summary>
    public IReadOnlyList<(int Start, int Length)> Windows { get; }

    /// <summary>The position in an example at which its window begins.</summary>
    public int FirstPosition => QuestionTokens.Count + 2;

    /// <summary>The words of the text between spaces, where it was read by them.</summary>
    private List<(int Start, int End)>? Words { get; }

    /// <summary>The word of each token, where the text was read by words.</summary>
    public List<int>? WordOf { get; }

    /// <summary>The tokens in an example of a window.</summary>
    public int Length(int window) => FirstPosition + Windows[window].Length + 1;

    /// <summary>The token of the text at a position of a window's example; null where another stands there.</summary>
    public int? TokenAt(int window, int position) =>
        position >= FirstPosition && position < FirstPosition + Windows[window].Length
            ? Windows[window].Start + position - FirstPosition
            : null;

    /// <summary>
    /// The positions of the answer's first and last token in a window's example; 0 and 0, those of [CLS], where the window does not have
    /// the whole answer.
    /// </summary>
    public (int Start, int End) AnswerIn(int window)
    {
        var (start, length) = Windows[window];
        if (Asked.Learned is not { } answer || length == 0)
            return (0, 0);
        if (WordOf is null)
            return AnswerIn(answer, start, start + length - 1) is var (from, to)
                ? (FirstPosition + from - start, FirstPosition + to - start)
                : (0, 0);
        var (first, last) = ByWords(answer);
        return first >= start && last < start + length ? (FirstPosition + first - start, FirstPosition + last - start) : (0, 0);
    }

    /// <summary>The text from the first to the last of some tokens.</summary>
    public string Text(int first, int last)
    {
        if (WordOf is null)
            return Asked.Context[Places[first].Start..Places[last].End];
        var words = Words!.GetRange(WordOf[first], WordOf[last] - WordOf[first] + 1);
        return AnswerText.Of(
            string.Join(' ', Tokens[first..(last + 1)].Select(token => tokenizer.Vocabulary[token])),
            string.Join(' ', words.Select(word => Asked.Context[word.Start..word.End])),
            tokenizer
        );
    }

    /// <summary>
    /// Whether an answer is one that google-research/electra trains on: it ends within the text, and is found among the words that it
    /// begins and ends in.
    /// </summary>
    public bool IsUsable(GoldAnswer answer)
    {
        if (WordOf is null)
            return true;
        var (first, last) = WordsOf(answer);
        var words = string.Join(' ', Words!.GetRange(first, last - first + 1).Select(word => Asked.Context[word.Start..word.End]));
        return words.ToLowerInvariant().Contains(
            string.Join(' ', answer.Text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).ToLowerInvariant(),
            StringComparison.Ordinal
        );
    }

    /// <summary>
    /// The outermost tokens of a window that the answer reaches into (Hugging Face's <c>run_qa.py</c>; there, an answer that begins in the
    /// window's last token gets a place after it).
    /// </summary>
    private (int First, int Last)? AnswerIn(GoldAnswer answer, int from, int to)
    {
        if (Places[from].Start > answer.Start || Places[to].End < answer.End)
            return null;
        int first = from, last = to;
        while (first < to && Places[first + 1].Start <= answer.Start)
            first++;
        while (last > from && Places[last - 1].End >= answer.End)
            last--;
        return (first, last);
    }

    /// <summary>
    /// The tokens of the words in which the answer begins and ends; of them the first whose pieces are those of the answer alone
    /// (<c>_improve_answer_span</c>).
    /// </summary>
    private (int First, int Last) ByWords(GoldAnswer answer)
    {
        var (firstWord, lastWord) = WordsOf(answer);
        int from = WordOf!.FindIndex(word => word >= firstWord), to = WordOf.FindLastIndex(word => word <= lastWord);
        if (from < 0 || to < from)
            return (-1, -1);
        var alone = new List<int>();
        tokenizer.Encode(answer.Text, alone);
        for (int first = from; first <= to; first++)
            if (first + alone.Count - 1 <= to && alone.Count > 0 && Tokens.AsSpan(first, alone.Count).SequenceEqual([.. alone]))
                return (first, first + alone.Count - 1);
        return (from, to);
    }

    private (int First, int Last) WordsOf(GoldAnswer answer)
    {
        int first = Math.Max(0, Words!.FindLastIndex(word => word.Start <= answer.Start));
        return (first, Math.Max(first, Words.FindLastIndex(word => word.Start < answer.End)));
    }

    /// <summary>Runs of characters between the few that google-research/electra counts as spaces.</summary>
    private static List<(int Start, int End)> SpacedWords(string text)
    {
        var words = new List<(int Start, int End)>();
        int start = -1;
        for (int i = 0; i <= text.Length; i++)
            if (i == text.Length || text[i] is ' ' or '\t' or '\r' or '\n' or '\u202F')
            {
                if (start >= 0)
                    words.Add((start, i));
                start = -1;
            }
            else if (start < 0)
                start = i;
        return words;
    }
}
