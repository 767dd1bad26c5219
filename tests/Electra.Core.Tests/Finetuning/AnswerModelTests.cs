using System.Text.Json;
using Electra.Checkpoints;
using Electra.Data.Answering;
using Electra.Data.Tasks;
using Electra.Finetuning;
using Electra.Model;
using Electra.Tensors;

namespace Electra.Tests.Finetuning;

/// <summary>A folder of Hugging Face's ElectraForQuestionAnswering: from questions to answers with Python's numbers.</summary>
public sealed class AnswerModelTests
{
    [Fact]
    public void Answers_probabilities_and_null_odds_are_those_of_Hugging_Faces_library()
    {
        using var weights = PretrainedModel.Open(TestData.Fixture("golden/q_tiny_model"));
        var (golden, texts) = (Golden.Json("q_tiny_model"), Golden.CompressedJson("q_texts"));
        var options = new AnswerOptions { Stride = 0, Unanswerable = true, NullThreshold = 0 };
        var task = OwnTask.Define("made", new OwnTaskOptions { Kind = OwnTaskKind.Answers, Answers = options });
        using var model = ElectraClassifier.Create(
            weights.Config.ToModel(),
            task.Kind.Head(task),
            0,
            null,
            Compute.Reference,
            trainable: false
        );
        Assert.Empty(weights.Fill(model.Store).Missing);
        var asked = golden.GetProperty("questions").EnumerateArray().ToList();
        var rows = asked.ConvertAll(one =>
        {
            var id = one.GetProperty("id").GetString()!;
            var question = texts.GetProperty("questions").GetProperty(id);
            var context = texts.GetProperty("contexts")[question.GetProperty("context").GetInt32()].GetString()!;
            return new TaskRow([], []) { Question = new Question(id, question.GetProperty("question").GetString()!, context) };
        });
        var encoding = new EncodingOptions
        {
            MaxLength = golden.GetProperty("max_len").GetInt32(),
            Overlap = golden.GetProperty("overlap").GetInt32(),
        };
        var examples = EncodedRows.Of(task, [.. rows.Select(row => row with { Texts = [row.Question!.Text, row.Question.Context] })],
            weights.Tokenizer, encoding, new());
        var outputs = examples.With(TaskScorer.Score(model, examples, 3, "predicting"));

        var files = task.Kind.Files!(outputs, rows).ToDictionary(file => file.Extension, file => JsonDocument.Parse(file.Text).RootElement);
        Assert.Equal([".json", ".nbest.json", ".null_odds.json"], files.Keys);
        foreach (var one in asked)
        {
            var id = one.GetProperty("id").GetString()!;
            Assert.Equal(one.GetProperty("prediction_version_2").GetString(), files[".json"].GetProperty(id).GetString());
            Assert.Equal(one.GetProperty("null_odds").GetDouble(), files[".null_odds.json"].GetProperty(id).GetDouble(), 1e-4);
        }
        // Without the null answer, the best are those of version 1.1. There, positions of padding are among the best starts of a short
        // window, so that fewer answers are kept: probabilities are compared within a question.
        var plain = task with { Answers = options with { Unanswerable = false, NullThreshold = null } };
        var best = task.Kind.Files!(outputs with { Task = plain }, rows)
            .Single(file => file.Extension == ".nbest.json");
        var ranked = JsonDocument.Parse(best.Text).RootElement;
        foreach (var one in asked)
            foreach (var (expected, found) in one.GetProperty("nbest").EnumerateArray()
                .Zip(ranked.GetProperty(one.GetProperty("id").GetString()!).EnumerateArray()))
            {
                Assert.Equal(expected.GetProperty("text").GetString(), found.GetProperty("text").GetString());
                Assert.Equal(expected.GetProperty("start").GetDouble(), found.GetProperty("start_logit").GetDouble(), 1e-4);
                Assert.Equal(expected.GetProperty("end").GetDouble(), found.GetProperty("end_logit").GetDouble(), 1e-4);
            }
    }
}
