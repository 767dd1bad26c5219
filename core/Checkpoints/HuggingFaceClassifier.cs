using Electra.Checkpoints.HuggingFace;
using static TorchSharp.torch;

namespace Electra.Checkpoints;

/// <summary>
/// The kit's classifier, one linear layer, as Hugging Face's <c>ElectraForSequenceClassification</c>, which has two with a GELU between.
/// </summary>
/// <remarks>
/// The two compute the same: gelu(z) − gelu(−z) = z Φ(z) + z Φ(−z) = z. So each output z becomes two units of the first layer, z and −z,
/// and the second layer subtracts one from the other.
/// </remarks>
internal static class HuggingFaceClassifier
{
    private const string Weight = "classifier.weight", Bias = "classifier.bias";

    /// <summary>A model as Hugging Face's library has it: a classifier of this kit with two layers, any other as it is.</summary>
    /// <exception cref="UserErrorException">The classifier has more outputs than two layers of this width can give.</exception>
    public static (HuggingFaceConfig Config, IEnumerable<(string Name, Tensor Value)> Weights) Converted(PretrainedModel model)
    {
        if (model.Head != ModelHead.Classifier)
            return (model.Config, model.Weights());
        var stored = model.Tensors[Weight];
        int outputs = (int)stored.Shape[0], width = model.Config.HiddenSize;
        if (2 * outputs > width)
            throw new UserErrorException(
                $"{model.Source} has {outputs} outputs: at most half the hidden size ({width / 2}) can be written in Hugging Face's form. "
                    + "to=onnx has no such limit"
            );
        return (
            model.Config with
            {
                Architectures = ["ElectraForSequenceClassification"],
            },
            model.Weights().Where(weight => weight.Name is not (Weight or Bias)).Concat(TwoLayers(model, outputs, width))
        );
    }

    private static IEnumerable<(string Name, Tensor Value)> TwoLayers(PretrainedModel model, int outputs, int width)
    {
        Tensor weight = zeros(outputs, width), bias = zeros(outputs);
        model.CopyTo(Weight, weight);
        model.CopyTo(Bias, bias);
        Tensor dense = zeros(width, width), denseBias = zeros(width), projection = zeros(outputs, width);
        for (int i = 0; i < outputs; i++)
            foreach (var (unit, sign) in new[] { (2 * i, 1), (2 * i + 1, -1) })
            {
                dense[unit] = sign * weight[i];
                denseBias[unit] = sign * bias[i];
                projection[i, unit] = tensor((float)sign);
            }
        return
        [
            ("classifier.dense.weight", dense),
            ("classifier.dense.bias", denseBias),
            ("classifier.out_proj.weight", projection),
            ("classifier.out_proj.bias", zeros(outputs)),
        ];
    }
}
