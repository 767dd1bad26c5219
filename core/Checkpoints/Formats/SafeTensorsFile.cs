using Electra.Storage;
using static TorchSharp.torch;

namespace Electra.Checkpoints.Formats;

/// <summary>An open safetensors file. The header is checked when it is opened, so that every tensor it names can be read.</summary>
internal sealed class SafeTensorsFile : IWeightFile
{
    private readonly BinaryFile file;
    private readonly SafeTensorsHeader header;

    private SafeTensorsFile(BinaryFile file)
    {
        (this.file, header) = (file, SafeTensorsHeader.Read(file));
        Tensors = header.Entries.ToDictionary(entry => entry.Key, entry => entry.Value.Tensor, StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public string Path => file.Path;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>The texts in its header.</summary>
    public IReadOnlyDictionary<string, string> Metadata => header.Metadata;

    /// <summary>Opens a file.</summary>
    /// <exception cref="UserErrorException">There is no such file, or it is not a whole safetensors file.</exception>
    public static SafeTensorsFile Open(string path)
    {
        var file = new BinaryFile(path);
        try
        {
            return new SafeTensorsFile(file);
        }
        catch (Exception e)
        {
            file.Dispose();
            throw e is InvalidDataException ? Refused(path, e) : e;
        }
    }

    /// <summary>Reads a tensor into memory of its own.</summary>
    /// <exception cref="UserErrorException">There is no tensor of this name.</exception>
    public Tensor Load(string name)
    {
        var stored = this.Find(name);
        var tensor = empty([.. stored.Shape], dtype: stored.Type);
        CopyTo(name, tensor);
        return tensor;
    }

    /// <inheritdoc/>
    public void CopyTo(string name, Tensor destination)
    {
        var stored = this.Find(name, destination);
        try
        {
            file.Read(header.Entries[name].Start, stored.Type, destination);
        }
        catch (InvalidDataException e)
        {
            throw Refused(Path, e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private static UserErrorException Refused(string path, Exception e) =>
        new($"{Paths.Shown(path)} is not a safetensors file, or is damaged: {e.Message}", e);
}
