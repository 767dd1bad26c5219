using System.Text.Json;
using System.Text.Json.Nodes;
using Electra.Files;
using Electra.Model;
using Electra.Text;
using static TorchSharp.torch;

namespace Electra.Checkpoints;

/// <summary>
/// Models as folders that Hugging Face's library loads by their path: <c>config.json</c>, <c>model.safetensors</c>,
/// <c>vocab.txt</c>, <c>tokenizer_config.json</c>.
/// </summary>
/// <remarks>
/// The generator's output matrix is not written: it is the word embeddings, and the library ties the two when it loads, in old
/// versions and new ones.
/// </remarks>
public static class HuggingFaceFolder
{
    /// <summary>Writes a pair as two folders, <c>discriminator</c> and <c>generator</c>, whole or not at all.</summary>
    /// <param name="folder">The folder to hold the two.</param>
    /// <param name="pair">The models.</param>
    /// <param name="tokenizer">The tokenizer they read.</param>
    public static void SavePair(string folder, ElectraPair pair, ElectraTokenizer tokenizer) => AtomicFolder.Write(folder, partial =>
    {
        int pad = tokenizer.Vocabulary.PadId;
        Save(Path.Combine(partial, "discriminator"), HuggingFaceConfig.Of(pair.Config, pair.Config.Discriminator, "ElectraForPreTraining", pad), pair.DiscriminatorWeights(), tokenizer);
        Save(Path.Combine(partial, "generator"), HuggingFaceConfig.Of(pair.Config, pair.Config.Generator, "ElectraForMaskedLM", pad), pair.GeneratorWeights(), tokenizer);
    });

    private static void Save(string folder, HuggingFaceConfig config, IEnumerable<(string Name, Tensor Value)> weights, ElectraTokenizer tokenizer)
    {
        SafeTensors.Save(Path.Combine(folder, "model.safetensors"), weights);
        AtomicFile.WriteAllText(Path.Combine(folder, "config.json"), config.ToJson());
        tokenizer.Vocabulary.Save(Path.Combine(folder, "vocab.txt"));
        AtomicFile.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), TokenizerConfig(tokenizer, config.MaxPositions));
    }

    private static string TokenizerConfig(ElectraTokenizer tokenizer, int maxLength)
    {
        var special = Vocabulary.SpecialTokens.Zip(["pad_token", "unk_token", "cls_token", "sep_token", "mask_token"]);
        var json = new JsonObject
        {
            ["do_lower_case"] = tokenizer.Lowercase,
            ["model_max_length"] = maxLength,
            ["strip_accents"] = null,
            ["tokenize_chinese_chars"] = true,
            ["tokenizer_class"] = "ElectraTokenizer",
        };
        foreach (var (token, name) in special)
            json[name] = token;
        return json.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n";
    }
}
