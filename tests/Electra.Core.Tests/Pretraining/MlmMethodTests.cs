using Electra.Data;
using Electra.Model;
using Electra.Optimization;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Tests.Pretraining;

/// <summary>The plain masked language model against Hugging Face's <c>ElectraForMaskedLM</c>.</summary>
public class MlmMethodTests
{
    private readonly Dictionary<string, Tensor> golden = Golden.Tensors("m_mlm");

    [Fact]
    public void Loss_gradients_and_updates_are_those_of_hugging_faces_model()
    {
        using var model = Model();
        using var adam = new Adam(model.Store, new AdamOptions { ClipNorm = 0, WeightDecay = 0 });
        using var step = new TrainingStep(model.Store, adam, losses: 1);
        for (int k = 0; k < 3; k++)
        {
            var method = Replaying(k);
            if (k == 0)
            {
                var pass = method.Forward(model, Batch(), RandomKey.FromSeed(0));
                Golden.AssertClose(golden["loss"], pass.Loss, 1e-5, "loss");
                Golden.AssertClose(golden["logits_at_masked"], pass.Logits, 1e-5, "logits");
            }
            step.Run(k, method.Passes(model, [Batch()], RandomKey.FromSeed(k)), new StepRates(1e-3));
            Assert.Equal(golden["losses"][k].item<double>(), Assert.Single(step.Read()).Loss, 1e-5 * 7);
            if (k == 0)
                Replay.AssertGradients(golden, "grads/", model.Store);
            if (k != 1)
                foreach (var (name, value) in model.Weights())
                    Assert.True((golden[$"step{k + 1}/{name}"] - value).abs().max().item<float>() < 2e-5, $"{name} after step {k + 1}");
        }
    }

    [Fact]
    public void Without_a_masked_token_the_loss_is_zero_and_no_gradient_is_made()
    {
        using var model = Model();
        var method = Replaying(0) with { Mask = (batch, _) => new MaskedTokens(batch.Ids, [], []) };
        var loss = Assert.Single(method.Passes(model, [Batch()], RandomKey.FromSeed(0))[0]());
        Assert.Equal(0f, loss.item<float>());
        loss.backward();
        Assert.Equal(0f, model.Store.Gradients.abs().sum().item<float>());
    }

    [Fact]
    public void Perplexity_is_the_exponential_of_the_mean_loss_and_infinite_where_that_overflows()
    {
        Assert.Equal(Math.Exp(2.5), new MlmScores(2.5, 0).Perplexity, 1e-12);
        Assert.Equal(double.PositiveInfinity, new MlmScores(1000, 0).Perplexity);
    }

    private MaskedLanguageModel Model()
    {
        var model = MaskedLanguageModel.Create(TinyPair.Config with { HiddenDropout = 0, AttentionDropout = 0 }, 0, Compute.Reference);
        Replay.Copy(model.Weights(), golden, "weights/");
        model.Store.PublishValues();
        return model;
    }

    private MlmMethod Replaying(int k) =>
        MlmMethod.From(new ObjectiveOptions(), new MaskingTokens(200, 103, new bool[200]), Compute.Reference) with
        {
            Mask = (_, _) => Masked(k),
        };

    private MaskedTokens Masked(int k)
    {
        long[] labels = [.. golden["labels"][k].reshape(-1).data<long>()];
        long[] positions = [.. labels.Index().Where(label => label.Item >= 0).Select(label => (long)label.Index)];
        return new([.. golden["masked_input_ids"][k].reshape(-1).data<long>()], positions, [.. positions.Select(p => labels[p])]);
    }

    private TokenBatch Batch() => new Replay(golden).Batch;
}
