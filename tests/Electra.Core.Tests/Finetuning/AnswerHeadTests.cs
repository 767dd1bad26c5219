using Electra.Data.Tasks;
using Electra.Model;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Tests.Finetuning;

/// <summary>Heads of answers with the numbers of Hugging Face's library and of google-research/electra's functions.</summary>
public sealed class AnswerHeadTests
{
    [Fact]
    public void The_linear_head_has_Hugging_Faces_logits_loss_and_gradients()
    {
        var golden = Golden.Tensors("q_head_linear");
        var options = new AnswerOptions();
        using var model = Model(options, name => golden[name]);
        var (ids, types, lengths, attention) = Inputs(golden, model.Store.Compute);

        var outputs = model.Answer(ids, types, full_like(lengths, 64), attention, Dropout.None, null);
        var positions = outputs[.., 1..].view(4, 64, 2);
        Golden.AssertClose(golden["start_logits"], positions.select(-1, 0), 1e-5, "start");
        Golden.AssertClose(golden["end_logits"], positions.select(-1, 1), 1e-5, "end");
        // There, padding is part of the softmax; here it is where all positions are called tokens.
        var labels = stack([golden["start_positions"], golden["end_positions"], zeros(4, dtype: int64)], dim: 1);
        var loss = Answers.Kind.Loss(Task(options), outputs, labels.to(float32).flatten(), 0);
        Golden.AssertClose(golden["loss"], loss, 1e-5, "loss");
        CompareGradients(model, loss, golden, name => $"grad/{name}");

        var masked = model.Answer(ids, types, lengths, attention, Dropout.None, null)[.., 1..].view(4, 64, 2);
        Assert.All(Enumerable.Range(0, 4), row =>
        {
            long length = lengths[row].item<long>();
            Assert.True(length == 64 || masked[row, TensorIndex.Slice(length)].max().item<float>() < -900);
        });
    }

    [Theory]
    [InlineData("q_head_joint", AnswerHead.Joint, Answerability.Classifier)]
    [InlineData("q_head_plain", AnswerHead.Linear, Answerability.Cls)]
    public void Googles_heads_have_its_logits_losses_and_gradients(string fixture, AnswerHead head, Answerability answerability)
    {
        var golden = Golden.Tensors(fixture);
        var options = new AnswerOptions { Head = head, Answerability = answerability, Unanswerable = true };
        using var model = Model(options, name => golden[$"head/{name["qa_".Length..]}"]);
        var (ids, types, lengths, attention) = Inputs(golden, model.Store.Compute);

        var outputs = model.Answer(ids, types, lengths, attention, Dropout.None, golden["start_positions"]);
        var positions = outputs[.., 1..].view(4, 64, 2);
        Golden.AssertClose(golden["train/start_logits"], positions.select(-1, 0), 1e-5, "start");
        Golden.AssertClose(golden["train/end_logits"], positions.select(-1, 1), 1e-5, "end");
        Golden.AssertClose(golden["train/answerable_logit"], outputs[.., 0], 2e-5, "answerable");
        var labels = stack(
            [golden["start_positions"], golden["end_positions"], golden["is_impossible"].to(int64)],
            dim: 1
        );
        var loss = Answers.Kind.Loss(Task(options), outputs, labels.to(float32).flatten(), 0);
        Golden.AssertClose(golden["train/loss_mean"], loss, 1e-5, "loss");
        CompareGradients(
            model,
            loss,
            golden,
            name => name.StartsWith("qa_", StringComparison.Ordinal) ? $"grad/head/{name["qa_".Length..]}" : $"grad/{name}"
        );
        if (head == AnswerHead.Joint)
            CompareBeams(golden, model.Answer(ids, types, lengths, attention, Dropout.None, null));
    }

    [Fact]
    public void Beams_wider_than_a_row_are_filled_up()
    {
        using var model = Model(new AnswerOptions { Head = AnswerHead.Joint, Best = 70 }, _ => zeros(1), fill: false);
        var golden = Golden.Tensors("q_head_joint");
        var (ids, types, lengths, attention) = Inputs(golden, model.Store.Compute);
        using var _ = no_grad();
        var outputs = model.Answer(ids, types, lengths, attention, Dropout.None, null);
        Assert.Equal([4, 1 + (2 * 70) + (2 * 70 * 70)], outputs.shape);
        Assert.True(outputs.isfinite().all().item<bool>());
    }

    private static void CompareBeams(Dictionary<string, Tensor> golden, Tensor outputs)
    {
        // The second row has 14 positions that may be an answer: the others tie near −1000.
        int[] beams = [20, 14, 20, 20];
        Golden.AssertClose(golden["eval/answerable_logit"], outputs[.., 0], 2e-5, "answerable");
        var (starts, startScores) = (outputs[.., 1..21], outputs[.., 21..41]);
        var (ends, endScores) = (outputs[.., 41..441].view(4, 20, 20), outputs[.., 441..].view(4, 20, 20));
        foreach (var (row, beam) in beams.Index())
        {
            Same("eval/start_top_index", starts[row, ..beam], exact: true);
            Same("eval/start_top_log_probs", startScores[row, ..beam], exact: false);
            Same("eval/end_top_index", ends[row, ..beam, ..beam], exact: true);
            Same("eval/end_top_log_probs", endScores[row, ..beam, ..beam], exact: false);

            void Same(string name, Tensor found, bool exact)
            {
                var expected = found.dim() == 1 ? golden[name][row, ..beam] : golden[name][row, ..beam, ..beam];
                Assert.InRange((expected.to(float32) - found).abs().max().item<float>(), 0, exact ? 0 : 1e-4f);
            }
        }
    }

    private static void CompareGradients(
        ElectraClassifier model,
        Tensor loss,
        Dictionary<string, Tensor> golden,
        Func<string, string> nameOf
    )
    {
        loss.backward();
        model.Store.CollectGradients();
        double largest = golden
            .Where(one => one.Key.StartsWith("grad/", StringComparison.Ordinal))
            .Max(one => one.Value.abs().max().item<float>());
        foreach (var (name, gradient) in model.Store.NamedGradients())
            if (golden.TryGetValue(nameOf(name), out var expected))
                Assert.True((expected - gradient).abs().max().item<float>() <= 1e-5 * largest, name);
    }

    private static TaskDefinition Task(AnswerOptions options) =>
        OwnTask.Define("made", new OwnTaskOptions { Kind = OwnTaskKind.Answers, Answers = options });

    private static ElectraClassifier Model(AnswerOptions options, Func<string, Tensor> head, bool fill = true)
    {
        var model = ElectraClassifier.Create(TinyPair.Config, new TaskHead(1) { Answers = options }, 0, seed: 0, Compute.Reference);
        if (!fill)
            return model;
        var encoder = Golden.Tensors("a_tiny_discriminator");
        using var _ = no_grad();
        foreach (var (name, value) in model.Store.Named())
            value.copy_(name.StartsWith("qa_", StringComparison.Ordinal) ? head(name) : encoder[name]);
        model.Store.PublishValues();
        return model;
    }

    private static (Tensor Ids, Tensor Types, Tensor Lengths, AttentionMask Attention) Inputs(
        Dictionary<string, Tensor> golden,
        Compute compute
    )
    {
        var lengths = golden["attention_mask"].sum(1);
        int[] counts = [.. lengths.data<long>().ToArray().Select(count => (int)count)];
        return (golden["input_ids"], golden["token_type_ids"], lengths, AttentionMask.FromLengths(counts, 64, compute));
    }
}
