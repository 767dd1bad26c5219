using System.Text.Json;
using Electra.Storage;

namespace Electra.Checkpoints.Formats;

/// <summary>Models that other programs write and that cannot be read here, each named as what it is.</summary>
internal static class OtherFormats
{
    private const string Convert = "convert it first, with transformers: the folder that save_pretrained writes can be opened";

    private const string TensorFlow = "a TensorFlow checkpoint: " + Convert
        + " (for Google's own, transformers 4 has models/electra/convert_electra_original_tf_checkpoint_to_pytorch.py)";

    /// <summary>Ends of file names, and what such a file is.</summary>
    private static readonly (string End, string What)[] Known =
    [
        (".h5", "a model of TensorFlow's Keras: " + Convert + " (from_tf=True, transformers 4)"),
        (".msgpack", "a model of Flax: " + Convert + " (from_flax=True, transformers 4)"),
        (".meta", TensorFlow),
        (".index", TensorFlow),
        (".onnx", "an ONNX file, which has no weights to train: open the model that it was exported from"),
        (".gguf", "a file of llama.cpp: open the model that it was made from"),
        (".zip", "a zip archive: unpack it"),
        (".gz", "a compressed file: unpack it"),
    ];

    /// <summary>
    /// Refuses a file of another program, or the common beginning of a TensorFlow checkpoint's files (<c>model.ckpt-1000</c>).
    /// </summary>
    /// <exception cref="UserErrorException">It is one.</exception>
    public static void Refuse(string path)
    {
        var what =
            path.Contains(".data-0000", StringComparison.Ordinal) || (!Path.Exists(path) && File.Exists(path + ".index")) ? TensorFlow
            : File.Exists(path) ? Array.Find(Known, known => path.EndsWith(known.End, StringComparison.OrdinalIgnoreCase)).What
            : null;
        if (what is not null)
            throw new UserErrorException($"{Paths.Shown(path)} is {what}");
    }

    /// <summary>Refuses a folder without weights that can be read, but with those of another program or of an adapter.</summary>
    /// <exception cref="UserErrorException">It has such weights.</exception>
    public static void RefuseFolder(string folder)
    {
        var adapter = Path.Combine(folder, "adapter_config.json");
        if (File.Exists(adapter))
            throw new UserErrorException($"{Paths.Shown(folder)} holds an adapter (LoRA) and not the model: "
                + $"merge it into its base model{BaseOf(adapter)} with peft's merge_and_unload first");
        foreach (var file in Directory.GetFiles(folder).Order(StringComparer.Ordinal))
            Refuse(file);
    }

    private static string BaseOf(string adapter)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(adapter));
            return json.RootElement.GetProperty("base_model_name_or_path").GetString() is { Length: > 0 } name ? $" {name}" : "";
        }
        catch (Exception e)
            when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return "";
        }
    }
}
