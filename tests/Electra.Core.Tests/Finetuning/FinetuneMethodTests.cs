using Electra.Configuration;
using Electra.Data;
using Electra.Data.Tasks;
using Electra.Finetuning;
using Electra.Model;
using Electra.Optimization;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Tests.Finetuning;

/// <summary>The classifier and its training against the original's <c>SentencePredictor</c>, in float32 without dropout.</summary>
public class FinetuneMethodTests
{
    private const string OriginalEncoder = "base_model.";

    [Theory]
    [InlineData("classification2", 2)]
    [InlineData("classification3", 3)]
    [InlineData("regression", 0)]
    public void Logits_loss_and_every_gradient_equal_the_original(string head, int classes)
    {
        var golden = Golden.Tensors("e_finetune");
        using var model = Classifier(
            TinyPair.Config,
            Math.Max(1, classes),
            name =>
                name.StartsWith("classifier", StringComparison.Ordinal)
                    ? golden[$"{head}/{name}"]
                    : Golden.Tensors("a_tiny_discriminator")[name]
        );
        var batch = Batch(golden, "", golden[$"{head}/labels"]);

        var logits = FinetuneMethod.Logits(model, batch.Tokens, Dropout.None);
        Golden.AssertClose(golden[$"{head}/logits"], classes == 0 ? logits.squeeze(-1) : logits, 1e-5, "logits");

        var loss = FinetuneMethod.From(new()).Forward(model, Task(classes), batch, Dropout.None);
        Golden.AssertClose(golden[$"{head}/loss"], loss, 1e-5, "loss");
        loss.backward();
        model.Store.CollectGradients();
        var gradients = model.Store.NamedGradients().ToDictionary(g => OriginalName(g.Name), g => g.Gradient);
        var expected = golden
            .Where(entry => entry.Key.StartsWith($"{head}/grad/", StringComparison.Ordinal))
            .ToDictionary(entry => entry.Key[$"{head}/grad/".Length..], entry => entry.Value);
        Assert.Equal(expected.Keys.Order(), gradients.Keys.Order());
        double largest = expected.Values.Max(g => g.abs().max().item<float>());
        foreach (var (name, gradient) in expected)
            Assert.True((gradient - gradients[name]).abs().max().item<float>() <= 1e-5 * largest, name);
    }

    [Fact]
    public void A_head_on_tokens_has_Hugging_Faces_logits_loss_and_gradients()
    {
        var golden = Golden.Tensors("t_head");
        using var model = Classifier(
            TinyPair.Config,
            7,
            name => name.StartsWith("classifier", StringComparison.Ordinal) ? golden[name] : Golden.Tensors("a_tiny_discriminator")[name]
        );
        golden["token_type_ids"] = zeros_like(golden["input_ids"]);
        var labels = golden["labels"].flatten();
        long[] positions = labels.ne(-100).nonzero().flatten().data<long>().ToArray();
        var batch = Batch(golden, "", labels[tensor(positions)]) with { Positions = positions };
        var task = OwnTask.Define("made", new OwnTaskOptions
        {
            Kind = OwnTaskKind.Tokens,
            Scheme = Electra.Data.Tagging.TagScheme.None,
            Labels = [.. Enumerable.Range(0, 7).Select(n => $"{n}")],
        });
        Golden.AssertClose(
            golden["logits"].flatten(0, 1)[tensor(positions)],
            FinetuneMethod.Logits(model, batch.Tokens, Dropout.None, positions),
            1e-5,
            "logits"
        );
        var loss = FinetuneMethod.From(new()).Forward(model, task, batch, Dropout.None);
        Golden.AssertClose(golden["loss"], loss, 1e-5, "loss");
        loss.backward();
        model.Store.CollectGradients();
        double largest = golden
            .Where(one => one.Key.StartsWith("grad/", StringComparison.Ordinal))
            .Max(one => one.Value.abs().max().item<float>());
        foreach (var (name, gradient) in model.Store.NamedGradients())
            Assert.True((golden[$"grad/{name}"] - gradient).abs().max().item<float>() <= 1e-5 * largest, name);
    }

    [Theory]
    [InlineData("b_finetune_bug")]
    [InlineData("b_finetune_separate")]
    public void Three_epochs_with_layerwise_rates_equal_the_original(string fixture)
    {
        var (golden, settings) = (Golden.Tensors(fixture), Golden.Json(fixture));
        var options = new FinetuneOptions
        {
            LearningRate = settings.GetProperty("lr").GetDouble(),
            LayerDecay = settings.GetProperty("decay").GetDouble(),
            OriginalLayerDecay = settings.GetProperty("original_lr_layer_decays").GetBoolean(),
            Schedule =
                settings.GetProperty("schedule").GetString() == "original_linear"
                    ? ScheduleKind.OriginalLinear
                    : ScheduleKind.SeparateLinear,
        };
        int epochs = settings.GetProperty("n_epoch").GetInt32(),
            batches = settings.GetProperty("batches_per_epoch").GetInt32();
        var shape = new ElectraConfig
        {
            VocabularySize = 60,
            EmbeddingSize = 8,
            HiddenSize = 12,
            Layers = 2,
            AttentionHeads = 3,
            IntermediateSize = 16,
            MaxPositions = 16,
            GeneratorDivisor = 1,
        };
        using var model = Classifier(shape, 2, name => golden["init/" + OriginalName(name)]);
        var method = FinetuneMethod.From(options);
        using var optimizer = new Adam(model.Store, new AdamOptions { WeightDecay = 0 }, parameter => method.Rate(model, parameter));
        var schedule = method.Schedule(epochs * batches);

        for (int step = 0; step < epochs * batches; step++)
        {
            model.Store.ZeroGradients();
            var loss = method.Forward(
                model,
                Task(2),
                Batch(golden, $"batch{step % batches}/", golden[$"batch{step % batches}/label"]),
                Dropout.None
            );
            Assert.Equal(settings.GetProperty("loss")[step].GetDouble(), loss.item<float>(), 2e-5);
            loss.backward();
            model.Store.CollectGradients();
            using var norm = optimizer.Step(step, schedule(step));
            Assert.Equal(golden["raw_grad_norm"][step].item<double>(), norm.item<float>(), 1e-4);
            var after = step switch { 0 => "after_first_step", 1 => "after_second_step", 20 => "after_last_step", _ => null };
            if (after is null)
                continue;
            foreach (var (name, value) in model.Store.Named())
                Golden.AssertClose(golden[$"{after}/{OriginalName(name)}"], value, 2e-5, $"{name} {after}");
        }

        // The rates themselves, group by group.
        var scales = LayerwiseRates.Scales(2, options.LayerDecay, options.OriginalLayerDecay);
        foreach (var (step, rates) in settings.GetProperty("lr_per_step_per_group").EnumerateArray().Index())
            foreach (var (group, rate) in rates.EnumerateArray().Index())
                Assert.Equal(rate.GetDouble(), schedule(step).LearningRate * scales[group], 1e-12);
    }

    /// <summary>Google's form <c>one_hot</c>, which its TPUs run; the norm of the other counts each occurrence of a word.</summary>
    [Fact]
    public void Five_updates_of_recipe_google_are_those_of_Googles_code()
    {
        var (golden, settings) = (Golden.Tensors("google_finetune_tiny"), Golden.Json("google_finetune_tiny"));
        var recipe = Config.Parse<FinetuneConfig>("recipe: google\ncheckpoint: any", "test");
        var (encoder, head) = (Golden.Tensors("a_tiny_discriminator"), Golden.Tensors("e_finetune"));
        using var model = Classifier(
            TinyPair.Config with
            {
                HiddenDropout = 0,
                AttentionDropout = 0,
            },
            2,
            name => name.StartsWith("classifier", StringComparison.Ordinal) ? head[$"classification2/{name}"] : encoder[name]
        );
        var method = FinetuneMethod.From(recipe.Training with { LearningRate = settings.GetProperty("learning_rate").GetDouble() });
        var schedule = method.Schedule(settings.GetProperty("num_train_steps").GetInt64());
        using var adam = new Adam(model.Store, recipe.Optimizer, parameter => method.Rate(model, parameter));
        using var step = new TrainingStep(model.Store, adam, losses: 1);
        var scales = LayerwiseRates.Scales(3, recipe.Training.LayerDecay, recipe.Training.OriginalLayerDecay);
        for (int k = 0; k < 5; k++)
        {
            var expected = settings.GetProperty("one_hot");
            var rates = expected.GetProperty("lr")[k];
            Assert.Equal(rates.GetProperty("/embeddings/").GetDouble(), schedule(k).LearningRate * scales[0], 1e-9);
            Assert.Equal(rates.GetProperty("encoder/layer_1/").GetDouble(), schedule(k).LearningRate * scales[2], 1e-9);
            Assert.Equal(rates.GetProperty("task_specific/").GetDouble(), schedule(k).LearningRate * scales[^1], 1e-9);

            golden[$"step{k:D2}/token_type_ids"] = zeros_like(golden[$"step{k:D2}/input_ids"]);
            var batch = Batch(golden, $"step{k:D2}/", golden[$"step{k:D2}/labels"]);
            var logits = FinetuneMethod.Logits(model, batch.Tokens, Dropout.None);
            Golden.AssertClose(golden[$"one_hot/step{k:D2}/logits"], logits, 1e-5, $"logits before update {k}");
            step.Run(k, method.Passes(model, Task(2), (_, _) => batch, [0, 1, 2, 3, 4, 5], 0, RandomKey.FromSeed(k)), schedule(k));

            var update = Assert.Single(step.Read());
            Assert.Equal(expected.GetProperty("loss_sum")[k].GetDouble(), update.Losses[0], 2e-5);
            Assert.Equal(expected.GetProperty("norm_used_for_clipping")[k].GetDouble(), update.GradientNorm, 1e-3);
            foreach (var (name, value) in model.Store.Named())
                if (golden.TryGetValue($"one_hot/step{k:D2}/param_after/{name}", out var after))
                    Assert.True((after - value).abs().max().item<float>() <= 1e-5, $"{name} after update {k}");
        }
    }

    /// <summary>The later windows of a word that is longer than a window.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_batch_without_a_label_has_a_loss_of_zero(int microBatchSize)
    {
        using var model = ElectraClassifier.Create(TinyPair.Config, 3, 0.1, seed: 0, Compute.Reference);
        var task = Task(3) with { Kind = WordTags.Kind, Labels = ["B-x", "I-x", "O"] };
        var passes = FinetuneMethod.From(new FinetuneOptions()).Passes(model, task, Windows, [0, 1], microBatchSize, RandomKey.FromSeed(0));
        Assert.All(passes, pass => Assert.Equal(0, pass()[0].item<float>()));

        static TaskBatch Windows(int[] rows, long firstRow) =>
            new(TokenBatch.Of([.. rows.Select(_ => 3)], 3, 0, 0, (int _, Span<int> _, out int lengthA) => lengthA = 3), [], [])
            {
                Positions = [],
            };
    }

    [Theory]
    [InlineData("small")]
    [InlineData("base")]
    [InlineData("large")]
    public void Each_layer_has_the_rate_of_the_original_with_and_without_its_bug(string size)
    {
        var golden = Golden.Json("c_layer_lrs").GetProperty(size);
        double rate = golden.GetProperty("lr").GetDouble(), decay = golden.GetProperty("decay").GetDouble();
        int layers = golden.GetProperty("num_hidden_layers").GetInt32();
        foreach (var (name, asOriginal) in new[] { ("with_official_bug", true), ("without_bug", false) })
            Assert.All(golden.GetProperty(name).EnumerateArray().Zip(LayerwiseRates.Scales(layers, decay, asOriginal)),
                pair => Assert.Equal(pair.First.GetDouble(), rate * pair.Second, rate * 1e-12));
    }

    [Fact]
    public void Ranges_cover_every_parameter_once_with_the_rate_of_its_layer()
    {
        using var model = ElectraClassifier.Create(TinyPair.Config, 3, 0.1, seed: 0, Compute.Reference);
        var rate = LayerwiseRates.Of(0.5, asOriginal: false);
        var ranges = model.Store.Ranges(parameter => rate(model, parameter));
        Assert.Equal(model.Store.Values.numel(), ranges.Sum(range => range.Length));
        Assert.Equal(ranges.Skip(1).Select(range => range.Start), ranges.SkipLast(1).Select(range => range.Start + range.Length));
        foreach (
            var (name, scale) in new[]
            {
                ("electra.embeddings_project.weight", 1 / 16.0),
                ("electra.encoder.layer.0.output.dense.bias", 1 / 8.0),
                ("electra.encoder.layer.2.attention.output.LayerNorm.weight", 0.5),
                ("classifier.weight", 1),
            }
        )
        {
            long offset = model.Store.Parameters.Single(p => p.Name == name).Offset;
            Assert.Equal(scale, ranges.Single(range => range.Start <= offset && offset < range.Start + range.Length).RateScale);
        }
    }

    [Fact]
    public void The_warmup_of_fewer_than_ten_updates_is_none()
    {
        var schedule = FinetuneMethod.From(new() { LearningRate = 1 }).Schedule(9);
        Assert.Equal(1, schedule(0).LearningRate);
        Assert.Equal(1 / 9.0, schedule(8).LearningRate, 1e-12);
    }

    private static ElectraClassifier Classifier(ElectraConfig shape, int outputs, Func<string, Tensor> weight)
    {
        var model = ElectraClassifier.Create(shape, outputs, 0, seed: 0, Compute.Reference);
        foreach (var (name, value) in model.Store.Named())
            value.copy_(weight(name));
        model.Store.PublishValues();
        return model;
    }

    private static TaskBatch Batch(Dictionary<string, Tensor> golden, string prefix, Tensor labels)
    {
        var ids = golden[$"{prefix}input_ids"];
        var lengths = golden[$"{prefix}attention_mask"].sum(1).data<long>().Select(n => (int)n).ToArray();
        var tokens = new TokenBatch(
            (int)ids.shape[0],
            (int)ids.shape[1],
            ids.data<long>().ToArray(),
            golden[$"{prefix}token_type_ids"].data<long>().ToArray(),
            lengths
        );
        return new TaskBatch(tokens, labels.to(float32).data<float>().ToArray(), [.. Enumerable.Range(0, tokens.Size)]);
    }

    private static TaskDefinition Task(int classes) => new()
    {
        Name = "made",
        DisplayName = "Made",
        TextColumns = ["text"],
        Labels = [.. Enumerable.Range(0, classes).Select(n => $"{n}")],
        Metrics = [Metrics.Accuracy],
        ReportedMetric = Metrics.Accuracy,
    };

    /// <summary>The original calls the encoder <c>base_model</c>, and the rest as Hugging Face's library.</summary>
    private static string OriginalName(string name) =>
        name.StartsWith("electra.", StringComparison.Ordinal) ? OriginalEncoder + name["electra.".Length..] : name;
}
