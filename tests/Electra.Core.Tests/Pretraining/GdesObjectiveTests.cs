using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Model;
using Electra.Optimization;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Tests.Pretraining;

/// <summary>Gradient-disentangled embedding sharing against microsoft/DeBERTa's <c>RTDModel</c>.</summary>
public class GdesObjectiveTests
{
    private const string GeneratorTable = "generator.electra.embeddings.", Difference = "discriminator.electra.embeddings.";

    /// <summary>First steps of Adam are sign-like: where the fixture's own float32 and float64 differ by 1e-5.</summary>
    private const double Tolerance = 3e-5;

    private readonly Dictionary<string, Tensor> golden = Golden.Tensors("m_gdes");
    private readonly System.Text.Json.JsonElement json = Golden.Json("m_gdes");

    [Fact]
    public void Decoupled_updates_are_debertas()
    {
        using var pair = Pair();
        using var generator = Optimizer(pair, ElectraPair.IsOfGenerator, 1);
        using var discriminator = Optimizer(pair, p => !ElectraPair.IsOfGenerator(p), 2, generator);
        using var step = new TrainingStep(pair.Store, [generator, discriminator], losses: 3);
        for (int k = 1; k <= 3; k++)
        {
            var replay = new Replay(golden, $"batch{k}/");
            ElectraPass made = null!;
            var passes = GdesObjective.Steps(pair, Method(replay), [replay.Batch], RandomKey.FromSeed(k), pass =>
            {
                Golden.AssertClose(
                    replay.AtTokens(golden[$"decoupled{k}/discriminator_logits"]), pass.DiscriminatorLogits, 2e-5, $"logits {k}");
                made = pass;
            });
            step.Run(k - 1, passes, new StepRates(1e-3));
            Assert.NotNull(made);
            var losses = Assert.Single(step.Read()).Losses;
            var expected = json.GetProperty("decoupled_losses")[k - 1];
            Assert.Equal(expected.GetProperty("mlm").GetDouble(), losses[1], 1e-5 * 7);
            Assert.Equal(expected.GetProperty("rtd").GetDouble(), losses[2], 1e-5);
            Assert.Equal(losses[1] + 10 * losses[2], losses[0], 1e-4);
            AssertTables($"decoupled{k}/", pair, p => p.Master);
        }
        AssertOthers("decoupled3/", pair);
        var last = new Replay(golden, "batch3/");
        var merged = Method(last).Forward(pair, last.Batch, RandomKey.FromSeed(0), training: false).DiscriminatorLogits;
        Golden.AssertClose(last.AtTokens(golden["merged_logits_after_last_step"]), merged, 2e-5, "logits after the last step");
        AssertExportGives(merged, pair, last);
    }

    [Fact]
    public void A_joint_update_is_debertas()
    {
        using var pair = Pair();
        using var adam = Optimizer(pair, _ => true, 1);
        using var step = new TrainingStep(pair.Store, adam, losses: 3);
        var replay = new Replay(golden, "batch1/");
        step.Run(0, Method(replay).Passes(pair, [replay.Batch], RandomKey.FromSeed(0)), new StepRates(1e-3));
        var losses = Assert.Single(step.Read()).Losses;
        Assert.Equal(json.GetProperty("joint").GetProperty("loss").GetDouble(), losses[0], 1e-4);
        AssertTables("joint1/grads/", pair, p => p.Gradient);
        AssertTables("joint1/", pair, p => p.Master);
        AssertOthers("joint1/", pair);
    }

    [Theory]
    [InlineData(0, 10, false, true)]
    [InlineData(1, 0, true, false)]
    public void Each_loss_moves_its_own_tables_alone(double generatorWeight, double rtdWeight, bool movesTables, bool movesDifference)
    {
        foreach (bool isDecoupled in new[] { true, false })
        {
            using var pair = Pair();
            var before = pair.Store.Values.clone();
            using var generator = Optimizer(pair, isDecoupled ? ElectraPair.IsOfGenerator : _ => true, 1);
            using var discriminator = Optimizer(pair, p => !ElectraPair.IsOfGenerator(p), 1, generator);
            using var step = new TrainingStep(pair.Store, isDecoupled ? [generator, discriminator] : [generator], losses: 3);
            var replay = new Replay(golden, "batch1/");
            var method = Method(replay) with { Weigh = (g, d) => (generatorWeight * g) + (rtdWeight * d) };
            step.Run(
                0,
                isDecoupled
                    ? GdesObjective.Steps(pair, method, [replay.Batch], RandomKey.FromSeed(0))
                    : [new(method.Passes(pair, [replay.Batch], RandomKey.FromSeed(0)))],
                new StepRates(1e-3)
            );
            foreach (var parameter in pair.Store.Parameters.Where(p => p.Name.Contains("word_emb") || p.Name.Contains("position_emb")))
            {
                bool moved = !before.narrow(0, parameter.Offset, parameter.Count).eq(parameter.Master.view(-1)).all().item<bool>();
                Assert.True(moved == (ElectraPair.IsOfGenerator(parameter) ? movesTables : movesDifference), parameter.Name);
            }
        }
    }

    private void AssertExportGives(Tensor logits, ElectraPair pair, Replay replay)
    {
        using var folder = TestData.Temporary();
        HuggingFaceFolder.SavePair(folder.File("pair"), pair, TinyPair.Tokenizer());
        using var weights = PretrainedModel.Open(folder.File("pair"));
        using var saved = new TrainedEncoder(weights, Compute.Reference);
        var batch = replay.Batch;
        var attention = AttentionMask.FromLengths(batch.Lengths, batch.Length, Compute.Reference);
        var corrupted = Method(replay).Forward(pair, batch, RandomKey.FromSeed(0), training: false).CorruptedIds;
        using var _ = no_grad();
        var again = saved.Logits(corrupted.view(4, 20), tensor(batch.TokenTypes).view(4, 20), attention, tensor(batch.TokenPositions()));
        Golden.AssertClose(logits, again.view(-1), 1e-6, "logits of the saved model");
    }

    private void AssertTables(string prefix, ElectraPair pair, Func<Parameter, Tensor> of)
    {
        var own = pair.Store.Parameters.ToDictionary(p => p.Name, of);
        foreach (var (table, start) in new[] { ("E_G", GeneratorTable), ("E_delta", Difference) })
            foreach (var kind in new[] { "word", "position" })
            {
                var expected = golden[$"{prefix}{table}/{kind}"];
                double error = (expected - own[$"{start}{kind}_embeddings.weight"]).abs().max().item<float>();
                Assert.True(error < Math.Max(Tolerance, 1e-5 * expected.abs().max().item<float>()), $"{prefix}{table}/{kind}: {error:e2}");
            }
    }

    private void AssertOthers(string prefix, ElectraPair pair)
    {
        foreach (var (name, value) in pair.Store.Named())
        {
            var (network, own) = (name.Split('.')[0], name[(name.IndexOf('.') + 1)..]);
            if (!golden.TryGetValue($"{prefix}{network}/{own}", out var expected))
            {
                Assert.Matches("word_embeddings|position_embeddings", name);
                continue;
            }
            double error = (expected - value).abs().max().item<float>();
            Assert.True(error < Tolerance, $"{name}: {error:e2}");
        }
    }

    private static ElectraMethod Method(Replay replay) => replay.Method(new ObjectiveOptions { DiscriminatorWeight = 10 });

    private static Adam Optimizer(ElectraPair pair, Func<Parameter, bool> trains, double rate, Adam? beside = null) =>
        new(pair.Store, new AdamOptions { ClipNorm = 0, WeightDecay = 0 }, p => trains(p) ? rate : 0, beside);

    private static ElectraPair Pair()
    {
        var config = TinyPair.Config with { Generator = new() { Embeddings = GeneratorEmbeddings.Disentangled } };
        var pair = ElectraPair.Create(config with { HiddenDropout = 0, AttentionDropout = 0 }, seed: 0, Compute.Reference);
        Replay.Copy(pair.GeneratorWeights(), Golden.Tensors("a_tiny_generator"));
        var weights = pair.DiscriminatorWeights().ToList();
        Replay.Copy(weights, Golden.Tensors("a_tiny_discriminator"));
        pair.SetSums(weights);
        pair.Store.PublishValues();
        return pair;
    }
}
