using System.Text.RegularExpressions;
using Electra.Model;
using static TorchSharp.torch;

namespace Electra.Tests.Checkpoints.Formats;

/// <summary>Weights as google-research/electra has them: its names, and matrices as [inputs, outputs].</summary>
internal static partial class GoogleVariables
{
    /// <summary>The variables of a pair.</summary>
    public static IEnumerable<TensorFlowVariable> Of(ElectraPair pair) =>
        pair.DiscriminatorWeights()
            .Select(weight => Variable(weight.Name, weight.Value, "electra"))
            .Concat(
                pair.GeneratorWeights()
                    .Where(weight => !weight.Name.StartsWith("electra.embeddings.", StringComparison.Ordinal))
                    .Where(weight => weight.Name != "generator_lm_head.weight")
                    .Select(weight => Variable(weight.Name, weight.Value, "generator"))
            );

    private static TensorFlowVariable Variable(string name, Tensor value, string model)
    {
        bool isKernel = name.EndsWith(".weight", StringComparison.Ordinal) && value.dim() == 2 && !name.Contains("_embeddings.");
        var variable = Layer().Replace(name, "layer_").Replace('.', '/');
        if (variable.StartsWith("electra/", StringComparison.Ordinal))
            variable = model + variable["electra".Length..];
        variable = variable
            .Replace("generator_lm_head/bias", "generator_predictions/output_bias")
            .Replace("discriminator_predictions/dense_prediction", "discriminator_predictions/dense_1")
            .Replace("LayerNorm/weight", "LayerNorm/gamma")
            .Replace("LayerNorm/bias", "LayerNorm/beta")
            .Replace("_embeddings/weight", "_embeddings");
        if (isKernel)
            variable = variable.Replace("/weight", "/kernel");
        using var stored = (isKernel ? value.t() : value).detach().cpu().contiguous();
        return TensorFlowFiles.Floats(variable, stored.shape, [.. stored.data<float>()]);
    }

    [GeneratedRegex(@"layer\.")]
    private static partial Regex Layer();
}
