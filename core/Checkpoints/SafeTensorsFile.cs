using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Text.Json;
using Electra.Files;
using Electra.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Electra.Checkpoints;

/// <summary>A tensor in a file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">The type of its elements.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Start">Where its bytes start in the file.</param>
/// <param name="Length">How many bytes it has.</param>
public sealed record StoredTensor(string Name, ScalarType Type, IReadOnlyList<long> Shape, long Start, long Length);

/// <summary>An open safetensors file. The header is checked when it is opened, so that every tensor it names can be read.</summary>
public sealed class SafeTensorsFile : IDisposable
{
    private const long LongestHeader = 100_000_000; // the library's own limit
    private const int DeepestHeader = 8;

    private readonly MemoryMappedFile? map;
    private readonly MemoryMappedViewAccessor? view;

    private SafeTensorsFile(string path, MemoryMappedFile? map, IReadOnlyDictionary<string, StoredTensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        (Path, this.map, Tensors, Metadata) = (path, map, tensors, metadata);
        view = map?.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>What is in it, by name.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>The texts in its header.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Opens a file.</summary>
    /// <exception cref="UserErrorException">There is no such file, or it is no whole safetensors file.</exception>
    public static SafeTensorsFile Open(string path)
    {
        if (!File.Exists(path))
            throw new UserErrorException($"there is no file {ProjectPath.Shown(path)}");
        UserErrorException Refused(string why, Exception? cause = null) => new($"{ProjectPath.Shown(path)} is no safetensors file, or damaged: {why}", cause);

        using var stream = File.OpenRead(path);
        Span<byte> prefix = stackalloc byte[8];
        if (stream.ReadAtLeast(prefix, 8, throwOnEndOfStream: false) < 8)
            throw Refused("it has fewer than eight bytes");
        long headerLength = BinaryPrimitives.ReadInt64LittleEndian(prefix);
        if (headerLength is < 2 or > LongestHeader || headerLength > stream.Length - 8)
            throw Refused($"it says that its header has {(ulong)headerLength:N0} bytes, and the file has {stream.Length:N0}");
        var header = new byte[headerLength];
        stream.ReadExactly(header);

        var (tensors, metadata) = (new Dictionary<string, StoredTensor>(StringComparer.Ordinal), new Dictionary<string, string>());
        try
        {
            using var json = JsonDocument.Parse(header, new JsonDocumentOptions { MaxDepth = DeepestHeader, AllowDuplicateProperties = false });
            foreach (var entry in json.RootElement.EnumerateObject())
                if (entry.Name == SafeTensors.MetadataName)
                    metadata = entry.Value.Deserialize<Dictionary<string, string>>() ?? [];
                else
                    tensors.Add(entry.Name, Describe(entry.Name, entry.Value, 8 + headerLength));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or OverflowException or ArgumentException or InvalidDataException)
        {
            throw Refused($"its header: {e.Message}", e);
        }

        // The tensors must lie one after the other and fill the file: what overlaps or is left over is no accident.
        long end = 8 + headerLength;
        foreach (var tensor in tensors.Values.OrderBy(tensor => tensor.Start).ThenBy(tensor => tensor.Length))
            end = tensor.Start == end ? end + tensor.Length : throw Refused($"the tensor {tensor.Name} starts at byte {tensor.Start:N0}, and {end:N0} would be right");
        if (end != stream.Length)
            throw Refused($"its tensors end at byte {end:N0}, and the file has {stream.Length:N0}");
        return new SafeTensorsFile(path, stream.Length == 8 + headerLength ? null : MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read), tensors, metadata);
    }

    /// <summary>Reads a tensor into memory of its own.</summary>
    /// <exception cref="UserErrorException">There is no tensor of this name.</exception>
    public Tensor Load(string name)
    {
        var stored = Find(name);
        var tensor = empty([.. stored.Shape], dtype: stored.Type);
        Copy(stored, tensor);
        return tensor;
    }

    /// <summary>Reads a tensor into an existing one of the same shape, on any device, converting its type where it differs.</summary>
    /// <exception cref="UserErrorException">There is no tensor of this name, or it has another shape.</exception>
    public void CopyTo(string name, Tensor destination)
    {
        var stored = Find(name);
        if (!stored.Shape.SequenceEqual(destination.shape))
            throw new UserErrorException($"{ProjectPath.Shown(Path)}: {name} is [{string.Join(", ", stored.Shape)}], and [{string.Join(", ", destination.shape)}] is needed");
        using var _ = no_grad();
        if (destination.device_type == DeviceType.CPU && destination.dtype == stored.Type && destination.is_contiguous())
            Copy(stored, destination);
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

    private static StoredTensor Describe(string name, JsonElement entry, long dataStart)
    {
        var typeName = entry.GetProperty("dtype").GetString();
        int type = Array.FindIndex(SafeTensors.Types, t => t.Name == typeName);
        if (type < 0)
            throw new InvalidDataException($"the tensor {name} has the type {typeName}, which is not one of {string.Join(' ', SafeTensors.Types.Select(t => t.Name))}");
        long[] shape = [.. entry.GetProperty("shape").EnumerateArray().Select(n => n.GetInt64())];
        long[] offsets = [.. entry.GetProperty("data_offsets").EnumerateArray().Select(n => n.GetInt64())];
        if (shape.Any(n => n < 0) || offsets is not [>= 0, _] || offsets[1] < offsets[0])
            throw new InvalidDataException($"the tensor {name} has an impossible shape or place");
        long size = shape.Aggregate((long)SafeTensors.Types[type].Bytes, (product, n) => checked(product * n));
        if (size != offsets[1] - offsets[0])
            throw new InvalidDataException($"the tensor {name} of shape [{string.Join(", ", shape)}] has {size} bytes, and a place for {offsets[1] - offsets[0]}");
        return new StoredTensor(name, SafeTensors.Types[type].Type, shape, checked(dataStart + offsets[0]), size);
    }

    private StoredTensor Find(string name) => Tensors.TryGetValue(name, out var stored)
        ? stored
        : throw new UserErrorException($"{ProjectPath.Shown(Path)} has no tensor {name}");

    private unsafe void Copy(StoredTensor stored, Tensor destination)
    {
        if (stored.Length == 0)
            return;
        byte* start = null;
        view!.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        try
        {
            Buffer.MemoryCopy(start + stored.Start, (void*)NativeTensors.DataPointer(destination), stored.Length, stored.Length);
        }
        finally
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
        }
    }
}
