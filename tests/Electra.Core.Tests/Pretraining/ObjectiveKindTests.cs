using System.Text.Json.Nodes;
using Electra.Checkpoints;
using Electra.Configuration;
using Electra.Model;
using Electra.Pretraining;
using Electra.Tensors;

namespace Electra.Tests.Pretraining;

/// <summary>Every objective, and every generator, as a run of scripts/pretrain.csx.</summary>
public sealed class ObjectiveKindTests : IDisposable
{
    private readonly TinyPretraining tiny = new();

    public void Dispose() => tiny.Dispose();

    public static TheoryData<string> Kinds => new(
        "objective.kind=mlm model.generator_divisor=4",
        "objective.kind=mlm model.generator_divisor=4 objective.masking={mask_share: 0.8, random_share: 0.1} training.skip_sigmas=5",
        "objective.kind=gdes training.discriminator_learning_rate=2e-3 training.skip_sigmas=5",
        "objective.kind=gdes objective.decoupled=false",
        "objective.kind=electric training.skip_sigmas=5",
        "objective.kind=electric objective.prior=google",
        "model.generator={embeddings: own, hidden: 0.25, layers: 1}",
        "model.generator={kind: shared}",
        "model.generator={kind: uniform}",
        "model.generator={kind: two_tower} training.skip_sigmas=5"
    );

    /// <summary>In float32, where the order of a sum changes its last bits alone.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_run_resumes_exactly_is_cut_as_one_likes_and_leaves_models_that_open(string kind)
    {
        string[] own = [.. Split(kind), "training.precision=float32", "training.steps=8"];
        var whole = await tiny.Done([.. own, "name=whole"]);
        whole.Said("Three sentences", "What next", "in Hugging Face's library");
        (await tiny.Done([.. own, "name=parts", "training.max_minutes=0.00001"])).Said("resumes from here");
        (await tiny.Done([.. own, "name=parts", "training.recompute=true"])).Said("Resuming from step");
        RunFolders.AssertSameLogs(tiny.Of("whole"), tiny.Of("parts"));

        await tiny.Done([.. own, "name=cut", "training.micro_batch_size=3"]);
        foreach (var (one, other) in RunFolders.Values(tiny.Of("whole")).Zip(RunFolders.Values(tiny.Of("cut"))))
            Assert.Equal(one, other, 1e-4 * one);

        using var model = TrainedModel.Open(tiny.File("runs/whole_11081_100"));
        Assert.All(model.Embed("The cat sees the river."), value => Assert.True(float.IsFinite(value)));
        Assert.True(model.HasDiscriminator || model.HasGenerator);
        Assert.Equal(!kind.Contains("mlm"), model.HasDiscriminator);
        string[] withoutSaved = ["uniform", "electric", "two_tower"];
        Assert.Equal(!withoutSaved.Any(kind.Contains), model.HasGenerator);
        using var start = PretrainedModel.Open(tiny.File("runs/whole_11081_100"));
        using var classifier = ElectraClassifier.Create(start.Config.ToModel(), 2, headDropout: 0, seed: 1, Compute.Reference);
        Assert.Empty(start.Fill(classifier.EncoderWeights()).Missing);
    }

    [Fact]
    public async Task A_masked_language_model_may_have_a_width_that_no_generator_fits()
    {
        string[] own = ["objective.kind=mlm", "model.generator_divisor=4", "model.hidden_size=34", "model.attention_heads=1"];
        await tiny.Done([.. own, "training.steps=2"]);
        var card = File.ReadAllText(tiny.File("runs/tiny_11081_100/README.md"));
        Assert.Contains("| objective | mlm |", card);
        Assert.DoesNotContain("discriminator's loss", card);
    }

    [Fact]
    public async Task Seeds_of_a_masked_language_model_are_told_of_by_their_perplexity()
    {
        var run = await tiny.Done("objective.kind=mlm", "model.generator_divisor=4", "seeds=1..2", "training.steps=4");
        run.Said("done: perplexity", "masked-token accuracy", "15% masked");
        Assert.DoesNotContain("context", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("generator", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_frozen_generator_keeps_its_weights_bit_for_bit()
    {
        await tiny.Done("name=first");
        var generator = tiny.File("runs/first_11081_100/generator");
        string[] frozen =
        [
            $"init_generator={generator}",
            $"vocabulary={generator}",
            "train_generator=false",
            "objective.temperature={start: 2, half_life: 0.1}",
        ];
        (await tiny.Done([.. frozen, "name=second"])).Said("The generator begins with the weights of");
        RunFolders.AssertSameBytes(
            Path.Combine(generator, "model.safetensors"),
            tiny.File("runs/second_11081_100/generator/model.safetensors")
        );
        Assert.Empty(RunFolders.Values(tiny.Of("second"), "generator_loss"));
        foreach (var count in new[] { "flops", "parameter_flops" })
            Assert.InRange(Count("second", count), 0.5 * Count("first", count), 0.99 * Count("first", count));
        var third = await tiny.Done([.. frozen, "name=third", $"init={tiny.File("runs/first_11081_100")}"]);
        third.Said("Discriminator and embeddings begin");
    }

    [Theory]
    [InlineData("objective.kind=mlm model.generator_divisor=4 objective.discriminator_weight=25", "objective.discriminator_weight", "mlm")]
    [InlineData("objective.kind=mlm", "model.generator_divisor", "mlm")]
    [InlineData("objective.kind=mlm model.generator_divisor=4 model.generator.layers=1", "model.generator", "mlm")]
    [InlineData("objective.decoupled=false", "objective.decoupled", "gdes")]
    [InlineData("objective.kind=gdes model.generator.embeddings=own", "model.generator.embeddings", "disentangled")]
    [InlineData("train_generator=false", "train_generator", "init_generator")]
    [InlineData("model.generator.embedding_size=8", "model.generator.embedding_size", "own")]
    [InlineData("model.generator={kind: uniform, layers: 1}", "model.generator.kind", "no shape")]
    [InlineData("model.generator={kind: two_tower, embeddings: own}", "model.generator.embeddings", "shared")]
    [InlineData("model.generator.kind=two_tower objective.masking.mask_share=0.5", "objective.masking.mask_share", "two_tower")]
    [InlineData(
        "model.generator.kind=two_tower objective.generator_label_smoothing=0.1",
        "objective.generator_label_smoothing",
        "two_tower"
    )]
    [InlineData("model.generator.kind=two_tower train_generator=false", "train_generator", "masked language model")]
    [InlineData("model.generator.kind=two_tower init=somewhere init_generator=elsewhere", "init_generator", "two_tower")]
    [InlineData("objective.kind=electric model.generator.kind=two_tower", "model.generator.kind", "electric")]
    [InlineData("model.generator.layers=0.1", "model.generator.layers", "0.5 is one")]
    [InlineData("objective.temperature=0", "objective.temperature", "0.01")]
    [InlineData(
        "objective.temperature={start: 2, half_life: 0.1} training.budget=1m training.steps=0 training.warmup_steps=0",
        "objective.temperature.half_life",
        "by the clock"
    )]
    public async Task A_key_without_a_meaning_is_refused_by_name(string overrides, string key, string why) =>
        await tiny.Refused(Split(overrides), key, why);

    [Theory]
    [InlineData("mlm")]
    [InlineData("untied")]
    [InlineData("shared")]
    [InlineData("uniform")]
    [InlineData("two-tower")]
    [InlineData("half-depth")]
    [InlineData("frozen")]
    [InlineData("gdes")]
    [InlineData("whole-words")]
    [InlineData("spans")]
    [InlineData("electric")]
    public void The_configurations_of_objectives_are_the_demo_with_a_few_keys_changed(string name)
    {
        var config = Config.Load<PretrainConfig>(Path.Combine(TestData.Repository, "configs", "objectives", $"{name}.yaml"));
        var demo = Config.Load<PretrainConfig>(Path.Combine(TestData.Repository, "configs", "demo.yaml"));
        Assert.Equal(name, config.Name);
        Assert.Equal(demo.Examples, config.Examples);
        Assert.Equal(demo.Training.Steps, config.Training.Steps);
        Assert.Equal(demo.Model with { Generator = config.Model.Generator }, config.Model);
        Assert.NotEqual((demo.Model.Generator, demo.Objective), (config.Model.Generator, config.Objective));
        string saved = Config.ResolvedYaml(config);
        // As a run's config.yaml it can be run again.
        Assert.Equal(saved, Config.ResolvedYaml(Config.Parse<PretrainConfig>(saved, "config.yaml")));
    }

    [Fact]
    public void Every_key_of_an_objective_is_read_by_all_or_said_to_be_of_some()
    {
        var keys = ObjectiveKeys
            .OfSome.Select(key => key.Key)
            .Concat(ObjectiveKeys.OfAll)
            .Where(key => key.StartsWith("objective.") && key.Count(c => c == '.') == 1);
        Assert.Equal(
            typeof(ObjectiveOptions).GetProperties().Select(p => $"objective.{KeyName.Of(p.Name)}").Order(),
            keys.Order()
        );
    }

    private double Count(string run, string name) =>
        JsonNode.Parse(File.ReadAllText(tiny.File($"runs/{run}_11081/result.json")))![name]!.GetValue<double>();

    /// <summary>Overrides in one text; a mapping may have spaces in it.</summary>
    private static string[] Split(string overrides)
    {
        var (parts, depth) = (new List<string> { "" }, 0);
        foreach (char c in overrides)
        {
            depth += c == '{' ? 1 : c == '}' ? -1 : 0;
            if (c == ' ' && depth == 0)
                parts.Add("");
            else
                parts[^1] += c;
        }
        return [.. parts];
    }
}
