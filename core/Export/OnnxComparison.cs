using System.Diagnostics;
using System.Globalization;
using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Data.Tasks;
using Electra.Model;
using Electra.Native;
using Electra.Pretraining;
using Electra.Tensors;
using Microsoft.ML.OnnxRuntime;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Electra.Export;

/// <summary>
/// What ONNX Runtime gives for the files of a model, beside what the model itself gives in float32 on the CPU: for rows of random tokens
/// of several lengths, padded to the longest.
/// </summary>
internal sealed class OnnxComparison : IDisposable
{
    private const int Rows = 8, LongestRow = 64, Repeats = 5;

    private readonly long[] inputShape;
    private readonly ModelHead head;
    private readonly bool hasSeveralLabels;
    private readonly int[] lengths;
    private readonly Tensor ids, mask, types;
    private readonly IReadOnlyDictionary<string, Tensor> expected;

    /// <summary>Asks the model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="features">Whether its head is left out.</param>
    public OnnxComparison(PretrainedModel model, bool features)
    {
        int longest = Math.Min(LongestRow, model.Config.MaxPositions);
        lengths = [.. Enumerable.Range(1, Rows).Select(row => Math.Max(1, longest * row / Rows))];
        (ids, mask, types) = Random(model, lengths);
        head = features ? ModelHead.None : model.Head;
        hasSeveralLabels = model.Config.ProblemType == MultiLabel.Kind.ProblemType;
        inputShape = head == ModelHead.MultipleChoice ? [Rows / 2, 2, ids.shape[1]] : ids.shape;
        var compute = Compute.Open(new ComputeOptions { Device = "cpu" }, Precision.Float32);
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var ask = Asker(model, compute, out var opened);
        using (opened)
        {
            expected = ask();
            foreach (var (name, tensor) in expected)
                tensor.MoveToOuterDisposeScope();
            Milliseconds = MedianTime(() => ask(), default);
        }
    }

    /// <summary>The time that the model itself takes.</summary>
    public double Milliseconds { get; }

    /// <summary>The number and the length of the rows, in words.</summary>
    public string Size => $"{Rows} rows of {lengths[0]} to {lengths[^1]} tokens";

    /// <summary>A file's row of the table: its name, size, difference, agreement and time.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="path">The file in it.</param>
    /// <param name="cancellation">Stops.</param>
    public IReadOnlyList<object?> Row(string folder, string path, CancellationToken cancellation)
    {
        var file = Path.Combine(folder, path);
        return [path, (new FileInfo(file).Length / 1e6).ToString("0.0", CultureInfo.InvariantCulture), .. Of(file, cancellation)];
    }

    /// <summary>Asks a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellation">Stops.</param>
    /// <returns>Difference, agreement and time, in words.</returns>
    public IReadOnlyList<string> Of(string path, CancellationToken cancellation)
    {
        OnnxRuntimeLibrary.Find();
        using var session = new InferenceSession(path);
        using var options = new RunOptions();
        var inputs = new Dictionary<string, OrtValue>
        {
            ["input_ids"] = Value(ids),
            ["attention_mask"] = Value(mask),
            ["token_type_ids"] = Value(types),
        };
        try
        {
            double difference = 0, agreement = 1;
            using (var scope = NewDisposeScope())
            using (var outputs = session.Run(options, inputs, session.OutputNames))
                foreach (var (name, output) in session.OutputNames.Zip(outputs))
                {
                    var given = tensor(output.GetTensorDataAsSpan<float>().ToArray()).view(output.GetTensorTypeAndShape().Shape);
                    difference = Math.Max(difference, (Real(name, expected[name]) - Real(name, given)).abs().max().item<float>());
                    agreement = Math.Min(agreement, Agreement(name, expected[name], given));
                }
            double time = MedianTime(() => session.Run(options, inputs, session.OutputNames).Dispose(), cancellation);
            return
            [
                difference.ToString("0.0e+0", CultureInfo.InvariantCulture),
                agreement.ToString("0.0000", CultureInfo.InvariantCulture),
                Shown(time),
            ];
        }
        finally
        {
            foreach (var input in inputs.Values)
                input.Dispose();
        }
    }

    /// <summary>A time as the table has it.</summary>
    public static string Shown(double milliseconds) => milliseconds.ToString("0.0", CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in expected.Values.Concat([ids, mask, types]))
            tensor.Dispose();
    }

    /// <summary>
    /// The share of equal decisions: the class, the token of a row, or the side of zero, that logits say. Of vectors the smallest cosine.
    /// </summary>
    private double Agreement(string name, Tensor own, Tensor other)
    {
        if (head == ModelHead.QuestionAnswering)
            return Same(Place(own), Place(other));
        (own, other) = (Real(name, own), Real(name, other));
        bool saysClasses = head != ModelHead.Discriminator && own.shape[^1] > 1 && !hasSeveralLabels;
        return head == ModelHead.None ? nn.functional.cosine_similarity(own, other, dim: -1).min().item<float>()
            : saysClasses ? Same(own.argmax(-1), other.argmax(-1))
            : Same(own.gt(0), other.gt(0));

        Tensor Place(Tensor logits) => logits.masked_fill(mask.eq(0), float.NegativeInfinity).argmax(-1);
        static double Same(Tensor own, Tensor other) => own.eq(other).to(float32).mean().item<float>();
    }

    /// <summary>The outputs of tokens alone, without those of padding: <c>[tokens, …]</c>; those of whole rows as they are.</summary>
    private Tensor Real(string name, Tensor outputs) =>
        head is ModelHead.Discriminator or ModelHead.Generator or ModelHead.TokenClassifier or ModelHead.QuestionAnswering
        || name == "last_hidden_state"
            ? outputs.flatten(0, 1)[mask.flatten().to(ScalarType.Bool)]
            : outputs;

    private Func<IReadOnlyDictionary<string, Tensor>> Asker(PretrainedModel model, Compute compute, out IDisposable opened)
    {
        var attention = AttentionMask.FromLengths(lengths, ids.shape[1], compute);
        var all = arange(ids.numel());
        if (head is ModelHead.None or ModelHead.Discriminator or ModelHead.Generator)
        {
            var encoder = new TrainedEncoder(model, compute, headless: head == ModelHead.None);
            opened = encoder;
            return head == ModelHead.None
                ? () => Features(encoder.HiddenStates(ids, types, attention).view(ids.shape[0], ids.shape[1], -1))
                : () => One("logits", ByToken(encoder.Logits(ids, types, attention, all)));
        }
        var classifier = HuggingFaceClassifier.Open(model, compute);
        opened = classifier;
        return head switch
        {
            ModelHead.QuestionAnswering => () => Places(ByToken(classifier.Classify(ids, types, attention, Dropout.None, all))),
            ModelHead.TokenClassifier => () => One("logits", ByToken(classifier.Classify(ids, types, attention, Dropout.None, all))),
            ModelHead.MultipleChoice => () => One("logits", classifier.Classify(ids, types, attention, Dropout.None).view(Rows / 2, 2)),
            _ => () => One("logits", classifier.Classify(ids, types, attention, Dropout.None)),
        };

        Tensor ByToken(Tensor outputs) => outputs.view([.. ids.shape, .. outputs.shape[1..]]);
        static Dictionary<string, Tensor> One(string name, Tensor outputs) => new() { [name] = outputs };
        static Dictionary<string, Tensor> Places(Tensor outputs) =>
            new() { ["start_logits"] = outputs.select(-1, 0), ["end_logits"] = outputs.select(-1, 1) };
        Dictionary<string, Tensor> Features(Tensor hidden)
        {
            var pooling = model.Pooling ?? TextPooling.OfOthers;
            var vectors = PooledStates.Of(pooling.Mode, hidden.to(float32), attention, pooling.Normalises);
            return new() { ["last_hidden_state"] = hidden, ["sentence_embedding"] = vectors };
        }
    }

    private static (Tensor Ids, Tensor Mask, Tensor Types) Random(PretrainedModel model, int[] lengths)
    {
        var vocabulary = model.Tokenizer.Vocabulary;
        var numbers = RandomKey.FromSeed(0).Numbers();
        long[,] ids = new long[lengths.Length, lengths[^1]], mask = new long[lengths.Length, lengths[^1]];
        for (int row = 0; row < lengths.Length; row++)
            for (int at = 0; at < lengths[^1]; at++)
            {
                bool isToken = at < lengths[row];
                mask[row, at] = isToken ? 1 : 0;
                ids[row, at] = !isToken ? vocabulary.PadId
                    : at == 0 ? vocabulary.ClsId
                    : at == lengths[row] - 1 ? vocabulary.SepId
                    : (long)(numbers.NextDouble() * vocabulary.Count);
            }
        var tensor = torch.tensor(ids);
        return (tensor, torch.tensor(mask), zeros_like(tensor));
    }

    private static double MedianTime(Action ask, CancellationToken cancellation)
    {
        var times = new double[Repeats];
        for (int i = 0; i < times.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            long start = Stopwatch.GetTimestamp();
            ask();
            times[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }
        return times.Order().ElementAt(Repeats / 2);
    }

    private OrtValue Value(Tensor tensor) => OrtValue.CreateTensorValueFromMemory(tensor.data<long>().ToArray(), inputShape);
}
