using System.Globalization;
using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Data.Tasks;
using Electra.Export;
using Electra.Model;
using Electra.Tensors;
using Electra.Tokenization;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Electra.Tests.Export;

/// <summary>ONNX files, run by ONNX Runtime: they give the model's own logits.</summary>
public sealed class OnnxModelTests : IDisposable
{
    private static readonly ElectraTokenizer Words = TinyPair.Tokenizer();

    private readonly TemporaryFolder folder = TestData.Temporary();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void A_discriminator_gives_the_golden_logits()
    {
        using var pair = TinyPair.Load();
        using var session = Export(pair, ModelPart.Discriminator);
        var io = Golden.Tensors("a_tiny_io");
        var logits = Run(session, io["generated"], io["attention_mask"].to(int64), io["token_type_ids"]);
        Assert.Equal(io["discriminator_logits"].shape, logits.shape);
        AssertClose(io["discriminator_logits"], logits);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 64)]
    [InlineData(7, 33)]
    public void Batch_size_and_length_are_the_callers_choice(int batch, int length)
    {
        // Base and large have embeddings as wide as their hidden states: no projection.
        using var pair = ElectraPair.Create(TinyPair.Config with { EmbeddingSize = 32 }, seed: 3, Compute.Reference);
        using var session = Export(pair, ModelPart.Discriminator);
        var (ids, types, lengths, mask) = Rows(batch, length);
        var expected = pair.Discriminate(ids, types, AttentionMask.FromLengths(lengths, length, Compute.Reference), Dropout.None)
            .view(batch, length);
        AssertClose(expected * mask, Run(session, ids, mask, types) * mask);
    }

    [Fact]
    public void A_generator_gives_the_golden_logits()
    {
        using var pair = TinyPair.Load();
        using var session = Export(pair, ModelPart.Generator);
        var io = Golden.Tensors("a_tiny_io");
        AssertClose(
            io["generator_logits_full"],
            Run(session, io["masked_input_ids"], io["attention_mask"].to(int64), io["token_type_ids"])
        );
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_classifier_gives_its_own_logits_and_names_its_labels(int outputs)
    {
        using var classifier = ElectraClassifier.Create(TinyPair.Config, outputs, headDropout: 0.1, seed: 9, Compute.Reference);
        var labels = Enumerable.Range(0, outputs).ToDictionary(i => i, i => $"label{i}");
        HuggingFaceFolder.WriteFiles(
            folder.File("classifier"),
            HuggingFaceConfig.Of(classifier.Config, nameof(ElectraClassifier), 0) with
            {
                Id2label = labels,
            },
            classifier.Store.Named(),
            Words
        );
        using var session = Export(folder.File("classifier"));
        var (ids, types, lengths, mask) = Rows(5, 20);
        var expected = classifier.Classify(ids, types, AttentionMask.FromLengths(lengths, 20, Compute.Reference), Dropout.None);
        AssertClose(expected, Run(session, ids, mask, types));
        Assert.Equal(outputs, session.OutputMetadata["logits"].Dimensions[1]);
        Assert.Contains("\"label0\"", session.ModelMetadata.CustomMetadataMap["labels"]);
    }

    [Fact]
    public void Several_labels_of_a_folder_of_Pythons_have_its_probabilities_from_the_text_on()
    {
        var source = TestData.Fixture("golden/r_tiny_multilabel");
        using var session = Export(source);
        using var model = PretrainedModel.Open(source);
        var golden = Golden.Json("r_tiny_multilabel");
        var task = OwnTask.Define("moods", new OwnTaskOptions
        {
            Kind = OwnTaskKind.MultiLabel,
            Text = ["text"],
            Labels = [.. golden.GetProperty("labels").EnumerateArray().Select(label => label.GetString()!)],
        });
        foreach (var row in golden.GetProperty("rows").EnumerateArray())
        {
            var rows = new TaskRow([row.GetProperty("text").GetString()!], []);
            var tokens = EncodedRows.Of(task, [rows], model.Tokenizer, new EncodingOptions(), new()).Batch([0]).Tokens;
            var ids = tensor(tokens.Ids).view(1, -1);
            float[] logits = Run(session, ids, ones_like(ids), zeros_like(ids)).data<float>().ToArray();
            double[] expected = [.. row.GetProperty("probabilities").EnumerateArray().Select(p => p.GetDouble())];
            Assert.All(expected.Zip(logits), pair => Assert.Equal(pair.First, 1 / (1 + Math.Exp(-pair.Second)), 1e-5));
            Assert.Equal(
                row.GetProperty("predicted").EnumerateArray().Select(label => label.GetString()),
                task.Kind.Text(task, logits).Split('|', StringSplitOptions.RemoveEmptyEntries)
            );
        }
    }

    [Theory]
    [InlineData("ElectraModel", false)]
    [InlineData("ElectraForPreTraining", true)]
    public void Without_a_head_there_are_hidden_states_and_their_mean(string architecture, bool features)
    {
        using var pair = TinyPair.Load();
        HuggingFaceFolder.WriteFiles(
            folder.File("encoder"),
            HuggingFaceConfig.Of(pair.Config, architecture, 0),
            pair.DiscriminatorWeights().Where(weight => features || weight.Name.StartsWith("electra.", StringComparison.Ordinal)),
            Words
        );
        using var session = Export(folder.File("encoder"), features: features);
        Assert.Equal(["last_hidden_state", "sentence_embedding"], session.OutputNames);
        var (ids, types, lengths, mask) = Rows(4, 24);
        Tensor hidden = null!;
        using (no_grad())
            pair.Discriminate(
                ids,
                types,
                AttentionMask.FromLengths(lengths, 24, Compute.Reference),
                Dropout.None,
                state => hidden = state
            );
        var real = mask.unsqueeze(2).to(float32);
        hidden = hidden.view(4, 24, -1);
        AssertClose(hidden * real, Run(session, ids, mask, types, "last_hidden_state") * real);
        AssertClose((hidden * real).sum(1) / real.sum(1), Run(session, ids, mask, types, "sentence_embedding"));
    }

    [Theory]
    [InlineData(ModelPart.Discriminator, false)]
    [InlineData(ModelPart.Generator, false)]
    [InlineData(ModelPart.Discriminator, true)]
    public void Smaller_forms_are_smaller_and_say_nearly_the_same(ModelPart part, bool features)
    {
        using var pair = ElectraPair.Create(
            TinyPair.Config with { HiddenSize = 64, IntermediateSize = 256, InitializerRange = 0.05, GeneratorDivisor = 1 },
            seed: 3,
            Compute.Reference
        );
        HuggingFaceFolder.SavePair(folder.File("pair"), pair, Words);
        using var model = PretrainedModel.Open(folder.File("pair"), part);
        using var comparison = new OnnxComparison(model, features);
        long Size(OnnxForm form) => new FileInfo(folder.File($"{form}.onnx")).Length;
        foreach (var (form, most) in new[] { (OnnxForm.Float32, 2e-5), (OnnxForm.Float16, 0.01), (OnnxForm.Int8, 0.2) })
        {
            OnnxModel.Save(folder.File($"{form}.onnx"), model, form, features);
            var row = comparison.Of(folder.File($"{form}.onnx"), default);
            Assert.InRange(double.Parse(row[0], CultureInfo.InvariantCulture), 0, most);
            Assert.InRange(double.Parse(row[1], CultureInfo.InvariantCulture), form == OnnxForm.Int8 ? 0.9 : 0.99, 1);
        }
        Assert.InRange(Size(OnnxForm.Float16), 0, 0.6 * Size(OnnxForm.Float32));
        Assert.InRange(Size(OnnxForm.Int8), 0, 0.5 * Size(OnnxForm.Float32));
    }

    /// <summary>Products of quantized values are joined into one operation, as by ONNX Runtime's own quantization.</summary>
    [Fact]
    public void A_quantized_product_is_one_operation_in_ONNX_Runtime()
    {
        using var pair = TinyPair.Load();
        HuggingFaceFolder.SavePair(folder.File("pair"), pair, Words);
        using var model = PretrainedModel.Open(folder.File("pair"));
        OnnxModel.Save(folder.File("int8.onnx"), model, OnnxForm.Int8);
        var optimized = Kinds(Optimized(folder.File("int8.onnx")));
        Assert.False(optimized.ContainsKey("MatMulInteger"), string.Join(", ", optimized));
        Assert.Equal(
            (6 * TinyPair.Config.Layers) + 2,
            optimized.GetValueOrDefault("MatMulIntegerToFloat") + optimized.GetValueOrDefault("DynamicQuantizeMatMul")
        );
    }

    /// <summary>As lean as when it was measured against PyTorch's own export, before ONNX Runtime joins what it can and after.</summary>
    [Fact]
    public void A_layer_is_so_many_operations_of_these_kinds()
    {
        var (two, three) = (Operations(layers: 2), Operations(layers: 3));
        Same(
            "Add 10, Div 1, Erf 1, LayerNormalization 2, MatMul 8, Mul 3, Reshape 4, Softmax 1, Transpose 4",
            Difference(three.Written, two.Written)
        );
        Same(
            "Add 8, BiasGelu 1, FusedMatMul 1, LayerNormalization 2, MatMul 7, Reshape 4, Softmax 1, Transpose 4",
            Difference(three.Optimized, two.Optimized)
        );
        Assert.Equal(93, two.Written.Values.Sum()); // 34 a layer and 25 besides: 433 of ELECTRA-Small

        static void Same(string expected, string found) => Assert.True(expected == found, $"found {found}");
        static string Difference(Dictionary<string, int> more, Dictionary<string, int> less) =>
            string.Join(
                ", ",
                more.Select(kind => (kind.Key, Count: kind.Value - less.GetValueOrDefault(kind.Key)))
                    .Where(kind => kind.Count != 0)
                    .OrderBy(kind => kind.Key, StringComparer.Ordinal)
                    .Select(kind => $"{kind.Key} {kind.Count}")
            );
    }

    /// <summary>The operations of a discriminator's file by kind, and of what ONNX Runtime makes of it.</summary>
    private (Dictionary<string, int> Written, Dictionary<string, int> Optimized) Operations(int layers)
    {
        using var pair = ElectraPair.Create(TinyPair.Config with { Layers = layers }, seed: 3, Compute.Reference);
        Export(pair, ModelPart.Discriminator).Dispose();
        return (Kinds(folder.File("model.onnx")), Kinds(Optimized(folder.File("model.onnx"))));
    }

    /// <summary>What ONNX Runtime makes of a file.</summary>
    private static string Optimized(string file)
    {
        var optimized = file + ".optimized";
        using var options = new SessionOptions { OptimizedModelFilePath = optimized };
        options.GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_EXTENDED;
        using var session = new InferenceSession(file, options);
        return optimized;
    }

    private static Dictionary<string, int> Kinds(string file) =>
        Onnx.ModelProto.Parser.ParseFrom(File.ReadAllBytes(file))
            .Graph.Node.GroupBy(node => node.OpType)
            .ToDictionary(kind => kind.Key, kind => kind.Count());

    private InferenceSession Export(ElectraPair pair, ModelPart part)
    {
        HuggingFaceFolder.SavePair(folder.File("pair"), pair, Words);
        return Export(folder.File("pair"), part);
    }

    private InferenceSession Export(string source, ModelPart part = ModelPart.Discriminator, bool features = false)
    {
        using var model = PretrainedModel.Open(source, part);
        OnnxModel.Save(folder.File("model.onnx"), model, features: features);
        return new InferenceSession(folder.File("model.onnx"));
    }

    internal static Tensor Run(InferenceSession session, Tensor ids, Tensor mask, Tensor types, string output = "logits")
    {
        Assert.Equal(["input_ids", "attention_mask", "token_type_ids"], session.InputNames);
        using var results = session.Run([Value("input_ids", ids), Value("attention_mask", mask), Value("token_type_ids", types)], [output]);
        var logits = Assert.IsType<DenseTensor<float>>(Assert.Single(results).Value);
        return tensor(logits.ToArray()).view([.. logits.Dimensions.ToArray().Select(n => (long)n)]);

        static NamedOnnxValue Value(string name, Tensor tensor) =>
            NamedOnnxValue.CreateFromTensor(
                name,
                new DenseTensor<long>(tensor.contiguous().data<long>().ToArray(), [.. tensor.shape.Select(n => (int)n)])
            );
    }

    /// <summary>Rows of random ids of different lengths; the last is the longest.</summary>
    private static (Tensor Ids, Tensor Types, int[] Lengths, Tensor Mask) Rows(int batch, int length)
    {
        var random = new Random(batch);
        int[] lengths = [.. Enumerable.Range(0, batch).Select(row => row == batch - 1 ? length : random.Next(1, length + 1))];
        long[,] ids = new long[batch, length], types = new long[batch, length], mask = new long[batch, length];
        for (int row = 0; row < batch; row++)
            for (int at = 0; at < lengths[row]; at++)
                (ids[row, at], types[row, at], mask[row, at]) = (random.Next(5, 200), at > length / 2 ? 1 : 0, 1);
        return (tensor(ids), tensor(types), lengths, tensor(mask));
    }

    private static void AssertClose(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.InRange((expected - actual).abs().max().item<float>(), 0, 1e-5f);
    }
}
