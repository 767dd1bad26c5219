using System.Text.Json;
using Electra.Storage;

namespace Electra.Checkpoints.Formats;

/// <summary>Models that other programs write and that cannot be read here, each named as what it is.</summary>
internal static class OtherFormats
{
    private const string Convert = "convert it first, with transformers: the folder that save_pretrained writes can be opened";

    private const string TensorFlow = "a part of a TensorFlow checkpoint, whose file .index is not beside it";

    private const string Archive = "a tar archive: unpack it (tar -xf), and name the folder",
        Compressed = "a compressed file: unpack it, and name what is in it";

    /// <summary>Ends of file names, and what such a file is.</summary>
    private static readonly (string End, string What)[] Known =
    [
        (".h5", "a model of TensorFlow's Keras: " + Convert + " (from_tf=True, transformers 4)"),
        (".msgpack", "a model of Flax: " + Convert + " (from_flax=True, transformers 4)"),
        (".meta", TensorFlow),
        (".onnx", "an ONNX file, which has no weights to train: open the model that it was exported from"),
        (".gguf", "a file of llama.cpp: open the model that it was made from"),
        (".tar", Archive),
        (".tar.gz", Archive),
        (".tgz", Archive),
        (".tar.bz2", Archive),
        (".tar.xz", Archive),
        (".tar.zst", Archive),
        (".7z", "a 7z archive: unpack it (7z x), and name the folder"),
        (".rar", "a RAR archive: unpack it, and name the folder"),
        (".gz", Compressed),
        (".bz2", Compressed),
        (".xz", Compressed),
        (".zst", Compressed),
    ];

    /// <summary>Refuses a file of another program.</summary>
    /// <exception cref="UserErrorException">It is one.</exception>
    public static void Refuse(string path)
    {
        var what =
            path.Contains(".data-0000", StringComparison.Ordinal) ? TensorFlow
            : IsVersion1(path) ? "a TensorFlow checkpoint of version 1, which cannot be read: "
                + "save it again as version 2 (tf.train.Saver(write_version=tf.train.SaverDef.V2))"
            : File.Exists(path) ? Array.Find(Known, known => path.EndsWith(known.End, StringComparison.OrdinalIgnoreCase)).What
            : null;
        if (what is not null)
            throw new UserErrorException($"{Paths.Shown(path)} is {what}");
    }

    /// <summary>Whether a file is one sorted table that is not the index of a checkpoint: the first version has all in it.</summary>
    private static bool IsVersion1(string path)
    {
        if (!File.Exists(path) || WeightFiles.IsWeights(path))
            return false;
        using var file = new BinaryFile(path);
        int end = (int)Math.Min(file.Length, 48);
        return SortedTable.IsTable(file.Read(file.Length - end, end));
    }

    /// <summary>Refuses a folder without weights that can be read, but with those of another program or of an adapter.</summary>
    /// <exception cref="UserErrorException">It has such weights.</exception>
    public static void RefuseFolder(string folder)
    {
        var adapter = Path.Combine(folder, "adapter_config.json");
        if (FileStatus.Of(adapter).Kind == FileKind.File)
            throw new UserErrorException($"{Paths.Shown(folder)} holds an adapter (LoRA) and not the model: "
                + $"merge it into its base model{BaseOf(adapter)} with peft's merge_and_unload first");
        foreach (var file in FolderFiles.In(folder))
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
