using System.Text.Json;
using Electra.Data.Answering;
using Electra.Data.Tagging;
using Electra.Tokenization;

namespace Electra.Tests.Data.Answering;

/// <summary>From questions to examples as google-research/electra and Hugging Face's run_qa.py make them.</summary>
public sealed class ReadQuestionTests
{
    private static readonly Lazy<ElectraTokenizer> Tokenizer = new(() => new ElectraTokenizer(Vocabulary()));

    [Theory]
    [InlineData("q_features", 6)]
    [InlineData("q_features_squad2", 2)]
    [InlineData("q_features_mrqa", 2)]
    public void Ids_types_places_and_answers_of_all_windows_are_the_originals(string fixture, int settings)
    {
        var golden = Golden.CompressedJson(fixture);
        var questions = golden.GetProperty("questions").EnumerateArray().Select(one => Asked(golden, one)).ToList();
        Assert.Equal(settings, golden.GetProperty("settings").GetArrayLength());
        foreach (var setting in golden.GetProperty("settings").EnumerateArray())
        {
            bool isGoogle = setting.GetProperty("way").GetString() == "google";
            var form = Form(isGoogle, setting.GetProperty("max_len").GetInt32(), Number(setting, isGoogle ? "stride" : "overlap"));
            var read = questions.ConvertAll(question => new ReadQuestion(question, Tokenizer.Value, form));
            var rows = setting.GetProperty("rows").EnumerateArray().ToList();
            Assert.Equal(rows.Count, read.Sum(question => question.Windows.Count));
            foreach (var row in rows)
                Compare(read[Number(row, "question")], row, isGoogle);
        }
    }

    [Fact]
    public void Windows_and_their_owners_are_the_originals()
    {
        foreach (var one in Golden.Json("q_windows").EnumerateArray())
        {
            int pieces = Number(one, "pieces"), size = Number(one, "capacity"), stride = Number(one, "stride");
            if (pieces == 0)
                continue;
            var google = DocumentWindows.Of(pieces, size, Math.Min(size, stride));
            Assert.Equal(Pairs(one.GetProperty("google")), google);
            Assert.Equal(
                Pairs(one.GetProperty("google_owner_runs")),
                Enumerable.Range(0, pieces).Select(token => DocumentWindows.Owner(google, token)).CountBy(window => window)
                    .Select(run => (run.Key, run.Value))
            );
            if (one.GetProperty("huggingface").ValueKind != JsonValueKind.Null)
                Assert.Equal(
                    Pairs(one.GetProperty("huggingface")),
                    DocumentWindows.Of(pieces, size, DocumentWindows.StepOf(stride, size))
                );
        }
    }

    [Fact]
    public void Whole_files_have_as_many_windows_answers_and_tokens_as_the_originals_make()
    {
        var tokenizer = new ElectraTokenizer(Electra.Tokenization.Vocabulary.Load(TestData.Shared("vocab.txt")));
        foreach (var file in Golden.Json("q_counts").EnumerateArray())
        {
            var questions = QuestionFiles.Read(TestData.Shared(file.GetProperty("data").GetString()!), new(true, true)).ToList();
            foreach (bool isGoogle in new[] { true, false })
            {
                var expected = file.GetProperty(isGoogle ? "google" : "huggingface");
                var form = Form(isGoogle, Number(file, "max_len"), Number(file, "stride"));
                var read = questions.AsParallel().AsOrdered().Select(one => new ReadQuestion(one, tokenizer, form)).ToList();
                var answers = read.SelectMany(one => one.Windows.Select((_, window) => one.AnswerIn(window))).ToList();
                Assert.Equal(Number(expected, "questions"), questions.Count);
                Assert.Equal(Number(expected, "features"), answers.Count);
                Assert.Equal(Number(expected, "without_answer"), answers.Count(answer => answer.Start == 0));
                Assert.Equal(Number(expected, "most_windows"), read.Max(one => one.Windows.Count));
                Assert.Equal(
                    Number(expected, "real_tokens"),
                    read.Sum(one => one.Windows.Select((_, window) => one.Length(window)).Sum())
                );
                if (!isGoogle)
                    Assert.Equal(Number(expected, "gold_text_reproduced"), read.Count(IsReproduced));
            }
        }
    }

    [Fact]
    public void Texts_of_pieces_and_words_are_the_originals()
    {
        foreach (var group in Golden.Json("q_final_text").EnumerateObject())
            foreach (var one in group.Value.EnumerateArray())
                Assert.Equal(
                    one.GetProperty("final_text").GetString(),
                    AnswerText.Of(one.GetProperty("pieces_text").GetString()!, one.GetProperty("words_text").GetString()!, Tokenizer.Value)
                );
    }

    [Fact]
    public void A_question_longer_than_the_row_leaves_room_for_its_text()
    {
        var question = new Question("1", string.Join(' ', Enumerable.Repeat("the", 100)), "the new england patriots");
        foreach (int length in new[] { 8, 20, 40 })
        {
            var read = new ReadQuestion(question, Tokenizer.Value, Form(false, length, 2));
            Assert.All(read.Windows, window => Assert.True(window.Length > 0));
            Assert.True(read.CutQuestion > 0);
        }
    }

    /// <summary>A vocabulary with the pieces of the texts in q_*, at their ids.</summary>
    internal static Vocabulary Vocabulary()
    {
        string[] tokens = [.. Enumerable.Range(0, 30522).Select(id => $"[elsewhere {id}]")];
        foreach (var line in File.ReadLines(TestData.Fixture("golden/q_pieces.tsv")))
            tokens[int.Parse(line.Split('\t')[0])] = line.Split('\t')[1];
        return new Vocabulary(tokens);
    }

    internal static QuestionReading Form(bool isGoogle, int maxLength, int stride) => new(
        maxLength,
        MaxQuestion: 64,
        size => isGoogle ? Math.Min(size, stride) : DocumentWindows.StepOf(stride, size),
        ByWords: isGoogle
    );

    private static void Compare(ReadQuestion read, JsonElement row, bool isGoogle)
    {
        int window = Number(row, "window"), first = Number(row, "first_document_position");
        var (start, length) = read.Windows[window];
        int[] ids = [101, .. read.QuestionTokens, 102, .. read.Tokens[start..(start + length)], 102];
        Assert.Equal(Numbers(row, "ids"), ids);
        Assert.Equal(first, read.FirstPosition);
        Assert.Equal(row.GetProperty("types").GetString(), new string('0', first) + new string('1', length + 1));
        // There, an answer that begins in the window's last token gets a place beyond it.
        int expected = Math.Min(Number(row, "start"), first + length - 1);
        Assert.Equal((expected, Number(row, "end")), read.AnswerIn(window));
        if (isGoogle)
        {
            Assert.Equal(
                row.GetProperty("owns").GetString(),
                string.Concat(Enumerable.Range(start, length).Select(token => DocumentWindows.Owner(read.Windows, token) == window ? 1 : 0))
            );
            Assert.Equal(Numbers(row, "word_of_piece"), read.WordOf!.GetRange(start, length));
        }
        else
        {
            int[] places = CodePoints.Starts(read.Asked.Context);
            Assert.Equal(
                Numbers(row, "offsets"),
                read.Places[start..(start + length)]
                    .SelectMany(place => new[] { Array.BinarySearch(places, place.Start), Array.BinarySearch(places, place.End) })
            );
        }
    }

    private static bool IsReproduced(ReadQuestion read) =>
        Enumerable.Range(0, read.Windows.Count).Any(window =>
            read.AnswerIn(window) is ( > 0 and var start, var end)
            && read.Text(read.TokenAt(window, start)!.Value, read.TokenAt(window, end)!.Value) == read.Asked.Answers![0].Text
        );

    private static Question Asked(JsonElement golden, JsonElement one)
    {
        var context = golden.GetProperty("contexts")[Number(one, "context")].GetString()!;
        int[] places = CodePoints.Starts(context);
        return new Question(one.GetProperty("id").GetString()!, one.GetProperty("question").GetString()!, context)
        {
            Answers =
            [
                .. one.GetProperty("answers").EnumerateArray().Select(answer =>
                {
                    var (text, start) = (answer.GetProperty("text").GetString()!, places[Number(answer, "answer_start")]);
                    return new GoldAnswer(text, start, start + text.Length);
                }),
            ],
        };
    }

    private static int Number(JsonElement element, string name) => element.GetProperty(name).GetInt32();

    private static IEnumerable<int> Numbers(JsonElement element, string name) =>
        element.GetProperty(name).EnumerateArray().Select(number => number.GetInt32());

    private static IEnumerable<(int, int)> Pairs(JsonElement list) =>
        list.EnumerateArray().Select(pair => (pair[0].GetInt32(), pair[1].GetInt32()));
}
