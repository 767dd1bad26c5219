using Electra.Data;
using Electra.Model;
using Electra.Optimization;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Tests.Pretraining;

/// <summary><c>recipe: google</c> against google-research/electra itself, whose recorded draws are fed in.</summary>
public class GoogleTrajectoryTests
{
    private const int Mask = 103, Unknown = 100;
    private static readonly int[] NeverMasked = [0, 101, 102, Mask]; // [PAD], [CLS], [SEP], [MASK]

    private static readonly PretrainConfig Google = Recipes.Defaults(Recipe.Google, ModelSize.Small);

    /// <summary>Eight whole updates; in the second fixture the generator samples [PAD].</summary>
    [Theory]
    [InlineData("google_trajectory_tiny")]
    [InlineData("google_trajectory_tiny_pad")]
    public void Eight_updates_are_those_of_Googles_code(string fixture)
    {
        var (golden, settings) = (Golden.Tensors(fixture), Golden.Json(fixture));
        using var pair = Pair();
        var schedule = Schedule.Of(
            Google.Training.Schedule,
            settings.GetProperty("learning_rate").GetDouble(),
            settings.GetProperty("num_train_steps").GetInt64(),
            settings.GetProperty("warmup_steps").GetDouble()
        );
        using var adam = new Adam(pair.Store, Google.Optimizer);
        var gradients = new Dictionary<string, Tensor>();
        using var step = new TrainingStep(pair.Store, adam, losses: 3)
        {
            Finished = stage =>
            {
                if (stage == "backward")
                    gradients = pair.Store.NamedGradients().ToDictionary(g => g.Name, g => g.Gradient.clone().DetachFromDisposeScope());
            },
        };
        for (int k = 0; k < 8; k++)
        {
            Assert.Equal(settings.GetProperty("lr")[k].GetDouble(), schedule(k).LearningRate, 1e-9);
            var draws = new Draws(golden, $"step{k:D2}/");
            step.Run(k, draws.Method(Objective()).Passes(pair, [draws.Batch], RandomKey.FromSeed(k)), schedule(k));

            draws.RequireSame();
            var update = Assert.Single(step.Read());
            foreach (var (i, name) in new[] { "loss", "gen_loss", "disc_loss" }.Index())
                Golden.AssertClose(draws["" + name], tensor((float)update.Losses[i]), 1e-5, $"{name} of update {k}");
            Assert.Equal(settings.GetProperty("raw_grad_norm")[k].GetDouble(), update.GradientNorm, 1e-5 * update.GradientNorm);
            Compare($"step{k:D2}/raw_grad/", gradients, k);
            Compare($"step{k:D2}/param_after/", pair.Store.Named().ToDictionary(p => p.Name, p => p.Value), k);
        }

        void Compare(string prefix, Dictionary<string, Tensor> found, int k)
        {
            var expected = golden.Where(entry => entry.Key.StartsWith(prefix, StringComparison.Ordinal)).ToList();
            if (expected.Count == 0)
                return;
            Assert.Equal(expected.Select(entry => entry.Key[prefix.Length..]).Order(), found.Keys.Order());
            double largest = expected.Max(entry => entry.Value.abs().max().item<float>());
            foreach (var (name, value) in expected)
            {
                double error = (value - found[name[prefix.Length..]]).abs().max().item<float>();
                Assert.True(error <= 1e-5 * Math.Max(1, largest), $"{name} of update {k}: {error:e2} (largest value {largest:e2})");
            }
        }
    }

    [Theory]
    [InlineData("temperature", 0.5, false)]
    [InlineData("disallow", 1, true)]
    [InlineData("both", 2, true)]
    public void Samples_at_a_temperature_and_without_the_truth_are_those_of_Googles_code(string name, double temperature, bool disallow)
    {
        using var pair = Pair();
        var draws = new Draws(Golden.Tensors("google_sampling_options_tiny"), $"{name}/");
        var method = draws.Method(Objective() with { Temperature = temperature, DisallowCorrect = disallow });
        var pass = method.Forward(pair, draws.Batch, RandomKey.FromSeed(0), training: false);

        draws.RequireSame();
        Golden.AssertClose(draws["loss"], pass.Loss, 1e-5, "loss");
        Golden.AssertClose(draws["gen_loss"], pass.GeneratorLoss, 1e-5, "generator loss");
        Golden.AssertClose(draws["disc_loss"], pass.DiscriminatorLoss, 1e-5, "discriminator loss");
        Assert.Equal(draws["generated"].data<long>().ToArray(), pass.CorruptedIds.data<long>().ToArray());
        var real = draws["attention_mask"].view(-1).nonzero().view(-1);
        Assert.Equal(draws["is_replaced"].view(-1).index_select(0, real).data<bool>().ToArray(), pass.Replaced.data<bool>().ToArray());
    }

    [Fact]
    public void A_position_that_is_drawn_twice_is_sampled_twice()
    {
        var batch = new TokenBatch(1, 4, [5, 6, 7, 8], [0, 0, 0, 0], [4]);
        var keys = batch.KeysAt([1, 2, 1, 1], RandomKey.FromSeed(0));
        Assert.Equal(4, keys.Select(key => key.Value).Distinct().Count());
        Assert.Equal(batch.KeysAt([1, 2], RandomKey.FromSeed(0)).Select(key => key.Value), keys[..2].Select(key => key.Value));
    }

    private static ObjectiveOptions Objective() =>
        Google.Objective with
        {
            Masking = Google.Objective.Masking with { Probability = 0.25 },
        };

    private static ElectraPair Pair() =>
        TinyPair.Load(
            dropout: 0,
            shape: TinyPair.Config with
            {
                PaddingInputGradient = Google.Model.PaddingInputGradient,
            }
        );

    /// <summary>A batch of Google's with its draws, which take the place of the kit's.</summary>
    private sealed class Draws(Dictionary<string, Tensor> golden, string prefix)
    {
        private MaskedTokens? masked;
        private Tensor? sampled;

        public Tensor this[string name] => golden[prefix + name];

        public TokenBatch Batch { get; } = new(
            4,
            20,
            [.. golden[prefix + "input_ids"].data<long>()],
            [.. golden[prefix + "token_type_ids"].data<long>()],
            [.. golden[prefix + "attention_mask"].sum(1).data<long>().Select(n => (int)n)]
        );

        public ElectraMethod Method(ObjectiveOptions options)
        {
            bool masksUnknown = options.Masking.MaskUnknown;
            bool[] special = [.. Enumerable.Range(0, 200).Select(id => NeverMasked.Contains(id) || (id == Unknown && !masksUnknown))];
            var tokens = new MaskingTokens(200, Mask, special) { MaxLength = 20 };
            return ElectraMethod.From(options, tokens, Compute.Reference) with
            {
                Mask = (batch, _) =>
                    masked = Masking.Apply(batch, tokens, options.Masking, row => (Choice(batch, special, row), Hide(row))),
                Sample = (logits, targets, _) =>
                    sampled = Sampling.Draw(logits, targets, options, _ => Used("gumbel_uniform"), _ => throw new NotSupportedException())
                        .DetachFromDisposeScope(),
            };
        }

        /// <summary>What was masked and sampled is what Google's code has.</summary>
        public void RequireSame()
        {
            Assert.Equal(this["masked_input_ids"].data<long>().ToArray(), masked!.Ids);
            Assert.Equal(Used("sampled").data<long>().ToArray(), sampled!.data<long>().ToArray());
        }

        /// <summary>The uniform number that makes the kit choose the position that was drawn.</summary>
        private Func<int, double> Choice(TokenBatch batch, bool[] special, int row)
        {
            int[] candidates = [.. Enumerable.Range(0, batch.Lengths[row]).Where(i => !special[batch.Ids[(row * batch.Length) + i]])];
            int Drawn(int draw) => (int)this["positions"][row, draw - (row * batch.Length)].item<long>();
            return draw => (Array.IndexOf(candidates, Drawn(draw)) + 0.5) / candidates.Length;
        }

        private Func<int, double> Hide(int row)
        {
            int draw = 0;
            return _ => this["hide_uniform"][row, draw++].item<float>();
        }

        /// <summary>Of a value for each draw, those of the draws that count.</summary>
        private Tensor Used(string name)
        {
            var used = this["weights"].view(-1).nonzero().view(-1);
            return this[name].reshape([20, .. this[name].shape[2..]]).index_select(0, used);
        }
    }
}
