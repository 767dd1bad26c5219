using System.Text.Json;
using Electra.Data.Answering;

namespace Electra.Tests.Data.Answering;

/// <summary>The numbers of SQuAD's and MRQA's official scripts.</summary>
public sealed class OfficialScoresTests
{
    private readonly JsonElement golden = Golden.CompressedJson("q_scores"), texts = Golden.CompressedJson("q_texts");

    [Fact]
    public void Texts_are_normalised_and_compared_as_the_scripts_do_it()
    {
        var normalise = Golden.Json("q_normalise");
        Assert.All(
            normalise.GetProperty("strings").EnumerateArray(),
            pair => Assert.Equal(pair[1].GetString(), OfficialScores.Normalised(pair[0].GetString()!))
        );
        foreach (var pair in normalise.GetProperty("pairs").EnumerateArray())
        {
            var (prediction, gold) = (pair.GetProperty("prediction").GetString()!, pair.GetProperty("gold").GetString()!);
            Assert.Equal(pair.GetProperty("exact").GetDouble(), OfficialScores.Exact(prediction, gold));
            Assert.Equal(pair.GetProperty("f1_v1").GetDouble(), OfficialScores.F1(prediction, gold, emptyIsOne: false), 1e-12);
            Assert.Equal(pair.GetProperty("f1_v2").GetDouble(), OfficialScores.F1(prediction, gold, emptyIsOne: true), 1e-12);
        }
    }

    [Fact]
    public void Version_1_1_gives_the_scripts_means()
    {
        var block = golden.GetProperty("squad_1.1");
        var scores = Scores(block.GetProperty("predictions"), isTwo: false, _ => 0);
        var result = block.GetProperty("result");
        Assert.Equal(result.GetProperty("exact_match").GetDouble(), 100 * scores.Average(score => score.Exact), 1e-9);
        Assert.Equal(result.GetProperty("f1").GetDouble(), 100 * scores.Average(score => score.F1), 1e-9);
    }

    [Fact]
    public void Version_2_0_gives_the_scripts_means_at_thresholds_and_the_best_of_these()
    {
        var block = golden.GetProperty("squad_2.0");
        foreach (var one in block.GetProperty("results").EnumerateArray())
            CompareTwo(
                one.GetProperty("result"),
                Scores(
                    block.GetProperty("predictions"),
                    isTwo: true,
                    id => one.GetProperty("null").GetString() is { } odds ? block.GetProperty(odds).GetProperty(id).GetDouble() : 0
                ),
                one.GetProperty("threshold").GetDouble()
            );
        Assert.True(block.GetProperty("results").GetArrayLength() > 1);
    }

    [Theory]
    [InlineData("squad_2.0_ties", 1)]
    [InlineData("squad_2.0_all_wrong", 1)]
    [InlineData("squad_2.0_reversed_odds", -1)]
    public void Best_thresholds_with_ties_with_odds_that_mislead_and_where_all_is_wrong_are_the_scripts(string name, int sign)
    {
        var (block, two) = (golden.GetProperty(name), golden.GetProperty("squad_2.0"));
        var predictions = (block.TryGetProperty("predictions", out _) ? block : two).GetProperty("predictions");
        var odds = block.GetProperty("null") is { ValueKind: JsonValueKind.Object } own ? own : two.GetProperty("null_logits");
        CompareTwo(
            block.GetProperty("result"),
            Scores(predictions, isTwo: true, id => sign * odds.GetProperty(id).GetDouble()),
            block.TryGetProperty("threshold", out var threshold) ? threshold.GetDouble() : 0
        );
    }

    [Fact]
    public void MRQA_gives_its_scripts_means()
    {
        var mrqa = Golden.Json("q_scores_mrqa");
        var questions = QuestionFiles
            .Read(TestData.Shared("qa/newsqa_sample.jsonl"), new QuestionForm(true, false))
            .ToDictionary(question => question.Id);
        var scores = mrqa.GetProperty("predictions").EnumerateObject()
            .Select(one => AnswerScore.Of(one.Value.GetString()!, [.. questions[one.Name].Answers!.Select(gold => gold.Text)], false))
            .ToList();
        Assert.Equal(mrqa.GetProperty("result").GetProperty("exact_match").GetDouble(), 100 * scores.Average(score => score.Exact), 1e-9);
        Assert.Equal(mrqa.GetProperty("result").GetProperty("f1").GetDouble(), 100 * scores.Average(score => score.F1), 1e-9);
    }

    [Theory]
    [InlineData("qa/xquad.en.json.gz", false, 0.0, 10.520678940094802)]
    [InlineData("qa/squad2_dev_half.json.gz", true, 0.1809805857189865, 6.994744535792131)]
    public void Whole_files_with_answers_by_a_rule_have_the_scripts_scores(string file, bool isTwo, double exact, double f1)
    {
        var scores = QuestionFiles
            .Read(TestData.Shared(file), new QuestionForm(true, isTwo))
            .AsParallel()
            .Select(question => AnswerScore.Of(
                ByRule(question),
                [.. question.Answers!.Select(answer => answer.Text)],
                isTwo
            ))
            .ToList();
        Assert.Equal(exact, 100 * scores.Average(score => score.Exact), 1e-9);
        Assert.Equal(f1, 100 * scores.Average(score => score.F1), 1e-9);
    }

    /// <summary>What the script prints for that file where the null score is the share of a question's words that the text lacks.</summary>
    [Fact]
    public void A_whole_file_with_null_scores_has_the_scripts_scores_at_a_threshold_and_its_best_ones()
    {
        var scores = QuestionFiles
            .Read(TestData.Shared("qa/squad2_dev_half.json.gz"), new QuestionForm(true, true))
            .AsParallel()
            .AsOrdered()
            .Select(question => AnswerScore.Of(
                ByRule(question),
                [.. question.Answers!.Select(answer => answer.Text)],
                true,
                Words(question.Text) is var asked ? 1 - (asked.Count(Words(question.Context).Contains) / (double)asked.Count) : 0
            ))
            .ToList();
        Assert.Equal([2910, 3168], new[] { true, false }.Select(has => scores.Count(score => score.HasAnswer == has)));
        var result = new Dictionary<string, double>
        {
            ["exact"] = 19.990128331688055,
            ["f1"] = 25.11292755334349,
            ["HasAns_exact"] = 0.30927835051546393,
            ["HasAns_f1"] = 11.009063116571026,
            ["NoAns_exact"] = 38.06818181818182,
            ["NoAns_f1"] = 38.06818181818182,
            ["best_exact"] = 52.122408687068116,
            ["best_exact_thresh"] = 0,
            ["best_f1"] = 52.12789294724142,
            ["best_f1_thresh"] = 0,
        };
        CompareTwo(JsonSerializer.SerializeToElement(result), scores, 0.4);
    }

    private static HashSet<string> Words(string text) =>
        [.. System.Text.RegularExpressions.Regex.Matches(text.ToLowerInvariant(), @"\w+").Select(word => word.Value)];

    /// <summary>The first six words of the sentence with the most words in common with the question.</summary>
    private static string ByRule(Question question)
    {
        var asked = Words(question.Text);
        var sentence = System.Text.RegularExpressions.Regex.Split(question.Context, @"(?<=[.!?])\s+")
            .OrderByDescending(one => Words(one).Count(asked.Contains))
            .ThenBy(one => one.EnumerateRunes().Count())
            .First();
        return string.Join(' ', sentence.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Take(6));
    }

    private static void CompareTwo(JsonElement result, List<AnswerScore> raw, double threshold)
    {
        var scores = raw.ConvertAll(score => score.At(threshold));
        var (with, without) = (scores.FindAll(score => score.HasAnswer), scores.FindAll(score => !score.HasAnswer));
        Check("exact", scores.Average(score => score.Exact));
        Check("f1", scores.Average(score => score.F1));
        Check("HasAns_exact", with.Average(score => score.Exact));
        Check("HasAns_f1", with.Average(score => score.F1));
        Check("NoAns_exact", without.Average(score => score.Exact));
        Check("NoAns_f1", without.Average(score => score.F1));
        foreach (var (name, value) in new[] { ("exact", (Func<AnswerScore, double>)(score => score.Exact)), ("f1", score => score.F1) })
            if (result.TryGetProperty($"best_{name}_thresh", out var expected))
            {
                var (best, found) = AnswerScore.BestThreshold(raw, value);
                Check($"best_{name}", best);
                Assert.Equal(expected.GetDouble(), double.IsNegativeInfinity(found) ? 0 : found, 1e-12);
            }

        void Check(string name, double value) => Assert.Equal(result.GetProperty(name).GetDouble(), 100 * value, 1e-9);
    }

    private List<AnswerScore> Scores(JsonElement predictions, bool isTwo, Func<string, double> odds) =>
    [
        .. predictions.EnumerateObject().Select(one => AnswerScore.Of(
            one.Value.GetString()!,
            [
                .. texts.GetProperty("questions").GetProperty(one.Name).GetProperty("answers").EnumerateArray()
                    .Select(answer => answer.GetProperty("text").GetString()!),
            ],
            isTwo,
            odds(one.Name)
        )),
    ];
}
