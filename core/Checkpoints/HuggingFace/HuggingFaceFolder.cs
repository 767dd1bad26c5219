using Electra.Checkpoints.Formats;
using Electra.Model;
using Electra.Storage;
using Electra.Tokenization;
using static TorchSharp.torch;

namespace Electra.Checkpoints.HuggingFace;

/// <summary>
/// Models as folders that Hugging Face's library loads by their path: <c>config.json</c>, <c>model.safetensors</c>,
/// <c>tokenizer.json</c>, <c>tokenizer_config.json</c>, <c>vocab.txt</c>.
/// </summary>
/// <remarks>
/// The generator's output matrix is not written: it is the word embeddings, and the library ties the two when it loads, in old
/// versions and new ones.
/// </remarks>
internal static class HuggingFaceFolder
{
    /// <summary>The folder of one of a pair.</summary>
    internal static string FolderOf(ModelPart part) => part == ModelPart.Generator ? "generator" : "discriminator";

    /// <summary>The models of a pair; two towers are of no class that the library has.</summary>
    public static IReadOnlyList<SavedModel> ModelsOf(ElectraPair pair) =>
    [
        new(FolderOf(ModelPart.Discriminator), "ElectraForPreTraining", pair.Config, pair.DiscriminatorWeights()),
        .. pair is { HasGenerator: true, Towers: null }
            ? new SavedModel[]
            {
                new(FolderOf(ModelPart.Generator), "ElectraForMaskedLM", pair.Config.GeneratorShape, pair.GeneratorWeights()),
            }
            : [],
    ];

    /// <summary>Writes a pair as folders, <c>discriminator</c> and <c>generator</c>.</summary>
    /// <inheritdoc cref="Save"/>
    public static void SavePair(string folder, ElectraPair pair, ElectraTokenizer tokenizer, Func<SavedModel, ModelCard>? card = null) =>
        Save(folder, ModelsOf(pair), tokenizer, card);

    /// <summary>Writes models that were trained together, each as a folder, all whole or not at all.</summary>
    /// <param name="folder">The folder to hold them.</param>
    /// <param name="models">The models.</param>
    /// <param name="tokenizer">The tokenizer they read.</param>
    /// <param name="card">The model card of each; null: none.</param>
    public static void Save(
        string folder,
        IReadOnlyList<SavedModel> models,
        ElectraTokenizer tokenizer,
        Func<SavedModel, ModelCard>? card = null
    ) =>
        AtomicFolder.Write(
            folder,
            partial =>
            {
                foreach (var model in models)
                {
                    var files = Path.Combine(partial, model.Folder);
                    var config = HuggingFaceConfig.Of(model.Config, model.Architecture, tokenizer.Vocabulary.PadId) with
                    {
                        Objective = model.Objective,
                    };
                    WriteFiles(files, config, model.Weights, tokenizer);
                    if (card is not null)
                        AtomicFile.WriteAllText(Path.Combine(files, ModelCard.FileName), card(model).ToString());
                }
            });

    /// <summary>Writes the files of a model into a folder that is there, each whole or not at all.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="config">What it is.</param>
    /// <param name="weights">Its weights by Hugging Face's names.</param>
    /// <param name="tokenizer">The tokenizer it reads.</param>
    /// <param name="maxTokens">Tokens to which longer texts are cut; null: as many as it has positions.</param>
    public static void WriteFiles(
        string folder,
        HuggingFaceConfig config,
        IEnumerable<(string Name, Tensor Value)> weights,
        ElectraTokenizer tokenizer,
        int? maxTokens = null
    )
    {
        using var scope = NewDisposeScope();
        // Versions of the library before 4.31 look for this constant among the weights; later ones know it.
        var positions = (WeightNames.Positions, arange(config.MaxPositions, dtype: int64).unsqueeze(0));
        SafeTensors.Save(Path.Combine(folder, "model.safetensors"), weights.Prepend(positions));
        WriteDescription(folder, config, tokenizer, maxTokens);
    }

    /// <summary>Writes the files of a model but its weights.</summary>
    internal static void WriteDescription(string folder, HuggingFaceConfig config, ElectraTokenizer tokenizer, int? maxTokens = null)
    {
        AtomicFile.WriteAllText(Path.Combine(folder, "config.json"), config.ToJson());
        TokenizerWriter.Save(folder, tokenizer, maxTokens ?? config.MaxPositions);
    }
}
