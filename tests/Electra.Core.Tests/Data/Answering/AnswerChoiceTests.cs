using System.Text.Json;
using Electra.Data.Answering;
using Electra.Tokenization;

namespace Electra.Tests.Data.Answering;

/// <summary>Answers chosen from the same random scores as google-research/electra's and Hugging Face's code chose them from.</summary>
public sealed class AnswerChoiceTests
{
    private readonly ElectraTokenizer tokenizer = new(ReadQuestionTests.Vocabulary());
    private readonly JsonElement texts = Golden.CompressedJson("q_texts");

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void The_best_answers_their_probabilities_and_null_odds_are_the_originals(int number)
    {
        var block = Golden.CompressedJson("q_choice")[number];
        bool isGoogle = block.GetProperty("way").GetString() == "google", isTwo = block.GetProperty("version_2").GetBoolean();
        var reading = ReadQuestionTests.Form(
            isGoogle,
            block.GetProperty("max_len").GetInt32(),
            block.GetProperty(isGoogle ? "stride" : "overlap").GetInt32()
        );
        var form = new ChoiceForm(block.GetProperty("n_best").GetInt32(), block.GetProperty("max_answer").GetInt32(), isTwo);
        foreach (var golden in block.GetProperty("questions").EnumerateArray())
        {
            var question = new ReadQuestion(Asked(golden.GetProperty("id").GetString()!), tokenizer, reading);
            var windows = golden.GetProperty("windows").EnumerateArray().ToList();
            Assert.Equal(windows.Count, question.Windows.Count);
            var ranking = Ranking(block, question, windows, form);
            var expected = golden.GetProperty("nbest").EnumerateArray().ToList();
            Assert.Equal(expected.Select(one => one.GetProperty("text").GetString()), ranking.Best.Select(answer => answer.Text));
            foreach (var (one, answer) in expected.Zip(ranking.Best))
            {
                Assert.Equal(one.GetProperty("probability").GetDouble(), answer.Probability, 1e-6);
                Assert.Equal(one.GetProperty("start").GetDouble(), answer.Start);
                Assert.Equal(one.GetProperty("end").GetDouble(), answer.End);
            }
            if (isTwo)
                Assert.Equal(golden.GetProperty("null_odds").GetDouble(), ranking.NullOdds, 1e-9);
            if (golden.TryGetProperty("predictions", out var predictions))
                Assert.All(predictions.EnumerateObject(), one =>
                    Assert.Equal(one.Value.GetString(), ranking.Prediction(double.Parse(one.Name)).Text));
            else
                Assert.Equal(golden.GetProperty("prediction").GetString(), ranking.Prediction(null).Text);
        }
    }

    [Fact]
    public void Where_nothing_can_be_an_answer_none_is_predicted()
    {
        var question = new ReadQuestion(new Question("1", "the", "the new"), tokenizer, ReadQuestionTests.Form(false, 32, 8));
        var form = new ChoiceForm(5, 30, Unanswerable: true);
        SpanScore[] outside = [new(0, 0, 0, 1, 1), new(0, 4, 3, 1, 1), new(0, 1, 3, 1, 1)];
        Assert.Equal("", AnswerChoice.AsHuggingFace(question, outside, [(1, 2)], form).Prediction(0).Text);
        Assert.Equal("", AnswerChoice.AsHuggingFace(question, outside, [(1, 2)], form with { Unanswerable = false }).Prediction(null).Text);
        Assert.Equal("", AnswerChoice.AsGoogle(question, outside, [-5], isClassified: true, form).Prediction(0).Text);
    }

    private AnswerRanking Ranking(JsonElement block, ReadQuestion question, List<JsonElement> windows, ChoiceForm form)
    {
        if (block.GetProperty("way").GetString() == "google" && block.GetProperty("joint_prediction").GetBoolean())
            return AnswerChoice.AsGoogle(
                question,
                windows.SelectMany((window, i) => Beams(window, i)),
                windows.Select(window => window.GetProperty("answerable_x64").GetDouble() / 64),
                isClassified: true,
                form
            );
        var logits = windows.ConvertAll(window => (Start: Values(window, "start_logits_x64"), End: Values(window, "end_logits_x64")));
        var spans = logits.SelectMany((own, window) =>
            from i in AnswerChoice.BestOf(own.Start, form.Best)
            from j in AnswerChoice.BestOf(own.End, form.Best)
            select new SpanScore(window, i, j, own.Start[i], own.End[j]));
        return block.GetProperty("way").GetString() == "google"
            ? AnswerChoice.AsGoogle(question, spans, logits.Select(own => (double)own.Start[0] + own.End[0]), isClassified: false, form)
            : AnswerChoice.AsHuggingFace(question, spans, logits.Select(own => ((double)own.Start[0], (double)own.End[0])), form);
    }

    private static IEnumerable<SpanScore> Beams(JsonElement window, int number)
    {
        var (starts, scores) = (window.GetProperty("start_top_index"), Values(window, "start_top_log_probs_x64"));
        var (ends, endScores) = (window.GetProperty("end_top_index"), window.GetProperty("end_top_log_probs_x64"));
        return from i in Enumerable.Range(0, scores.Length)
               from j in Enumerable.Range(0, ends[i].GetArrayLength())
               select new SpanScore(number, starts[i].GetInt32(), ends[i][j].GetInt32(), scores[i], endScores[i][j].GetDouble() / 64);
    }

    private static float[] Values(JsonElement window, string name) =>
        [.. window.GetProperty(name).EnumerateArray().Select(value => value.GetInt32() / 64f)];

    private Question Asked(string id)
    {
        var one = texts.GetProperty("questions").GetProperty(id);
        return new Question(
            id,
            one.GetProperty("question").GetString()!,
            texts.GetProperty("contexts")[one.GetProperty("context").GetInt32()].GetString()!
        );
    }
}
