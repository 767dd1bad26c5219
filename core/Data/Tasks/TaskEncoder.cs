using System.Runtime.InteropServices;
using Electra.Data.Answering;
using Electra.Data.Examples;
using Electra.Tokenization;

namespace Electra.Data.Tasks;

/// <summary>Turns the texts of rows into token ids, and keeps them with their labels.</summary>
/// <param name="tokenizer">The tokenizer of the model that shall read them.</param>
/// <param name="options">How they are encoded.</param>
internal sealed class TaskEncoder(ElectraTokenizer tokenizer, EncodingOptions options)
{
    private readonly List<int> a = [], b = [];
    private readonly List<float> labels = [];
    private readonly List<int> positions = [];
    private readonly List<ExampleEnd> ends = [];

    /// <summary>The token ids of each example.</summary>
    public ExampleList Tokens { get; } = new();

    /// <summary>The labels, example after example.</summary>
    public ReadOnlySpan<float> Labels => CollectionsMarshal.AsSpan(labels);

    /// <summary>Of each label the position in its example, where the head reads positions; else none.</summary>
    public ReadOnlySpan<int> Positions => CollectionsMarshal.AsSpan(positions);

    /// <summary>Where the labels of each example end.</summary>
    public ReadOnlySpan<ExampleEnd> Ends => CollectionsMarshal.AsSpan(ends);

    /// <summary>The questions as they were read, where rows are questions.</summary>
    public List<ReadQuestion> Questions { get; } = [];

    /// <summary>What became of the rows.</summary>
    public RowCounts Counts { get; } = new();

    /// <summary>Rows so far.</summary>
    public int Rows { get; private set; }

    /// <summary>
    /// Adds a row as one example: <c>[CLS] a [SEP]</c>, or <c>[CLS] a [SEP] b [SEP]</c>. While it is too long, the longer text loses its
    /// last token, the second where both are as long; only then are the two swapped (richarddwang/electra_pytorch,
    /// <c>tokenize_sents_max_len</c>).
    /// </summary>
    /// <param name="row">The row.</param>
    /// <param name="swap">Whether the second text stands first.</param>
    public void Add(TaskRow row, bool swap = false)
    {
        AddExample(row.Texts, swap);
        labels.AddRange(row.Labels);
        ends.Add(new ExampleEnd(Rows++, labels.Count));
    }

    /// <summary>Adds a row as several examples, each as <see cref="Add"/> makes it, with a label each.</summary>
    /// <param name="row">The row, with a label for each example.</param>
    /// <param name="examples">The text, or the two, of each example.</param>
    public void AddTogether(TaskRow row, IReadOnlyList<IReadOnlyList<string>> examples)
    {
        foreach (var (texts, label) in examples.Zip(row.Labels))
        {
            AddExample(texts, swap: false);
            labels.Add(label);
            ends.Add(new ExampleEnd(Rows, labels.Count));
        }
        Rows++;
    }

    /// <summary>
    /// Adds a row as several examples: each of some texts in one place of a sentence, encoded apart from what is on its sides. The span of
    /// each is kept. Of what is too long, the longer side loses its token that is farthest away.
    /// </summary>
    /// <param name="row">The row, with a label for each of the texts.</param>
    /// <param name="before">The sentence up to the place.</param>
    /// <param name="inPlace">The texts.</param>
    /// <param name="after">The rest of the sentence.</param>
    public void AddInPlace(TaskRow row, string before, IReadOnlyList<string> inPlace, string after)
    {
        b.Clear();
        foreach (var (text, label) in inPlace.Zip(row.Labels))
        {
            a.Clear();
            tokenizer.Encode(before, a);
            int start = a.Count;
            tokenizer.Encode(text, a);
            int end = a.Count, first = 0, last;
            tokenizer.Encode(after, a);
            for (last = a.Count; last - first > options.MaxLength - 2;)
                if (start - first > last - end)
                    first++;
                else
                    end = Math.Min(end, --last);
            Count([before + text + after], cut: a.Count - (last - first));
            var tokens = CollectionsMarshal.AsSpan(a)[first..last];
            Tokens.Add(tokens, default, tokenizer.Vocabulary.ClsId, tokenizer.Vocabulary.SepId, isPair: false);
            positions.AddRange(1 + start - first, 1 + end - first);
            labels.Add(label);
            ends.Add(new ExampleEnd(Rows, labels.Count));
        }
        Rows++;
    }

    private void AddExample(IReadOnlyList<string> texts, bool swap)
    {
        bool isPair = texts.Count == 2;
        a.Clear();
        b.Clear();
        tokenizer.Encode(texts[0], a);
        if (isPair)
            tokenizer.Encode(texts[1], b);
        int room = options.MaxLength - (isPair ? 3 : 2), lengthA = a.Count, lengthB = b.Count;
        while (lengthA + lengthB > room)
            if (lengthA > lengthB || (lengthA == lengthB && options.CutsAsFastTokenizers && a.Count <= b.Count))
                lengthA--;
            else
                lengthB--;
        Count(texts, cut: a.Count + b.Count - lengthA - lengthB);
        ReadOnlySpan<int> first = CollectionsMarshal.AsSpan(a)[..lengthA], second = CollectionsMarshal.AsSpan(b)[..lengthB];
        Tokens.Add(swap ? second : first, swap ? first : second, tokenizer.Vocabulary.ClsId, tokenizer.Vocabulary.SepId, isPair);
    }

    /// <summary>
    /// Adds the words of a row: every word encoded alone, and its label at its first token. What is too long is read in windows that
    /// overlap; a word has its label in the window where it has the most tokens on both sides (google-research/electra,
    /// <c>_check_is_max_context</c>).
    /// </summary>
    public void AddWords(TaskRow row)
    {
        a.Clear();
        b.Clear();
        var firsts = new int?[row.Words.Count];
        foreach (var (i, word) in row.Words.Index())
        {
            int before = a.Count;
            tokenizer.Encode(row.Texts[0].AsSpan()[word], a);
            firsts[i] = a.Count > before ? before : null;
        }
        Count(row.Texts, cut: 0);
        Counts.LostWords += firsts.Count(first => first is null);
        int size = options.MaxLength - 2;
        var windows = DocumentWindows.Of(a.Count, size, DocumentWindows.StepOf(options.Overlap, size));
        Counts.WindowedRows += windows.Count > 1 ? 1 : 0;
        int next = 0;
        foreach (var (number, window) in windows.Index())
        {
            for (; next < firsts.Length && (firsts[next] is not { } first || DocumentWindows.Owner(windows, first) == number); next++)
            {
                labels.Add(row.Labels[next]);
                positions.Add(firsts[next] is { } token ? 1 + token - window.Start : -1);
            }
            var tokens = CollectionsMarshal.AsSpan(a).Slice(window.Start, window.Length);
            Tokens.Add(tokens, default, tokenizer.Vocabulary.ClsId, tokenizer.Vocabulary.SepId, isPair: false);
            ends.Add(new ExampleEnd(Rows, labels.Count));
        }
        Rows++;
    }

    /// <summary>
    /// Adds a question with its text, in windows where that is long. The labels of each are the positions at which the answer begins and
    /// ends, 0 where the window does not have it, and whether there is none: 1 or 0.
    /// </summary>
    /// <param name="row">The row.</param>
    /// <param name="answers">How it is read.</param>
    public void AddQuestion(TaskRow row, AnswerOptions answers)
    {
        var question = new ReadQuestion(row.Question!, tokenizer, answers.Reading(options));
        Questions.Add(question);
        a.Clear();
        b.Clear();
        a.AddRange(question.QuestionTokens);
        b.AddRange(question.Tokens);
        Count(row.Texts, cut: 0);
        Counts.CutQuestions += question.CutQuestion > 0 ? 1 : 0;
        Counts.WindowedRows += question.Windows.Count > 1 ? 1 : 0;
        foreach (var (number, window) in question.Windows.Index())
        {
            var tokens = CollectionsMarshal.AsSpan(b).Slice(window.Start, window.Length);
            Tokens.Add(CollectionsMarshal.AsSpan(a), tokens, tokenizer.Vocabulary.ClsId, tokenizer.Vocabulary.SepId, isPair: true);
            if (row.Question!.Answers is null)
                labels.AddRange([float.NaN, float.NaN, float.NaN]);
            else
                labels.AddRange(answers.Labels(question, number));
            ends.Add(new ExampleEnd(Rows, labels.Count));
        }
        Rows++;
    }

    private void Count(IReadOnlyList<string> texts, int cut)
    {
        int unk = tokenizer.Vocabulary.UnkId, tokens = a.Count + b.Count,
            unknown = CollectionsMarshal.AsSpan(a).Count(unk) + CollectionsMarshal.AsSpan(b).Count(unk);
        Counts.Rows++;
        Counts.Tokens += tokens;
        Counts.CutTokens += cut;
        Counts.CutRows += cut > 0 ? 1 : 0;
        Counts.EmptyRows += tokens == 0 ? 1 : 0;
        Counts.Unknown += unknown;
        Counts.UnknownRows += tokens > 0 && unknown == tokens ? 1 : 0;
        if (unknown > 0)
            Counts.UnknownWord ??= texts.Select(text => UnknownWords.Example(text, tokenizer)).FirstOrDefault(word => word is not null);
    }
}

/// <summary>Where what belongs to an example ends; it starts where the one before it ends.</summary>
/// <param name="Row">The number of its row.</param>
/// <param name="Labels">The labels up to its end.</param>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal readonly record struct ExampleEnd(int Row, int Labels);
