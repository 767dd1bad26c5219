using System.IO.MemoryMappedFiles;
using Electra.Files;
using Electra.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Electra.Checkpoints;

/// <summary>
/// An open safetensors file, mapped into memory: a tensor is copied once, from the pages of the file to where it is needed. The
/// header is checked when the file is opened, so that every tensor it names can be read.
/// </summary>
public sealed class SafeTensorsFile : IWeightFile
{
    private readonly MemoryMappedFile? map;
    private readonly MemoryMappedViewAccessor? view;
    private readonly SafeTensorsHeader header;

    private SafeTensorsFile(string path, SafeTensorsHeader header)
    {
        (Path, this.header) = (path, header);
        Tensors = header.Entries.ToDictionary(entry => entry.Key, entry => entry.Value.Tensor, StringComparer.Ordinal);
        if (header.Entries.Values.All(entry => entry.Length == 0))
            return; // nothing can be mapped where there is nothing
        map = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        view = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
    }

    /// <inheritdoc/>
    public string Path { get; }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>The texts in its header.</summary>
    public IReadOnlyDictionary<string, string> Metadata => header.Metadata;

    /// <summary>Opens a file.</summary>
    /// <exception cref="UserErrorException">There is no such file, or it is no whole safetensors file.</exception>
    public static SafeTensorsFile Open(string path)
    {
        if (!File.Exists(path))
            throw new UserErrorException($"there is no file {ProjectPath.Shown(path)}");
        return new SafeTensorsFile(path, SafeTensorsHeader.Read(path));
    }

    /// <summary>Reads a tensor into memory of its own.</summary>
    /// <exception cref="UserErrorException">There is no tensor of this name.</exception>
    public Tensor Load(string name)
    {
        var stored = this.Find(name);
        var tensor = empty([.. stored.Shape], dtype: stored.Type);
        Copy(name, tensor);
        return tensor;
    }

    /// <inheritdoc/>
    public void CopyTo(string name, Tensor destination)
    {
        var stored = this.Find(name, destination);
        using var _ = no_grad();
        if (destination.device_type == DeviceType.CPU && destination.dtype == stored.Type && destination.is_contiguous())
            Copy(name, destination);
        else
        {
            using var loaded = Load(name);
            destination.copy_(loaded);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        view?.Dispose();
        map?.Dispose();
    }

    private unsafe void Copy(string name, Tensor destination)
    {
        var (_, from, length) = header.Entries[name];
        if (length == 0)
            return;
        byte* start = null;
        view!.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        try
        {
            Buffer.MemoryCopy(start + from, (void*)NativeTensors.DataPointer(destination), length, length);
        }
        finally
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
        }
    }
}
