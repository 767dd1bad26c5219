using Electra.Data;
using Electra.Model;
using Electra.Tensors;
using Electra.Tensors.Kernels;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Tests.Tensors;

/// <summary>The kernels against the same thing said in libtorch's operators, in float32, with the same dropout.</summary>
public sealed class FastOperationsTests
{
    private const double DropProbability = 0.25;

    public FastOperationsTests() => Assert.SkipUnless(Lane.Supported, "needs AVX-512 or AVX2");

    /// <summary>What the kernels of a format compute on.</summary>
    private static Compute On(Precision precision, int threads = 2)
    {
        Assert.SkipUnless(precision == Precision.Float32 || BFloat16Format.Supported, "bfloat16 needs AVX-512");
        return Compute.Reference with { Precision = precision, Threads = threads };
    }

    /// <summary>bfloat16 has 8 bits of precision: one rounding errs by 1/512 at most.</summary>
    private static double Rounding(Precision precision) => precision == Precision.Bfloat16 ? 1.0 / 128 : 2e-6;

    [Theory]
    [InlineData(Precision.Bfloat16)]
    [InlineData(Precision.Float32)]
    public void Gelu_and_its_slope_are_libtorchs(Precision precision)
    {
        var type = On(precision).ActivationType;
        using var x = linspace(-9, 9, 64 * 128).view(64, 128).to(type).requires_grad_(true);
        using var exact = x.detach().to(float32).requires_grad_(true);
        using var weight = randn(64, 128).to(type);
        using var y = FastOperations.Gelu(x, 2);
        (y * weight).sum().backward();
        using var expected = gelu(exact);
        (expected * weight.to(float32)).sum().backward();
        Golden.AssertClose(expected.detach(), y.detach(), Rounding(precision), "gelu");
        Golden.AssertClose(exact.grad!, x.grad!, Rounding(precision), "its gradient");
    }

    [Fact]
    public void The_kernels_exponential_and_gelu_are_exact_to_float32()
    {
        for (double x = -20; x < 20; x += 0.37)
        {
            float single = (float)x;
            Assert.Equal(1, Lane.Exp(System.Runtime.Intrinsics.Vector512.Create(single))[3] / Math.Exp(single), 1e-6);
            Assert.Equal(
                gelu(tensor(x)).item<double>(),
                Lane.Gelu(System.Runtime.Intrinsics.Vector512.Create(single)).Value[5],
                2e-6 * Math.Max(1, Math.Abs(x))
            );
        }
    }

    [Fact]
    public void The_kernels_logarithm_is_exact_to_float32()
    {
        for (double x = 6e-8; x < 40; x *= 1.07)
            Assert.Equal(
                Math.Log((float)x),
                Lane.Log(System.Runtime.Intrinsics.Vector512.Create((float)x))[3],
                3e-7 * Math.Max(1, Math.Abs(Math.Log(x)))
            );
        float nearOne = 1 - (0.5f / (1 << 23));
        Assert.Equal(Math.Log(nearOne), Lane.Log(System.Runtime.Intrinsics.Vector512.Create(nearOne))[0], 1e-14);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0.1, 2)]
    public void Cross_entropy_and_its_gradient_are_libtorchs(double smoothing, int threads)
    {
        manual_seed(1).Dispose();
        using var logits = (randn(7, 1003) * 5).requires_grad_(true);
        using var exact = logits.detach().requires_grad_(true);
        using var targets = tensor(new long[] { 0, 1002, 5, 7, 900, 3, 44 });
        var compute = Compute.Reference with { Threads = threads };
        using var loss = FastOperations.CrossEntropy(logits, targets, smoothing, compute);
        using var expected = cross_entropy(exact, targets, label_smoothing: smoothing);
        (3 * loss).backward();
        (3 * expected).backward();
        Golden.AssertClose(expected, loss, 1e-6, "loss");
        Golden.AssertClose(exact.grad!, logits.grad!, 2e-6, "gradient");
        Assert.Throws<ArgumentOutOfRangeException>(() => FastOperations.CrossEntropy(logits, targets + 1, smoothing, compute));
    }

    /// <summary>Where libtorch computes them, in 16 bits.</summary>
    [Theory]
    [InlineData(1003)]
    [InlineData(1008)]
    public void Products_over_the_vocabulary_have_a_multiple_of_8_rows_which_no_logit_and_no_gradient_shows(long vocabulary)
    {
        using var store = new ParameterStore();
        var words = store.Add("words", [vocabulary, 16], ParameterRole.Embedding, Initialization.Normal);
        var bias = store.Add("bias", [vocabulary], ParameterRole.Other, Initialization.Normal);
        store.Allocate(Compute.Reference with { Precision = Precision.Bfloat16 }, seed: 1);
        manual_seed(1).Dispose();
        using var x = randn(7, 16).to(bfloat16).requires_grad_(true);
        using var weights = randn(7, vocabulary);
        FastOperations.PlainOnly = true;
        try
        {
            var operation = Assert.IsType<RoundedLogitsOperation>(FastOperations.LogitsKernel(x, words, bias, 1));
            var kept = new List<Tensor>();
            operation.Forward([x], kept);
            Assert.Equal([1008, 16], kept[1].shape);

            using var logits = FastOperations.Logits(x, words, bias, 1);
            (logits * weights).sum().backward();
            using Tensor own = x.detach().requires_grad_(true),
                table = words.Leaf.detach().requires_grad_(true),
                shift = bias.Leaf.detach().requires_grad_(true);
            using var expected = linear(own, table.to(bfloat16), shift.to(bfloat16)).to(float32);
            (expected * weights).sum().backward();

            Assert.Equal(expected.data<float>(), logits.data<float>());
            Golden.AssertClose(own.grad!.to(float32), x.grad!.to(float32), 1e-2, "gradient of the activations");
            Golden.AssertClose(table.grad!, words.Gradient, 1e-2, "gradient of the words");
            Golden.AssertClose(shift.grad!, bias.Gradient, 1e-2, "gradient of the bias");
        }
        finally
        {
            FastOperations.PlainOnly = false;
        }
    }

    [Theory]
    [InlineData(Precision.Bfloat16, 1)]
    [InlineData(Precision.Bfloat16, 2)]
    [InlineData(Precision.Float32, 2)]
    public void The_output_layer_is_a_product_with_the_word_embeddings(Precision precision, int threads)
    {
        const int Rows = 9, Width = 64, Tokens = 1235; // three pieces, the last one odd
        using var store = new ParameterStore();
        var (words, bias) = (
            store.Add("words", [Tokens, Width], ParameterRole.Embedding, Initialization.Normal),
            store.Add("bias", [Tokens], ParameterRole.Other, Initialization.Normal)
        );
        var compute = On(precision, threads);
        store.Allocate(compute, seed: 1, standardDeviation: 1);
        using var x = randn(Rows, Width).to(compute.ActivationType).requires_grad_(true);
        using var weight = randn(Rows, Tokens);
        using var logits = FastOperations.Logits(x, words, bias, threads);
        (logits * weight).sum().backward();

        using Tensor exactX = x.detach().to(float32).requires_grad_(true),
            exactWords = words.Master.clone().requires_grad_(true),
            exactBias = bias.Master.clone().requires_grad_(true);
        using var expected = linear(exactX, exactWords, exactBias);
        (expected * weight).sum().backward();
        Golden.AssertClose(expected.detach(), logits.detach(), Rounding(precision), "logits");
        Golden.AssertClose(exactX.grad!, x.grad!, Rounding(precision), "gradient of x");
        Golden.AssertClose(exactWords.grad!, words.Gradient, Rounding(precision), "gradient of the embeddings");
        Golden.AssertClose(exactBias.grad!, bias.Gradient, 1e-6, "gradient of the bias");
    }

    [Theory]
    [InlineData(Precision.Bfloat16, 0, "full", 1)]
    [InlineData(Precision.Bfloat16, DropProbability, "full", 2)]
    [InlineData(Precision.Bfloat16, DropProbability, "padded", 2)]
    [InlineData(Precision.Bfloat16, DropProbability, "packed", 3)]
    [InlineData(Precision.Float32, 0, "full", 1)]
    [InlineData(Precision.Float32, DropProbability, "full", 2)]
    [InlineData(Precision.Float32, DropProbability, "padded", 3)]
    [InlineData(Precision.Float32, DropProbability, "packed", 2)]
    public void A_transformer_layer_is_its_composition_of_libtorchs_operators(
        Precision precision,
        double probability,
        string rows,
        int threads
    )
    {
        const int Batch = 4, Length = 200, Heads = 2, Hidden = 64, Rows = Batch * Length; // more than a block for each thread
        int[][] blocks = rows switch
        {
            "packed" => [[90, 110], [20, 13], [7], [3, 100, 40, 21]],
            "padded" => [[200], [33], [7], [164]],
            _ => [[200], [200], [200], [200]],
        };
        int[] lengths = [.. blocks.Select(row => row.Sum())];
        var batch = new TokenBatch(Batch, Length, new long[Rows], new long[Rows], lengths) { Packed = rows == "packed" ? blocks : null };
        var config = new ElectraConfig
        {
            HiddenSize = Hidden,
            AttentionHeads = Heads,
            IntermediateSize = 96,
            AttentionDropout = probability,
            HiddenDropout = probability,
        };
        var compute = On(precision, threads);
        using var store = new ParameterStore();
        var layer = new TransformerLayer(store, "layer", config);
        store.Allocate(compute, seed: 1, standardDeviation: 0.2);
        manual_seed(2).Dispose();
        using (no_grad())
            store.Values.add_(randn_like(store.Values) * 0.1);
        store.PublishValues();
        using var x = randn(Rows, Hidden).to(compute.ActivationType).requires_grad_(true);
        using var real = cat([.. lengths.Select(n => cat([ones(n), zeros(Length - n)]))]).unsqueeze(1);
        using var weight = (randn(Rows, Hidden) * real).to(compute.ActivationType);
        using var y = layer.Forward(
            x,
            AttentionMask.Of(batch, compute),
            new Dropout(RandomKey.FromSeed(5), compute, Batch)
        );
        (y * weight).sum().backward();

        var dropout = new Dropout(RandomKey.FromSeed(5), compute, Batch);
        var (attentionMask, attendedMask, outputMask) = (
            dropout.NextMask(probability, Heads),
            dropout.NextMask(probability, Length),
            dropout.NextMask(probability, Length)
        );
        // The kernel's rows are as long as a block is, rounded up to what its steps take.
        Tensor WeightsOf(int head)
        {
            var draws = attentionMask[head];
            var kept = zeros(Length, Length);
            int start = 0;
            foreach (int length in blocks[head / Heads])
            {
                using var drawn = BlockOf(ref draws, length, (length + 31) / 32 * 32);
                kept.narrow(0, start, length).narrow(1, start, length).copy_(drawn.narrow(1, 0, length));
                start += length;
            }
            return kept;
        }
        Tensor HiddenOf(int[] row)
        {
            var hidden = full(Length, Length, -1e30f);
            int start = 0;
            foreach (int length in row)
                hidden.narrow(0, start, length).narrow(1, (start += length) - length, length).zero_();
            return hidden;
        }
        using var keptWeights = stack([.. Enumerable.Range(0, Batch * Heads).Select(WeightsOf)]).view(Batch, Heads, Length, Length);
        // What the layer reads rounded is rounded here too.
        var exact = store.Parameters.ToDictionary(
            p => p.Name,
            p => (p.Role == ParameterRole.Weight ? p.Leaf.to(float32) : p.Master).detach().clone().requires_grad_(true)
        );
        Tensor Linear(Tensor input, string name) => linear(input, exact[$"layer.{name}.weight"], exact[$"layer.{name}.bias"]);
        Tensor Norm(Tensor input, string name) =>
            layer_norm(
                input,
                [Hidden],
                exact[$"layer.{name}.LayerNorm.weight"],
                exact[$"layer.{name}.LayerNorm.bias"],
                config.LayerNormEpsilon
            );
        using var exactX = x.detach().to(float32).requires_grad_(true);
        var split = Linear(exactX, "attention.self.query_key_value")
            .view(Batch, Length, 3, Heads, Hidden / Heads)
            .permute(2, 0, 3, 1, 4)
            .unbind(0);
        var scores =
            (split[0].matmul(split[1].transpose(-1, -2)) / Math.Sqrt(Hidden / Heads)) + stack([.. blocks.Select(HiddenOf)]).unsqueeze(1);
        var context = (softmax(scores, -1) * keptWeights).matmul(split[2]).transpose(1, 2).reshape(Rows, Hidden) * real;
        var attended = Norm((Linear(context, "attention.output.dense") * MaskOf(attendedMask, Rows, Hidden)) + exactX, "attention.output");
        var expected = Norm(
            (Linear(gelu(Linear(attended, "intermediate.dense")), "output.dense") * MaskOf(outputMask, Rows, Hidden)) + attended,
            "output"
        );
        (expected * weight.to(float32)).sum().backward();

        void AssertNear(Tensor exact, Tensor rounded, string what)
        {
            double error = (exact - rounded).norm().item<float>() / exact.norm().item<float>();
            Assert.True(error < (precision == Precision.Bfloat16 ? 0.02 : 5e-6), $"{what}: relative error {error:e2}");
        }
        AssertNear(expected.detach(), y.detach(), "result");
        AssertNear(exactX.grad!, x.grad!, "gradient of x");
        foreach (var parameter in store.Parameters)
            AssertNear(exact[parameter.Name].grad!, parameter.Gradient, $"gradient of {parameter.Name}");
    }

    /// <summary>A model that does not learn multiplies with weights that are laid out for it once, until they change.</summary>
    [Theory]
    [InlineData(1, 1, 1, Precision.Float32)]
    [InlineData(1, 5, 4, Precision.Float32)]
    [InlineData(1, 25, 2, Precision.Float32)]
    [InlineData(1, 1, 3, Precision.Float32)]
    [InlineData(3, 7, 2, Precision.Float32)]
    [InlineData(2, 300, 2, Precision.Float32)]
    [InlineData(1, 1, 3, Precision.Bfloat16)]
    [InlineData(1, 25, 2, Precision.Bfloat16)]
    [InlineData(3, 7, 2, Precision.Bfloat16)]
    [InlineData(2, 300, 2, Precision.Bfloat16)]
    public void A_layer_that_only_predicts_is_its_composition_of_libtorchs_operators(
        int batch,
        int length,
        int threads,
        Precision precision
    )
    {
        var config = new ElectraConfig { HiddenSize = 64, AttentionHeads = 2, IntermediateSize = 96 };
        var compute = On(precision, threads);
        using var store = new ParameterStore();
        var layer = new TransformerLayer(store, "layer", config);
        store.Allocate(compute, seed: 1, standardDeviation: 0.2, trainable: false);
        using var _ = no_grad();
        using var x = randn(batch * length, 64).to(compute.ActivationType);
        AssertPlain();
        store.Values.mul_(0.5f).add_(0.01f);
        store.PublishValues();
        AssertPlain();
        var weight = store.Parameters.Single(p => p.Name == "layer.output.dense.weight");
        Assert.Equal(PackedMatrix.Takes(compute.ActivationType), weight.Panels != 0);

        void AssertPlain()
        {
            using Tensor y = Forward(plain: false), expected = Forward(plain: true);
            Golden.AssertClose(expected.to(float32), y.to(float32), precision == Precision.Float32 ? 1e-5 : 0.02, "result");
        }

        Tensor Forward(bool plain)
        {
            FastOperations.PlainOnly = plain;
            try
            {
                var mask = AttentionMask.FromLengths([.. Enumerable.Repeat(length, batch)], length, compute);
                return layer.Forward(x, mask, Dropout.None);
            }
            finally
            {
                FastOperations.PlainOnly = false;
            }
        }
    }

    [Fact]
    public void The_gradient_of_an_embedding_goes_to_the_rows_that_were_read_but_padding()
    {
        using var store = new ParameterStore();
        var table = store.Add("words", [9, 20], ParameterRole.Embedding, Initialization.Normal);
        store.Allocate(Compute.Reference, seed: 1);
        using var ids = tensor(new long[] { 3, 0, 8, 3, 0, 1 }).view(2, 3);
        using var weight = randn(2, 3, 20);
        (FastOperations.Embedding(table, ids, paddingIndex: 0) * weight).sum().backward();

        using var exact = table.Master.detach().clone().requires_grad_(true);
        (TensorFunctions.Embedding(exact, ids, 0) * weight).sum().backward();
        Assert.Equal(0, (exact.grad! - table.Gradient).abs().max().item<float>(), 1e-6);
        Assert.Equal(0, table.Gradient[0].abs().sum().item<float>());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16 * 5 + 3)]
    [InlineData((1 << 17) + 77)]
    public void The_norm_is_libtorchs_whatever_the_number_of_threads(int count)
    {
        using var x = randn(count);
        float norm = FastOperations.Norm(x, 1).item<float>();
        Assert.Equal(1, norm / linalg.vector_norm(x.to(float64)).item<double>(), 1e-6);
        Assert.Equal(norm, FastOperations.Norm(x, 3).item<float>());
    }

    [Fact]
    public void Dropout_of_the_kernels_drops_what_it_should()
    {
        using var mask = MaskOf(new Dropout(RandomKey.FromSeed(5), On(Precision.Float32), 8).NextMask(0.1, 250), 2000, 64);
        Assert.Equal(0.1, mask.eq(0).to(float32).mean().item<float>(), 0.004);
        Assert.Equal(1.0, mask.mean().item<float>(), 0.005);
    }

    [Theory]
    [InlineData(Precision.Bfloat16, 1)]
    [InlineData(Precision.Bfloat16, 2)]
    [InlineData(Precision.Float32, 2)]
    public void A_pairs_loss_and_gradients_are_those_of_the_plain_operators(Precision precision, int threads)
    {
        var config = new ElectraConfig
        {
            VocabularySize = 500,
            HiddenSize = 128,
            Layers = 2,
            AttentionHeads = 4,
            IntermediateSize = 256,
            GeneratorDivisor = 2,
        };
        var (exactLoss, exact) = Gradients(config, Compute.Reference, plain: true);
        var (_, plain) = Gradients(config, On(precision, threads), plain: true);
        var (loss, fast) = Gradients(config, On(precision, threads), plain: false);
        var (_, again) = Gradients(config, On(precision, threads), plain: false);
        bool rounds = precision == Precision.Bfloat16;
        Assert.Equal(exactLoss, loss, (rounds ? 0.005 : 1e-6) * exactLoss);
        // The gradient of a key's bias is zero but for rounding: small ones are measured against the others.
        double smallest = 0.003 * exact.Values.Max(gradient => gradient.norm().item<float>());
        foreach (var (name, gradient) in exact)
        {
            double scale = Math.Max(gradient.norm().item<float>(), smallest),
                error = (fast[name] - gradient).norm().item<float>() / scale;
            Assert.True(
                error < Math.Max(rounds ? 0.02 : 1e-5, 1.5 * (plain[name] - gradient).norm().item<float>() / scale),
                $"{name}: relative error {error:e2}"
            );
            Assert.Equal(0, (fast[name] - again[name]).abs().sum().item<float>());
        }
    }

    /// <summary>Against the original's own numbers, which are float32: what bfloat16 costs, kernels or not.</summary>
    [Fact]
    public void Golden_losses_and_gradients_hold_to_the_precision_of_bfloat16()
    {
        var io = Golden.Tensors("a_tiny_io");
        using var pair = TinyPair.Load(On(Precision.Bfloat16));
        var attention = AttentionMask.FromLengths([20, 13, 17, 6], 20, pair.Store.Compute);
        var (types, ids) = (io["token_type_ids"], io["input_ids"].view(80));
        Tensor positions = io["is_mlm_applied"].view(80).nonzero().view(-1), real = io["attention_mask"].view(80).nonzero().view(-1);
        var generatorLogits = pair.Generate(io["masked_input_ids"], types, attention, positions, Dropout.None);
        var discriminatorLogits = pair.Discriminate(io["generated"], types, attention, Dropout.None);
        var generatorLoss = cross_entropy(generatorLogits, ids.index_select(0, positions));
        var discriminatorLoss = binary_cross_entropy_with_logits(
            discriminatorLogits.index_select(0, real),
            io["is_replaced"].view(80).index_select(0, real).to(float32)
        );
        (generatorLoss + (50 * discriminatorLoss)).backward();
        pair.Store.CollectGradients();

        Golden.AssertClose(io["gen_loss"], generatorLoss, 0.005, "generator loss");
        Golden.AssertClose(io["disc_loss"], discriminatorLoss, 0.005, "discriminator loss");
        Golden.AssertClose(
            io["discriminator_logits"].view(80).index_select(0, real),
            discriminatorLogits.index_select(0, real),
            0.02,
            "discriminator logits"
        );
        var golden = Golden.Tensors("a_tiny_grads");
        double smallest = 0.01 * golden.Values.Max(gradient => gradient.norm().item<float>());
        foreach (var (name, gradient) in pair.Store.NamedGradients())
        {
            double error = (gradient - golden[name]).norm().item<float>() / Math.Max(golden[name].norm().item<float>(), smallest);
            Assert.True(error < 0.03, $"{name}: relative error {error:e2}");
        }
    }

    private static (double Loss, Dictionary<string, Tensor> Gradients) Gradients(ElectraConfig config, Compute compute, bool plain)
    {
        FastOperations.PlainOnly = plain;
        try
        {
            using var pair = ElectraPair.Create(config, seed: 4, compute);
            using (no_grad())
                pair.Store.Values.add_(randn(pair.Store.Values.shape, generator: new Generator(3)) * 0.05);
            pair.Store.PublishValues();
            var numbers = new RandomKey(6).Numbers();
            int[] lengths = [24, 17, 9];
            using var ids = tensor([.. Enumerable.Range(0, 72).Select(_ => (long)numbers.Next(500))], [3, 24], dtype: int64);
            using var real = tensor([.. Enumerable.Range(0, 72).Where(i => i % 24 < lengths[i / 24]).Select(i => (long)i)], dtype: int64);
            var attention = AttentionMask.FromLengths(lengths, 24, compute);
            var positions = tensor(new long[] { 1, 5, 26, 50 });
            var generatorLogits = pair.Generate(ids, zeros_like(ids), attention, positions, Dropout.None);
            var discriminatorLogits = pair.Discriminate(ids, zeros_like(ids), attention, Dropout.None).index_select(0, real);
            var loss =
                cross_entropy(generatorLogits, tensor(new long[] { 9, 8, 7, 6 }))
                + (50 * binary_cross_entropy_with_logits(discriminatorLogits, ones_like(discriminatorLogits)));
            loss.backward();
            pair.Store.CollectGradients();
            return (loss.item<float>(), pair.Store.NamedGradients().ToDictionary(g => g.Name, g => g.Gradient.clone()));
        }
        finally
        {
            FastOperations.PlainOnly = false;
        }
    }

    private static Tensor MaskOf(KeepMask mask, int rows, int width) =>
        cat([.. Enumerable.Range(0, rows).Select(row => BlockOf(mask, row, 1, width))]);

    private static Tensor BlockOf(KeepMask mask, int part, int rows, int width)
    {
        var draws = mask[part];
        return BlockOf(ref draws, rows, width);
    }

    private static Tensor BlockOf(ref KeepMask.Draws draws, int rows, int width)
    {
        var values = new float[rows * width];
        for (int i = 0; i < values.Length; i += 32)
        {
            var (low, high) = draws.Next();
            for (int lane = 0; lane < 16; lane++)
                (values[i + lane], values[i + 16 + lane]) = (low[lane], high[lane]);
        }
        return tensor(values).view(rows, width);
    }
}
