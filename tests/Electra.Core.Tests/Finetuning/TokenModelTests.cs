using Electra.Checkpoints;
using Electra.Data.Tagging;
using Electra.Data.Tasks;
using Electra.Export;
using Electra.Finetuning;
using Electra.Model;
using Electra.Tensors;
using Electra.Tests.Export;
using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace Electra.Tests.Finetuning;

/// <summary>A folder of Hugging Face's ElectraForTokenClassification: from text to tags with Python's numbers, here and as ONNX.</summary>
public sealed class TokenModelTests
{
    [Fact]
    public void Tags_and_probabilities_of_words_are_those_of_Hugging_Faces_library()
    {
        using var weights = PretrainedModel.Open(TestData.Fixture("golden/t_tiny_model"));
        var tags = weights.Config.Id2label!.OrderBy(tag => tag.Key).Select(tag => tag.Value).ToArray();
        var task = OwnTask.Define("names", new OwnTaskOptions
        {
            Kind = OwnTaskKind.Tokens,
            Labels = [.. tags.Select(TagSchemes.TypeOf).Where(type => type != "").Distinct()],
        }) with
        {
            Labels = tags,
        };
        using var model = ElectraClassifier.Create(weights.Config.ToModel(), tags.Length, 0, null, Compute.Reference, trainable: false);
        Assert.Empty(weights.Fill(model.Store).Missing);
        using var folder = TestData.Temporary();
        OnnxModel.Save(folder.File("model.onnx"), weights);
        using var session = new InferenceSession(folder.File("model.onnx"));

        foreach (var sentence in Golden.Json("t_tiny_model").GetProperty("sentences").EnumerateArray())
        {
            var text = TaggedText.OfWords([.. sentence.GetProperty("words").EnumerateArray().Select(word => word.GetString()!)], "");
            var row = new TaskRow([text.Text], [.. text.Words.Select(_ => float.NaN)]) { Words = text.Words };
            var examples = EncodedRows.Of(task, [row], weights.Tokenizer, new EncodingOptions(), new());
            float[] logits = TaskScorer.Score(model, examples, 8, "predicting");
            Assert.Equal(
                string.Join(' ', sentence.GetProperty("predicted").EnumerateArray()),
                task.Kind.Text(task, logits)
            );
            Assert.All(
                sentence.GetProperty("probability").EnumerateArray().Zip(logits.Chunk(tags.Length)),
                pair => Assert.Equal(pair.First.GetDouble(), Labels.Probability(pair.Second), 1e-5)
            );

            var batch = examples.Batch([0]);
            var ids = tensor(batch.Tokens.Ids).view(1, -1);
            var all = OnnxModelTests.Run(session, ids, ones_like(ids), zeros_like(ids)).flatten(0, 1);
            var read = all[tensor(batch.Positions!)].flatten();
            float[] own = [.. batch.Places.SelectMany(place => logits[(place * tags.Length)..((place + 1) * tags.Length)])];
            Assert.InRange((read - tensor(own)).abs().max().item<float>(), 0, 3e-5f);
        }
    }
}
