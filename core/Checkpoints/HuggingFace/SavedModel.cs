using Electra.Model;
using static TorchSharp.torch;

namespace Electra.Checkpoints.HuggingFace;

/// <summary>A model as it is written for use elsewhere.</summary>
/// <param name="Folder">Its folder beside the models that are saved with it; empty where there are none.</param>
/// <param name="Architecture">The class of Hugging Face's library that its weights are loaded into.</param>
/// <param name="Config">Its shape.</param>
/// <param name="Weights">Its weights by the names that this class has for them, float32.</param>
internal sealed record SavedModel(
    string Folder,
    string Architecture,
    ElectraConfig Config,
    IEnumerable<(string Name, Tensor Value)> Weights
)
{
    /// <summary>What its <c>config.json</c> says of its outputs, where they are not what the class says: <c>electric</c>.</summary>
    public string? Objective { get; init; }
}
