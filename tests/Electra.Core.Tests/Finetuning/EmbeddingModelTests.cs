using System.IO.Compression;
using Electra.Checkpoints;
using Electra.Data;
using Electra.Data.Tasks;
using Electra.Export;
using Electra.Finetuning;
using Electra.Model;
using Electra.Tensors;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Electra.Tests.Finetuning;

/// <summary>Models that give embeddings, against sentence-transformers and Hugging Face's library, here and as ONNX.</summary>
public sealed class EmbeddingModelTests : IDisposable
{
    private static readonly OwnTaskOptions Options = new() { Kind = OwnTaskKind.Embedding, Text = ["a", "b", "c"], Normalise = false };

    private readonly Dictionary<string, Tensor> golden = Golden.Tensors("r_embeddings");
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(Pooling.Mean, false, "mean")]
    [InlineData(Pooling.Mean, true, "mean_normalised")]
    [InlineData(Pooling.Cls, false, "cls")]
    [InlineData(Pooling.Cls, true, "cls_normalised")]
    [InlineData(Pooling.Max, false, "max")]
    [InlineData(Pooling.MeanSqrtLen, false, "sqrt_length_mean")]
    public void Poolings_equal_sentence_transformers(Pooling pooling, bool normalises, string name)
    {
        using var model = Model(OwnTask.Define("made", Options with { Pooling = pooling, Normalise = normalises }));
        Golden.AssertClose(
            cat([golden[$"anchor/{name}"], golden[$"positive/{name}"]]),
            FinetuneMethod.Logits(model, Tokens("anchor", "positive"), Dropout.None),
            1e-5,
            name
        );
    }

    [Fact]
    public void The_encoder_has_the_gradients_of_Hugging_Faces_library()
    {
        var task = OwnTask.Define("made", Options);
        using var model = Model(task);
        model.Store.ZeroGradients();
        var loss = FinetuneMethod.From(new FinetuneOptions()).Forward(model, task, Batch([0, 1, 2, 3, 4, 5]), Dropout.None);
        Golden.AssertClose(golden["loss/ranking_negatives"], loss, 1e-5, "loss");
        loss.backward();
        model.Store.CollectGradients();
        var gradients = model.Store.NamedGradients().ToDictionary(one => one.Name, one => one.Gradient);
        var expected = golden.Where(one => one.Key.StartsWith("grad/", StringComparison.Ordinal)).ToList();
        Assert.Equal(expected.Count, gradients.Count);
        float largest = expected.Max(one => one.Value.abs().max().item<float>());
        Assert.All(expected, one =>
            Assert.InRange((one.Value - gradients[$"electra.{one.Key["grad/".Length..]}"]).abs().max().item<float>(), 0, 1e-5f * largest));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_batch_in_parts_has_the_loss_and_the_gradients_of_the_whole(bool sumsLoss)
    {
        var task = OwnTask.Define("made", Options);
        var whole = Gradients(0, out double loss);
        var parts = Gradients(4, out double inParts);
        Assert.Equal(loss, inParts, 1e-5);
        float largest = whole.Max(one => one.abs().max().item<float>());
        Assert.All(whole.Zip(parts), pair => Assert.InRange((pair.First - pair.Second).abs().max().item<float>(), 0, 2e-5f * largest));

        List<Tensor> Gradients(int microBatch, out double sum)
        {
            using var model = Model(task, dropout: 0.1);
            var method = FinetuneMethod.From(new FinetuneOptions { SumLoss = sumsLoss });
            model.Store.ZeroGradients();
            sum = 0;
            TaskBatch Part(int[] rows, long first) => Batch(rows) is var batch
                ? batch with { Tokens = batch.Tokens with { FirstRow = first } } : null!;
            foreach (var pass in method.Passes(model, task, Part, [0, 1, 2, 3, 4, 5], microBatch, RandomKey.FromSeed(3)))
            {
                var value = pass()[0];
                value.backward();
                model.Store.CollectGradients();
                sum += value.item<float>();
            }
            return [.. model.Store.NamedGradients().Select(one => one.Gradient.clone())];
        }
    }

    [Fact]
    public void A_folder_of_sentence_transformers_has_its_embeddings_from_the_text_on()
    {
        var expected = Golden.Json("r_tiny_embedder").GetProperty("pairs").EnumerateArray().ToList();
        AssertEmbeddings(
            TestData.Fixture("golden/r_tiny_embedder"),
            [.. expected.SelectMany(pair => pair.GetProperty("texts").EnumerateArray()).Select(text => text.GetString()!)],
            tensor((float[])
            [
                .. expected.SelectMany(pair => pair.GetProperty("embeddings").EnumerateArray())
                    .SelectMany(vector => vector.EnumerateArray()).Select(value => value.GetSingle()),
            ]).view(-1, 16)
        );
    }

    [Theory]
    [InlineData("st_mean")]
    [InlineData("st_mean_sqrt")]
    [InlineData("st_max")]
    [InlineData("st_cls_normalized")]
    public void Folders_of_todays_sentence_transformers_have_its_embeddings_and_exports_keep_them(string name)
    {
        ZipFile.ExtractToDirectory(TestData.Fixture("golden/sentence_transformers.zip"), folder.Path);
        string[] texts =
        [
            .. System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(folder.File("expected.json"))).RootElement.GetProperty("texts")
                .EnumerateArray().Select(text => text.GetString()!),
        ];
        var expected = Golden.Read(folder.File("expected.safetensors"))[$"{name}.embeddings"];
        AssertEmbeddings(folder.File(name), texts, expected);
        using (var model = PretrainedModel.Open(folder.File(name)))
        {
            Assert.Equal(20, model.MaxTokens);
            AssertEmbeddings(ModelExport.Write(model, new ExportConfig { Out = folder.File("out") }), texts, expected);
        }
    }

    private void AssertEmbeddings(string source, string[] texts, Tensor expected)
    {
        using var weights = PretrainedModel.Open(source);
        var pooling = weights.Pooling!;
        using var model = ElectraClassifier.Create(weights.Config.ToModel(), pooling.Head, 0, null, Compute.Reference, trainable: false);
        var filled = weights.Fill(model.Store);
        Assert.Empty(filled.Missing);
        Assert.Empty(filled.LeftOver);
        var task = OwnTask.Define("made", Options with { Text = ["a", "b"] });
        TaskRow[] rows = [.. texts.Select(text => new TaskRow([text], [float.NaN]))];
        var options = new EncodingOptions { MaxLength = weights.MaxTokens };
        var examples = EncodedRows.Of(task, rows, weights.Tokenizer, options, new());
        Golden.AssertClose(expected, tensor(TaskScorer.Score(model, examples, 4, "embedding")).view(expected.shape), 1e-5, "embeddings");

        OnnxModel.Save(folder.File("model.onnx"), weights);
        using var session = new InferenceSession(folder.File("model.onnx"));
        Assert.Equal(["last_hidden_state", "sentence_embedding"], session.OutputNames);
        var batch = examples.Batch([.. Enumerable.Range(0, texts.Length)]).Tokens;
        int[] shape = [batch.Size, batch.Length];
        long[] mask = [.. batch.Lengths.SelectMany(n => Enumerable.Range(0, batch.Length).Select(i => i < n ? 1L : 0))];
        using var results = session.Run([
            NamedOnnxValue.CreateFromTensor("input_ids", new DenseTensor<long>(batch.Ids, shape)),
            NamedOnnxValue.CreateFromTensor("attention_mask", new DenseTensor<long>(mask, shape)),
            NamedOnnxValue.CreateFromTensor("token_type_ids", new DenseTensor<long>(batch.TokenTypes, shape)),
        ]);
        Golden.AssertClose(
            expected,
            tensor(((DenseTensor<float>)results.Single(one => one.Name == "sentence_embedding").Value).ToArray()).view(expected.shape),
            2e-5,
            "ONNX"
        );
    }

    private static ElectraClassifier Model(TaskDefinition task, double dropout = 0)
    {
        var encoder = Golden.Tensors("a_tiny_discriminator");
        var model = ElectraClassifier.Create(
            TinyPair.Config with { HiddenDropout = dropout, AttentionDropout = dropout },
            task.Kind.Head(task),
            0,
            seed: 0,
            Compute.Reference
        );
        using var _ = no_grad();
        foreach (var (name, value) in model.Store.Named())
            value.copy_(encoder[name]);
        model.Store.PublishValues();
        return model;
    }

    /// <summary>Anchor, positive and negative of some rows.</summary>
    private TaskBatch Batch(int[] rows)
    {
        int[] places = [.. rows.SelectMany(row => new[] { row, 6 + row, 12 + row })];
        var all = Tokens("anchor", "positive", "negative");
        var tokens = new TokenBatch(
            places.Length,
            all.Length,
            [.. places.SelectMany(place => all.Ids.Skip(place * all.Length).Take(all.Length))],
            new long[places.Length * all.Length],
            [.. places.Select(place => all.Lengths[place])]
        );
        return new TaskBatch(tokens, [.. places.Select(_ => 1f)], places) { RowSizes = [.. rows.Select(_ => 3)] };
    }

    private TokenBatch Tokens(params string[] columns)
    {
        var ids = cat([.. columns.Select(column => golden[$"{column}/input_ids"])]);
        int[] lengths =
        [
            .. columns.SelectMany(column => golden[$"{column}/attention_mask"].sum(1).data<long>().Select(n => (int)n).ToArray()),
        ];
        return new TokenBatch(lengths.Length, (int)ids.shape[1], ids.data<long>().ToArray(), new long[ids.numel()], lengths);
    }
}
