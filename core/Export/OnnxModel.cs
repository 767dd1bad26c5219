using System.Globalization;
using System.Text.Json;
using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Data.Tasks;
using Electra.Storage;
using Google.Protobuf;

namespace Electra.Export;

/// <summary>
/// Models as ONNX files, for runtimes without libtorch: token ids, attention mask and token types of any batch size and length in,
/// logits or hidden states out. What the file computes is the model without dropout.
/// </summary>
/// <remarks>
/// Inputs <c>input_ids</c>, <c>attention_mask</c> and <c>token_type_ids</c>, int64 <c>[batch, length]</c>; output <c>logits</c>, float32:
/// <c>[batch, length]</c> of a discriminator, <c>[batch, outputs]</c> of a classifier, <c>[batch, length, outputs]</c> of one of tokens,
/// <c>[batch, length, vocabulary]</c> of a generator; of a model of answers <c>start_logits</c> and <c>end_logits</c>,
/// <c>[batch, length]</c>; without a head <c>last_hidden_state</c>, <c>[batch, length, hidden]</c>, and its mean over the tokens, or
/// what a sentence-transformers model pools, <c>sentence_embedding</c>, <c>[batch, hidden]</c>. A model for choices takes
/// <c>[batch, choices, length]</c> and gives <c>[batch, choices]</c>. The names are those that Hugging Face's own export and
/// Sentence-Transformers use.
/// </remarks>
internal static class OnnxModel
{
    private const string Batch = "batch", Length = "length", Choices = "choices";

    /// <summary>Writes a model, whole or not at all.</summary>
    /// <param name="path">The file.</param>
    /// <param name="model">A model with a head that is known, or none.</param>
    /// <param name="form">What the file computes in.</param>
    /// <param name="features">Whether the head is left out.</param>
    /// <exception cref="UserErrorException">Its head is not known, or its weights cannot be read, or they are larger than the format
    /// allows.</exception>
    public static void Save(string path, PretrainedModel model, OnnxForm form = OnnxForm.Float32, bool features = false)
    {
        var file = new Writer(model, form, features ? ModelHead.None : model.Head).Write();
        AtomicFile.Write(path, file.WriteTo);
    }

    /// <summary>The <c>config.json</c> beside the files: it names the class of Hugging Face's library with these outputs.</summary>
    public static HuggingFaceConfig Description(PretrainedModel model, bool features) => model.Config with
    {
        Architectures = features || model.Head == ModelHead.None ? ["ElectraModel"]
            : model.Head == ModelHead.Classifier ? ["ElectraForSequenceClassification"]
            : model.Config.Architectures,
    };

    /// <summary>Writes down what <c>Electra.Model</c> computes, operation by operation.</summary>
    private sealed class Writer
    {
        /// <summary>Finite in float16 after any attention score was added to it.</summary>
        private const float LowestHalf = -60_000;

        private readonly PretrainedModel model;
        private readonly HuggingFaceConfig config;
        private readonly OnnxForm form;
        private readonly ModelHead head;
        private readonly OnnxGraph graph;
        private readonly OnnxWeights weights;

        public Writer(PretrainedModel model, OnnxForm form, ModelHead head)
        {
            (this.model, config, this.form, this.head) = (model, model.Config, form, head);
            graph = new OnnxGraph("electra", OnnxWeights.FloatsOf(form));
            weights = new OnnxWeights(model, graph, form);
        }

        public Onnx.ModelProto Write()
        {
            int bytes = form switch { OnnxForm.Float32 => 4, OnnxForm.Float16 => 2, _ => 1 };
            if (model.Tensors.Values.Sum(tensor => bytes * tensor.Shape.Aggregate(1L, (size, n) => size * n)) > int.MaxValue - (1 << 20))
                throw new UserErrorException($"{model.Source} is larger than the two gigabytes that a file of this format can hold");
            string[] shapeOfInputs = head == ModelHead.MultipleChoice ? [Batch, Choices, Length] : [Batch, Length];
            string ids = Flat(graph.Input("input_ids", shapeOfInputs)),
                mask = Flat(graph.Input("attention_mask", shapeOfInputs)),
                types = Flat(graph.Input("token_type_ids", shapeOfInputs));
            var x = Embeddings(ids, types);
            if (model.Tensors.ContainsKey("electra.embeddings_project.weight"))
                x = Linear("electra.embeddings_project", x);
            var bias = AttentionBias(mask);
            for (int layer = 0; layer < config.NumHiddenLayers; layer++)
                x = TransformerLayer($"electra.encoder.layer.{layer}", x, bias);
            Outputs(x, mask);
            return graph.ToModel(Metadata());
        }

        /// <summary>An input as <c>[batch, length]</c>: choices are read one by one.</summary>
        private string Flat(string input)
        {
            if (head != ModelHead.MultipleChoice)
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
            var words = weights.Rows(WeightNames.Words, ids, isOutput: head == ModelHead.Generator && OutputWords == WeightNames.Words);
            var positions = graph.Apply(
                "Slice",
                [weights.Value($"{Name}.position_embeddings.weight"), graph.Integers(0), length, graph.Integers(0)]
            );
            var tokenTypes = graph.Apply("Gather", [weights.Value($"{Name}.token_type_embeddings.weight"), types]);
            return LayerNorm($"{Name}.LayerNorm", Add(Add(words, positions), tokenTypes));
        }

        /// <summary>The generator's output matrix: where it is the word embeddings, it is in the file once.</summary>
        private string OutputWords => config.TieWordEmbeddings == false ? WeightNames.TiedOutput : WeightNames.Words;

        /// <summary>0 for tokens, about the lowest number for padding: <c>[batch, 1, 1, length]</c>.</summary>
        private string AttentionBias(string mask)
        {
            graph.Scope = "attention_bias";
            var padding = graph.Apply("Sub", [graph.Number(1), graph.ToFloats(mask)]);
            var lowest = graph.Number(form == OnnxForm.Float16 ? LowestHalf : float.MinValue);
            return graph.Apply("Unsqueeze", [graph.Apply("Mul", [padding, lowest]), graph.Integers(1, 2)]);
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

        /// <summary>What the model gives for its last hidden states.</summary>
        private void Outputs(string x, string mask)
        {
            if (head == ModelHead.None)
            {
                graph.Output("last_hidden_state", x, Batch, Length, Number(config.HiddenSize));
                // Where a pooling is not known, there is none.
                if ((model.Pooling ?? (model.NotRead is null ? TextPooling.OfOthers : null)) is { } pooling)
                    graph.Output("sentence_embedding", Pooled(pooling, x, mask), Batch, Number(config.HiddenSize));
            }
            else if (head == ModelHead.QuestionAnswering)
            {
                var places = graph.Apply("Split", 2, [Linear("qa_outputs", x, isLast: true)], ("axis", -1L));
                foreach (var (name, logits) in new[] { ("start_logits", places[0]), ("end_logits", places[1]) })
                    graph.Output(name, graph.Apply("Squeeze", [logits, graph.Integers(-1)]), Batch, Length);
            }
            else
            {
                var (logits, shape) = Logits(x);
                graph.Output("logits", logits, shape);
            }
        }

        /// <summary>The logits, and their shape.</summary>
        private (string Logits, string[] Shape) Logits(string x)
        {
            switch (head)
            {
                case ModelHead.Classifier:
                    return (Linear("classifier", First(x), isLast: true), [Batch, OutputsOf("classifier.weight")]);
                case ModelHead.TokenClassifier:
                    return (Linear("classifier", x, isLast: true), [Batch, Length, OutputsOf("classifier.weight")]);
                case ModelHead.MultipleChoice:
                    var scores = Linear("classifier", Gelu(Linear("sequence_summary.summary", First(x))), isLast: true);
                    var sizes = graph.Apply("Slice", [graph.Apply("Shape", ["input_ids"]), graph.Integers(0), graph.Integers(2)]);
                    return (graph.Apply("Reshape", [scores, sizes]), [Batch, Choices]);
                case ModelHead.TwoLayerClassifier:
                    return (
                        Linear("classifier.out_proj", Gelu(Linear("classifier.dense", First(x))), isLast: true),
                        [Batch, OutputsOf("classifier.out_proj.weight")]
                    );
                case ModelHead.Discriminator:
                    var dense = Gelu(Linear("discriminator_predictions.dense", x));
                    var logits = Linear("discriminator_predictions.dense_prediction", dense, isLast: true);
                    return (graph.Apply("Squeeze", [logits, graph.Integers(-1)]), [Batch, Length]);
                case ModelHead.Generator:
                    var transformed = LayerNorm("generator_predictions.LayerNorm", Gelu(Linear("generator_predictions.dense", x)));
                    graph.Scope = "generator_lm_head";
                    return (
                        Add(weights.Outputs(OutputWords, transformed), weights.Value("generator_lm_head.bias")),
                        [Batch, Length, OutputsOf(WeightNames.Words)]
                    );
                default:
                    throw new UserErrorException($"{model.Source} has a head of another kind");
            }

            string OutputsOf(string name) => Number(model.Tensors[name].Shape[0]);
        }

        private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

        /// <summary>The vectors of texts, as sentence-transformers makes them: <c>[batch, hidden]</c>.</summary>
        private string Pooled(TextPooling pooling, string x, string mask)
        {
            graph.Scope = "sentence_embedding";
            var isToken = graph.Apply("Unsqueeze", [graph.ToFloats(mask), graph.Integers(-1)]);
            var vector = pooling.Mode switch
            {
                Pooling.Cls => First(x),
                Pooling.Max => graph.Apply(
                    "ReduceMax",
                    [Add(x, graph.Apply("Mul", [graph.Apply("Sub", [isToken, graph.Number(1)]), Far()]))],
                    ("axes", new long[] { 1 }),
                    ("keepdims", 0L)
                ),
                var mean => graph.Apply("Div", [Sum(graph.Apply("Mul", [x, isToken])), Count(mean)]),
            };
            if (!pooling.Normalises)
                return vector;
            var norm = graph.Apply("ReduceL2", [vector], ("axes", new long[] { -1 }), ("keepdims", 1L));
            return graph.Apply("Div", [vector, graph.Apply("Max", [norm, graph.Number(1e-12)])]);

            string Far() => graph.Number(form == OnnxForm.Float16 ? -LowestHalf : 1e9);
            string Sum(string values) => graph.Apply("ReduceSum", [values, graph.Integers(1)], ("keepdims", 0L));
            string Count(Pooling mean) => graph.Apply("Max", [Sum(isToken), graph.Number(1)]) is var count && mean == Pooling.MeanSqrtLen
                ? graph.Apply("Sqrt", [count])
                : count;
        }

        /// <summary>The vector of [CLS]: <c>[batch, hidden]</c>.</summary>
        private string First(string x)
        {
            graph.Scope = "classifier";
            return graph.Apply("Gather", [x, graph.Integer(0)], ("axis", 1L));
        }

        /// <param name="name">The layer.</param>
        /// <param name="x">What it reads.</param>
        /// <param name="isLast">Whether it is small and decides: it stays as it is where others are quantized.</param>
        private string Linear(string name, string x, bool isLast = false)
        {
            graph.Scope = name;
            return Add(weights.Product($"{name}.weight", x, isLast), weights.Value($"{name}.bias"));
        }

        private string LayerNorm(string name, string x)
        {
            graph.Scope = name;
            return graph.Apply(
                "LayerNormalization",
                [x, weights.Value($"{name}.weight"), weights.Value($"{name}.bias")],
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

        private IEnumerable<KeyValuePair<string, string>> Metadata()
        {
            yield return new("architecture", config.Architectures.Count > 0 ? config.Architectures[0] : config.ModelType);
            yield return new("max_length", config.MaxPositions.ToString(CultureInfo.InvariantCulture));
            if (config.Id2label is { } labels)
                yield return new("labels", JsonSerializer.Serialize(labels.OrderBy(label => label.Key).Select(label => label.Value)));
        }
    }
}
