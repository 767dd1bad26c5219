using System.Globalization;
using Electra.Model;
using Electra.Tensors;

namespace Electra.Finetuning;

/// <summary>Learning rates that fall with the distance from the output: the nearer to the text, the less a layer changes.</summary>
internal static class LayerwiseRates
{
    private const string EncoderPrefix = "electra.", LayerPrefix = "electra.encoder.layer.";

    /// <summary>What the learning rate of each group is multiplied by, the embeddings first, then the layers, the head last.</summary>
    /// <param name="layers">Transformer layers of the encoder, n.</param>
    /// <param name="decay">d, from one layer to the one below it.</param>
    /// <param name="asOriginal">
    /// Whether the rates are those of google-research/electra (<c>_get_layer_lrs</c>) and of the re-implementation: the head has 1,
    /// layer i of 1…n has d^(n − i + 2), embeddings and projection have d^(n + 2), which leaves a step out below the head. Otherwise
    /// each exponent but the head's is less by one.
    /// </param>
    public static IReadOnlyList<double> Scales(int layers, double decay, bool asOriginal) =>
        [.. Enumerable.Range(0, layers + 1).Select(depth => Math.Pow(decay, layers - depth + (asOriginal ? 2 : 1))), 1];

    /// <summary>What the learning rate of a classifier's parameter is multiplied by.</summary>
    /// <param name="decay">As of <see cref="Scales"/>.</param>
    /// <param name="asOriginal">As of <see cref="Scales"/>.</param>
    public static Func<ElectraClassifier, Parameter, double> Of(double decay, bool asOriginal) =>
        (model, parameter) => Scales(model.Config.Layers, decay, asOriginal)[Group(parameter.Name, model.Config.Layers)];

    /// <summary>
    /// The group of a parameter: 0 for the embeddings and their projection, i for the i-th layer from 1, n + 1 for the head.
    /// </summary>
    private static int Group(string name, int layers) =>
        name.StartsWith(LayerPrefix, StringComparison.Ordinal)
            ? 1
                + int.Parse(
                    name.AsSpan(LayerPrefix.Length, name.IndexOf('.', LayerPrefix.Length) - LayerPrefix.Length),
                    CultureInfo.InvariantCulture
                )
        : name.StartsWith(EncoderPrefix, StringComparison.Ordinal) ? 0
        : layers + 1;
}
