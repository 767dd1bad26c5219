using System.Security.Cryptography;
using System.Text.Json;
using Electra.Checkpoints.Formats;
using Electra.Storage;
using static TorchSharp.torch;

namespace Electra.Checkpoints;

/// <summary>
/// The state of a training run in a folder: tensors, and a record of what they belong to. The folder appears whole or not at all,
/// and a part of it that was damaged later is noticed.
/// </summary>
internal static class TrainingState
{
    private const string TensorsFile = "tensors.safetensors", InfoFile = "state.json";

    /// <summary>
    /// Of how states are made: a run goes on only with the random draws that it began with. 2: draws follow the example's row in the batch.
    /// 3: float32 on a CPU draws its dropout as bfloat16 does, and CUDA one number for each sample; the precision is recorded.
    /// </summary>
    private const int Format = 3;

    private sealed record Envelope<T>(T State, long TensorsBytes, string TensorsSha256, int Format = 1, string Layout = "");

    /// <summary>Saves a state; an older one in the folder is replaced once the new one is whole.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="tensors">The tensors by name.</param>
    /// <param name="layout">Names how they are laid out: a fingerprint of names, shapes and places of the parameters in them.</param>
    /// <param name="info">What they belong to.</param>
    public static void Save<T>(string folder, IEnumerable<(string Name, Tensor Value)> tensors, string layout, T info) =>
        AtomicFolder.Write(
            folder,
            partial =>
            {
                var file = Path.Combine(partial, TensorsFile);
                SafeTensors.Save(file, tensors);
                SealedJson.Write(
                    Path.Combine(partial, InfoFile),
                    new Envelope<T>(info, new FileInfo(file).Length, Sha256(file), Format, layout)
                );
            }
        );

    /// <summary>
    /// How long saving these may take where it has not been measured: a slow disk writes, and one core hashes, 100 MB/s together.
    /// </summary>
    public static TimeSpan EstimatedTime(IEnumerable<(string Name, Tensor Value)> tensors) =>
        TimeSpan.FromSeconds(tensors.Sum(tensor => tensor.Value.numel() * (double)tensor.Value.element_size()) / 100e6);

    /// <summary>Opens a state: the record, the name of the layout, and the tensors to read.</summary>
    /// <exception cref="UserErrorException">The folder holds no state, a damaged one, or one of another version.</exception>
    public static (T Info, string Layout, SafeTensorsFile Tensors) Load<T>(string folder)
    {
        AtomicFolder.Recover(folder);
        var (info, tensors) = (Path.Combine(folder, InfoFile), Path.Combine(folder, TensorsFile));
        UserErrorException Damaged(string why, Exception? cause = null) =>
            new($"the saved state {Paths.Shown(folder)} is damaged: {why}.", cause);
        Envelope<JsonElement> envelope;
        T state;
        try
        {
            envelope = SealedJson.Read<Envelope<JsonElement>>(info);
            if (envelope.Format != Format)
                throw new UserErrorException(
                    $"the saved state {Paths.Shown(folder)} is of another version of this kit, which drew its random numbers otherwise: "
                        + "that version can finish the run."
                );
            state = envelope.State.Deserialize<T>(SealedJson.Options) ?? throw new InvalidDataException("it is empty");
        }
        catch (Exception e) when (e is IOException or InvalidDataException or JsonException)
        {
            throw Damaged($"{InfoFile} cannot be read ({e.Message})", e);
        }
        if (!File.Exists(tensors) || new FileInfo(tensors).Length != envelope.TensorsBytes || Sha256(tensors) != envelope.TensorsSha256)
            throw Damaged($"{TensorsFile} is not the file that {InfoFile} describes");
        return (state, envelope.Layout, SafeTensorsFile.Open(tensors));
    }

    /// <summary>Moves a damaged state out of the way, in place of one that was set aside before.</summary>
    /// <returns>The name of its folder now.</returns>
    public static string SetAside(string folder)
    {
        var aside = folder + ".damaged";
        if (Directory.Exists(aside))
            Directory.Delete(aside, recursive: true);
        Directory.Move(folder, aside);
        return Path.GetFileName(aside);
    }

    private static string Sha256(string file)
    {
        using var stream = File.OpenRead(file);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
