using Electra.Checkpoints.HuggingFace;
using Electra.Data.Tasks;
using Electra.Model;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Checkpoints;

/// <summary>
/// The kit's classifier, one linear layer, as Hugging Face's <c>ElectraForSequenceClassification</c>, which has two with a GELU between.
/// </summary>
/// <remarks>
/// The two compute the same: gelu(z) − gelu(−z) = z Φ(z) + z Φ(−z) = z. So each output z becomes two units of the first layer, z and −z,
/// and the second layer subtracts one from the other. The other units of the first layer begin as that library begins them, and the second
/// layer takes nothing of them: the outputs stay as they are, and whoever trains on has units that can learn.
/// </remarks>
internal static class HuggingFaceClassifier
{
    private const string Weight = "classifier.weight", Bias = "classifier.bias", Architecture = "ElectraForSequenceClassification";

    private const string Dense = "classifier.dense.", Projection = "classifier.out_proj.";

    /// <summary>A model as Hugging Face's library has it: a classifier of this kit with two layers, any other as it is.</summary>
    /// <exception cref="UserErrorException">The classifier has more outputs than two layers of this width can give.</exception>
    public static (HuggingFaceConfig Config, IEnumerable<(string Name, Tensor Value)> Weights) Converted(PretrainedModel model)
    {
        if (model.Head != ModelHead.Classifier)
            return (model.Config, model.Weights());
        int outputs = (int)model.Tensors[Weight].Shape[0], width = model.Config.HiddenSize;
        if (2 * outputs > width)
            throw new UserErrorException(
                $"{model.Source} has {outputs} outputs: at most half the hidden size ({width / 2}) can be written in Hugging Face's form. "
                    + "to=onnx has no such limit"
            );
        return Converted(model.Config, model.Weights(), Load(model, Weight), Load(model, Bias));
    }

    /// <summary>
    /// The same of a classifier that is in memory. One with more outputs than two layers of its width can give stays as it is.
    /// </summary>
    public static (HuggingFaceConfig Config, IEnumerable<(string Name, Tensor Value)> Weights) Converted(
        HuggingFaceConfig config,
        IEnumerable<(string Name, Tensor Value)> weights
    )
    {
        var all = weights.ToList();
        Tensor Of(string name) => all.Find(weight => weight.Name == name).Value.detach().cpu();
        return 2 * Of(Weight).shape[0] <= config.HiddenSize
            ? Converted(config, all, Of(Weight), Of(Bias))
            : (config with { Architectures = [nameof(ElectraClassifier)] }, all);
    }

    /// <summary>The one layer that two were made of; null where they were made otherwise.</summary>
    public static (Tensor Weight, Tensor Bias)? OneLayer(PretrainedModel model)
    {
        if (model.Head != ModelHead.TwoLayerClassifier)
            return null;
        Tensor dense = Load(model, Dense + "weight"),
            denseBias = Load(model, Dense + "bias"),
            projection = Load(model, Projection + "weight");
        long outputs = projection.shape[0];
        if (2 * outputs > dense.shape[0] || Load(model, Projection + "bias").count_nonzero().item<long>() > 0)
            return null;
        var (weight, bias) = (Every(dense, 0), Every(denseBias, 0));
        bool isOurs =
            projection.eq(Differences(outputs, dense.shape[0])).all().item<bool>()
            && Every(dense, 1).eq(-weight).all().item<bool>()
            && Every(denseBias, 1).eq(-bias).all().item<bool>();
        return isOurs ? (weight, bias) : null;

        // the first or second unit of each output
        Tensor Every(Tensor units, int which) => units[TensorIndex.Slice(which, 2 * outputs, 2)];
    }

    /// <summary>A classifier of texts or of tokens in memory, ready to be asked: this kit's or Hugging Face's.</summary>
    /// <param name="weights">The model.</param>
    /// <param name="compute">Where to put it.</param>
    /// <param name="given">Its head; null: as its file says.</param>
    /// <exception cref="UserErrorException">Its head is another one, or weights are missing or left over.</exception>
    public static ElectraClassifier Open(PretrainedModel weights, Compute compute, TaskHead? given = null)
    {
        var one = OneLayer(weights);
        int Outputs(string name) => (int)weights.Tensors[$"{name}.weight"].Shape[0];
        var head = given ?? weights.Head switch
        {
            ModelHead.Classifier or ModelHead.TokenClassifier => new TaskHead(Outputs("classifier")),
            ModelHead.TwoLayerClassifier when one is { } layer => new TaskHead((int)layer.Bias.shape[0]),
            ModelHead.TwoLayerClassifier => new TaskHead(Outputs("classifier.out_proj"))
            {
                Name = "classifier.out_proj",
                Dense = "classifier.dense",
            },
            ModelHead.MultipleChoice => TaskHead.OfChoices,
            ModelHead.None when weights.Pooling is { } pooling => pooling.Head,
            ModelHead.QuestionAnswering => new TaskHead(Outputs("qa_outputs")) { Name = "qa_outputs" },
            _ => throw new UserErrorException($"{weights.Source} is not a fine-tuned model: {ModelHeads.Described(weights)}"),
        };
        var model = ElectraClassifier.Create(weights.Config.ToModel(), head, headDropout: 0, seed: null, compute, trainable: false);
        try
        {
            var filled = one is var (weight, bias) ? Fill(model, weights, weight, bias) : weights.Fill(model.Store);
            if (filled.Missing.Count > 0)
                throw new UserErrorException(
                    $"{weights.Source} is not a fine-tuned model: it has no {string.Join(", ", filled.Missing)}"
                );
            if (filled.LeftOver.Count > 0)
                throw new UserErrorException(
                    $"{weights.Source} has weights that such a model does not have, and would give other results without them: "
                        + WeightNames.Shown([.. filled.LeftOver], 3)
                );
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Reads the encoder, and gives the head the one layer that the file has as two.</summary>
    private static FilledWeights Fill(ElectraClassifier model, PretrainedModel weights, Tensor weight, Tensor bias)
    {
        var filled = weights.Fill(model.EncoderWeights());
        using var _ = no_grad();
        foreach (var (name, value) in model.Store.Named())
            if (name == Weight)
                value.copy_(weight);
            else if (name == Bias)
                value.copy_(bias);
        model.Store.PublishValues();
        return filled with { LeftOver = [.. filled.LeftOver.Where(name => !ModelHeads.IsOfHead(name))] };
    }

    private static (HuggingFaceConfig, IEnumerable<(string, Tensor)>) Converted(
        HuggingFaceConfig config,
        IEnumerable<(string Name, Tensor Value)> weights,
        Tensor weight,
        Tensor bias
    ) =>
        (
            config with
            {
                Architectures = [Architecture],
            },
            weights.Where(other => other.Name is not (Weight or Bias)).Concat(TwoLayers(weight, bias, config.InitializerRange))
        );

    private static IEnumerable<(string Name, Tensor Value)> TwoLayers(Tensor weight, Tensor bias, double range)
    {
        var (outputs, width) = (weight.shape[0], weight.shape[1]);
        var spare = Normal((width - 2 * outputs) * width, range).view(-1, width);
        return
        [
            (Dense + "weight", cat([Pairs(weight), spare])),
            (Dense + "bias", cat([Pairs(bias), zeros(width - 2 * outputs)])),
            (Projection + "weight", Differences(outputs, width)),
            (Projection + "bias", zeros(outputs)),
        ];

        // each row, and after it its opposite
        static Tensor Pairs(Tensor rows) => stack([rows, -rows], dim: 1).flatten(0, 1);
    }

    /// <summary>1 and −1 for the two units of each output: <c>[outputs, width]</c>.</summary>
    private static Tensor Differences(long outputs, long width)
    {
        var projection = zeros(outputs, width);
        for (long i = 0; i < outputs; i++)
            (projection[i, 2 * i], projection[i, 2 * i + 1]) = (tensor(1f), tensor(-1f));
        return projection;
    }

    /// <summary>Normally distributed numbers, the same at every call (Box and Muller 1958).</summary>
    private static Tensor Normal(long count, double deviation)
    {
        var numbers = RandomKey.FromSeed(0).Numbers();
        var values = new float[count];
        for (long i = 0; i < count; i++)
            values[i] = (float)(
                deviation * Math.Sqrt(-2 * Math.Log(1 - numbers.NextDouble())) * Math.Cos(2 * Math.PI * numbers.NextDouble())
            );
        return tensor(values);
    }

    private static Tensor Load(PretrainedModel model, string name)
    {
        var value = empty([.. model.Tensors[name].Shape]);
        model.CopyTo(name, value);
        return value;
    }
}
