using System.Globalization;
using System.Text.Json;
using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Storage;
using Google.Protobuf;
using static TorchSharp.torch;

namespace Electra.Export;

/// <summary>
/// Models as ONNX files, for runtimes without libtorch: token ids, attention mask and token types of any batch size and length in,
/// logits out. What the file computes is the model in float32 without dropout.
/// </summary>
/// <remarks>
/// Inputs <c>input_ids</c>, <c>attention_mask</c> and <c>token_type_ids</c>, int64 <c>[batch, length]</c>; output <c>logits</c>, float32:
/// <c>[batch, length]</c> of a discriminator, <c>[batch, outputs]</c> of a classifier, <c>[batch, length, outputs]</c> of one of tokens,
/// <c>[batch, length, vocabulary]</c> of a generator. A model for choices takes <c>[batch, choices, length]</c> and gives
/// <c>[batch, choices]</c>. The names are those that Hugging Face's own export uses.
/// </remarks>
internal static class OnnxModel
{
    /// <summary>The name of the file in a model's folder.</summary>
    public const string FileName = "model.onnx";

    private const string Batch = "batch", Length = "length", Choices = "choices";

    /// <summary>Writes a model, whole or not at all.</summary>
    /// <param name="path">The file.</param>
    /// <param name="model">A discriminator, a generator or a classifier, this kit's or Hugging Face's.</param>
    /// <exception cref="UserErrorException">It has no head, or its weights cannot be read, or they are larger than the format
    /// allows.</exception>
    public static void Save(string path, PretrainedModel model)
    {
        var file = new Writer(model).Write();
        AtomicFile.Write(path, file.WriteTo);
    }

    /// <summary>Writes down what <c>Electra.Model</c> computes, operation by operation.</summary>
    private sealed class Writer(PretrainedModel model)
    {
        private readonly HuggingFaceConfig config = model.Config;
        private readonly OnnxGraph graph = new("electra");

        public Onnx.ModelProto Write()
        {
            if (model.Tensors.Values.Sum(tensor => 4 * tensor.Shape.Aggregate(1L, (size, n) => size * n)) > int.MaxValue - (1 << 20))
                throw new UserErrorException($"{model.Source} is larger than the two gigabytes that a file of this format can hold");
            string[] shapeOfInputs = model.Head == ModelHead.MultipleChoice ? [Batch, Choices, Length] : [Batch, Length];
            string ids = Flat(graph.Input("input_ids", shapeOfInputs)),
                mask = Flat(graph.Input("attention_mask", shapeOfInputs)),
                types = Flat(graph.Input("token_type_ids", shapeOfInputs));
            var x = Embeddings(ids, types);
            if (model.Tensors.ContainsKey("electra.embeddings_project.weight"))
                x = Linear("electra.embeddings_project", x);
            var bias = AttentionBias(mask);
            for (int layer = 0; layer < config.NumHiddenLayers; layer++)
                x = TransformerLayer($"electra.encoder.layer.{layer}", x, bias);
            var (logits, shape) = Head(x);
            graph.Output("logits", logits, shape);
            return graph.ToModel(Metadata());
        }

        /// <summary>An input as <c>[batch, length]</c>: choices are read one by one.</summary>
        private string Flat(string input)
        {
            if (model.Head != ModelHead.MultipleChoice)
                return input;
            graph.Scope = input;
            var length = graph.Apply("Slice", [graph.Apply("Shape", [input]), graph.Integers(2), graph.Integers(3)]);
            return graph.Apply("Reshape", [input, graph.Apply("Concat", [graph.Integers(-1), length], ("axis", 0L))]);
        }

        private string Embeddings(string ids, string types)
        {
            const string Name = "electra.embeddings";
            graph.Scope = Name;
            var length = graph.Apply("Gather", [graph.Apply("Shape", [ids]), graph.Integers(1)], ("axis", 0L));
            var words = graph.Apply("Gather", [Weight($"{Name}.word_embeddings.weight"), ids]);
            var positions = graph.Apply(
                "Slice",
                [Weight($"{Name}.position_embeddings.weight"), graph.Integers(0), length, graph.Integers(0)]
            );
            var tokenTypes = graph.Apply("Gather", [Weight($"{Name}.token_type_embeddings.weight"), types]);
            return LayerNorm($"{Name}.LayerNorm", Add(Add(words, positions), tokenTypes));
        }

        /// <summary>0 for tokens, float32's lowest for padding: <c>[batch, 1, 1, length]</c>.</summary>
        private string AttentionBias(string mask)
        {
            graph.Scope = "attention_bias";
            var padding = graph.Apply(
                "Sub",
                [graph.Number(1), graph.Apply("Cast", [mask], ("to", (long)Onnx.TensorProto.Types.DataType.Float))]
            );
            return graph.Apply("Unsqueeze", [graph.Apply("Mul", [padding, graph.Number(float.MinValue)]), graph.Integers(1, 2)]);
        }

        private string TransformerLayer(string name, string x, string bias)
        {
            x = LayerNorm(
                $"{name}.attention.output.LayerNorm",
                Add(Linear($"{name}.attention.output.dense", SelfAttention($"{name}.attention.self", x, bias)), x)
            );
            var transformed = Linear($"{name}.output.dense", Gelu(Linear($"{name}.intermediate.dense", x)));
            return LayerNorm($"{name}.output.LayerNorm", Add(transformed, x));
        }

        private string SelfAttention(string name, string x, string bias)
        {
            int heads = config.NumAttentionHeads, size = config.HiddenSize / heads;
            string query = Split("query", 0, 2, 1, 3), key = Split("key", 0, 2, 3, 1), value = Split("value", 0, 2, 1, 3);
            graph.Scope = name;
            var scores = graph.Apply("Mul", [graph.Apply("MatMul", [query, key]), graph.Number(1 / Math.Sqrt(size))]);
            var shares = graph.Apply("Softmax", [Add(scores, bias)], ("axis", -1L));
            var context = graph.Apply("Transpose", [graph.Apply("MatMul", [shares, value])], ("perm", new long[] { 0, 2, 1, 3 }));
            return graph.Apply("Reshape", [context, graph.Integers(0, 0, config.HiddenSize)]);

            // [batch, length, hidden] -> [batch, length, heads, size], in another order
            string Split(string part, params long[] order) =>
                graph.Apply(
                    "Transpose",
                    [graph.Apply("Reshape", [Linear($"{name}.{part}", x), graph.Integers(0, 0, heads, size)])],
                    ("perm", order)
                );
        }

        /// <summary>The logits, and their shape.</summary>
        private (string Logits, string[] Shape) Head(string x)
        {
            if (model.Head == ModelHead.Classifier)
                return (Linear("classifier", First(x)), [Batch, Outputs("classifier.weight")]);
            if (model.Head == ModelHead.TokenClassifier)
                return (Linear("classifier", x), [Batch, Length, Outputs("classifier.weight")]);
            if (model.Head == ModelHead.MultipleChoice)
            {
                var scores = Linear("classifier", Gelu(Linear("sequence_summary.summary", First(x))));
                var sizes = graph.Apply("Slice", [graph.Apply("Shape", ["input_ids"]), graph.Integers(0), graph.Integers(2)]);
                return (graph.Apply("Reshape", [scores, sizes]), [Batch, Choices]);
            }
            if (model.Head == ModelHead.TwoLayerClassifier)
                return (
                    Linear("classifier.out_proj", Gelu(Linear("classifier.dense", First(x)))),
                    [Batch, Outputs("classifier.out_proj.weight")]
                );
            if (model.Head == ModelHead.Discriminator)
            {
                var logits = Linear("discriminator_predictions.dense_prediction", Gelu(Linear("discriminator_predictions.dense", x)));
                return (graph.Apply("Squeeze", [logits, graph.Integers(-1)]), [Batch, Length]);
            }
            if (model.Head == ModelHead.Generator)
            {
                var transformed = LayerNorm("generator_predictions.LayerNorm", Gelu(Linear("generator_predictions.dense", x)));
                graph.Scope = "generator_lm_head"; // where the output matrix is the word embeddings, it is in the file once
                var output = config.TieWordEmbeddings == false ? WeightNames.TiedOutput : WeightNames.Words;
                var words = graph.Apply("Transpose", [Weight(output)], ("perm", new long[] { 1, 0 }));
                return (
                    Add(graph.Apply("MatMul", [transformed, words]), Weight("generator_lm_head.bias")),
                    [Batch, Length, Outputs(WeightNames.Words)]
                );
            }
            throw new UserErrorException($"{model.Source} is an encoder without a head: there are no logits to compute");

            string Outputs(string name) => model.Tensors[name].Shape[0].ToString(CultureInfo.InvariantCulture);
        }

        /// <summary>The vector of [CLS]: <c>[batch, hidden]</c>.</summary>
        private string First(string x)
        {
            graph.Scope = "classifier";
            return graph.Apply("Gather", [x, graph.Integer(0)], ("axis", 1L));
        }

        private string Linear(string name, string x)
        {
            graph.Scope = name;
            var product = graph.Apply("MatMul", [x, graph.Constant($"{name}.weight.T", () => Load($"{name}.weight").t())]);
            return Add(product, Weight($"{name}.bias"));
        }

        private string LayerNorm(string name, string x)
        {
            graph.Scope = name;
            return graph.Apply(
                "LayerNormalization",
                [x, Weight($"{name}.weight"), Weight($"{name}.bias")],
                ("axis", -1L),
                ("epsilon", (float)config.LayerNormEpsilon)
            );
        }

        /// <summary>x Φ(x), in the form that runtimes know how to join into one operation.</summary>
        private string Gelu(string x)
        {
            var erf = graph.Apply("Erf", [graph.Apply("Div", [x, graph.Number(Math.Sqrt(2))])]);
            return graph.Apply("Mul", [graph.Apply("Mul", [x, Add(erf, graph.Number(1))]), graph.Number(0.5)]);
        }

        private string Add(string a, string b) => graph.Apply("Add", [a, b]);

        private string Weight(string name) => graph.Constant(name, () => Load(name));

        private Tensor Load(string name)
        {
            if (!model.Tensors.TryGetValue(name, out var stored))
                throw new UserErrorException($"{model.Source} has no weight {name}");
            var loaded = empty([.. stored.Shape], dtype: float32);
            model.CopyTo(name, loaded);
            return loaded;
        }

        private IEnumerable<KeyValuePair<string, string>> Metadata()
        {
            yield return new("architecture", config.Architectures.Count > 0 ? config.Architectures[0] : config.ModelType);
            yield return new("max_length", config.MaxPositions.ToString(CultureInfo.InvariantCulture));
            if (config.Id2label is { } labels)
                yield return new("labels", JsonSerializer.Serialize(labels.OrderBy(label => label.Key).Select(label => label.Value)));
        }
    }
}
