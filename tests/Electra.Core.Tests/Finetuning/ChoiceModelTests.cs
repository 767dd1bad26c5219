using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Data;
using Electra.Data.Tasks;
using Electra.Export;
using Electra.Finetuning;
using Electra.Model;
using Electra.Tensors;
using Electra.Tests.Export;
using Electra.Tokenization;
using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace Electra.Tests.Finetuning;

/// <summary>The model that scores choices, against Hugging Face's ElectraForMultipleChoice, here and as ONNX.</summary>
public sealed class ChoiceModelTests
{
    private readonly Dictionary<string, Tensor> golden = Golden.Tensors("r_head_choice");
    private readonly TaskDefinition task = OwnTask.Define(
        "made",
        new OwnTaskOptions { Kind = OwnTaskKind.Choice, Text = ["text"], Choices = ["a", "b", "c"] }
    );

    [Fact]
    public void Logits_loss_and_gradients_are_those_of_Hugging_Faces_library()
    {
        using var model = Model();
        var method = FinetuneMethod.From(new FinetuneOptions());
        var batch = Batch();
        Golden.AssertClose(
            golden["logits"],
            FinetuneMethod.ByRow(FinetuneMethod.Logits(model, batch.Tokens, Dropout.None), batch.RowSizes!).squeeze(-1),
            1e-5,
            "logits"
        );
        model.Store.ZeroGradients();
        var loss = method.Forward(model, task, batch, Dropout.None);
        Golden.AssertClose(golden["loss"], loss, 1e-5, "loss");
        loss.backward();
        model.Store.CollectGradients();
        var gradients = model.Store.NamedGradients().ToDictionary(one => one.Name, one => one.Gradient);
        var expected = golden.Where(one => one.Key.StartsWith("grad/", StringComparison.Ordinal)).ToList();
        float largest = expected.Max(one => one.Value.abs().max().item<float>());
        Assert.All(expected, one =>
            Assert.InRange((one.Value - gradients[one.Key["grad/".Length..]]).abs().max().item<float>(), 0, 1e-5f * largest));
    }

    [Fact]
    public void Its_folder_opens_and_as_ONNX_gives_the_same_logits()
    {
        using var folder = TestData.Temporary();
        using (var model = Model())
            HuggingFaceFolder.WriteFiles(
                folder.File("choice"),
                HuggingFaceConfig.Of(model.Config, task.Kind.Architecture(task)!, 0),
                model.Store.Named(),
                new ElectraTokenizer(new Vocabulary([.. Vocabulary.SpecialTokens, .. Enumerable.Range(5, 195).Select(i => $"w{i}")]))
            );
        using var opened = PretrainedModel.Open(folder.File("choice"));
        Assert.Equal(ModelHead.MultipleChoice, opened.Head);
        OnnxModel.Save(folder.File("model.onnx"), opened);
        using var session = new InferenceSession(folder.File("model.onnx"));
        var logits = OnnxModelTests.Run(session, golden["input_ids"], golden["attention_mask"], golden["token_type_ids"]);
        Golden.AssertClose(golden["logits"], logits, 1e-5, "logits");
        Tensor Two(string name) => golden[name][1..2, ..2];
        Golden.AssertClose(
            Two("logits"),
            OnnxModelTests.Run(session, Two("input_ids"), Two("attention_mask"), Two("token_type_ids")),
            1e-5,
            "two choices"
        );
        using var reopened = FinetunedModel.OpenAny(folder.File("choice"), Compute.Reference);
        var row = reopened.Task.Kind.Row!(reopened.Task, "w5 w6\tw7\tw8 w9", "made:1");
        Assert.Equal(2, reopened.Predict([row], 1, new RowCounts(), default).Outputs.Length);
    }

    private ElectraClassifier Model()
    {
        var encoder = Golden.Tensors("a_tiny_discriminator");
        var model = ElectraClassifier.Create(TinyPair.Config, task.Kind.Head(task), 0, seed: 0, Compute.Reference);
        using var _ = no_grad();
        foreach (var (name, value) in model.Store.Named())
            value.copy_(golden.TryGetValue($"head/{name}", out var own) ? own : encoder[name]);
        model.Store.PublishValues();
        return model;
    }

    private TaskBatch Batch()
    {
        var ids = golden["input_ids"].flatten(0, 1);
        int[] lengths = [.. golden["attention_mask"].flatten(0, 1).sum(1).data<long>().Select(n => (int)n)];
        var tokens = new TokenBatch(
            lengths.Length,
            (int)ids.shape[1],
            ids.data<long>().ToArray(),
            golden["token_type_ids"].data<long>().ToArray(),
            lengths
        );
        float[] labels = [.. golden["labels"].data<long>().SelectMany(right => Enumerable.Range(0, 3).Select(i => i == right ? 1f : 0f))];
        return new TaskBatch(tokens, labels, [.. Enumerable.Range(0, tokens.Size)]) { RowSizes = [3, 3] };
    }
}
