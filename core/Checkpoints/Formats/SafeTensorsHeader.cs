using System.Buffers.Binary;
using System.Text.Json;

namespace Electra.Checkpoints.Formats;

/// <summary>A tensor and the place of its bytes in the file.</summary>
internal readonly record struct PlacedTensor(StoredTensor Tensor, long Start, long Length);

/// <summary>
/// The header of a safetensors file, checked: the tensors fill the rest of the file, one after the other, without gap or overlap.
/// </summary>
/// <param name="Entries">The tensors by name.</param>
/// <param name="Metadata">Texts beside them.</param>
internal sealed record SafeTensorsHeader(IReadOnlyDictionary<string, PlacedTensor> Entries, IReadOnlyDictionary<string, string> Metadata)
{
    private const long LongestHeader = 100_000_000; // the library's own limit
    private const int DeepestHeader = 8;

    /// <summary>Reads the header of a file.</summary>
    /// <exception cref="InvalidDataException">It is not a whole safetensors file.</exception>
    public static SafeTensorsHeader Read(BinaryFile file)
    {
        long length = file.Length < 8 ? 0 : BinaryPrimitives.ReadInt64LittleEndian(file.Read(0, 8));
        if (length is < 2 or > LongestHeader || length > file.Length - 8)
            throw new InvalidDataException(
                file.Length < 8
                    ? "it has fewer than eight bytes"
                    : $"it says that its header has {(ulong)length:N0} bytes, and the file has {file.Length:N0}"
            );
        var header = file.Read(8, (int)length);

        var (entries, metadata) = (new Dictionary<string, PlacedTensor>(StringComparer.Ordinal), new Dictionary<string, string>());
        try
        {
            using var json = JsonDocument.Parse(
                header,
                new JsonDocumentOptions { MaxDepth = DeepestHeader, AllowDuplicateProperties = false }
            );
            foreach (var entry in json.RootElement.EnumerateObject())
                if (entry.Name == SafeTensors.MetadataName)
                    metadata = entry.Value.Deserialize<Dictionary<string, string>>() ?? [];
                else
                    entries.Add(entry.Name, Place(entry.Name, entry.Value, 8 + length));
        }
        catch (Exception e)
            when (e
                    is JsonException
                        or InvalidOperationException
                        or KeyNotFoundException
                        or FormatException
                        or OverflowException
                        or ArgumentException
                        or InvalidDataException
            )
        {
            throw new InvalidDataException($"its header: {e.Message}", e);
        }

        // Tensors that overlap, or bytes that belong to none, are not an accident.
        long end = 8 + length;
        foreach (var (tensor, start, size) in entries.Values.OrderBy(entry => entry.Start).ThenBy(entry => entry.Length))
            end =
                start == end
                    ? end + size
                    : throw new InvalidDataException($"the tensor {tensor.Name} starts at byte {start:N0}, and {end:N0} would be right");
        if (end != file.Length)
            throw new InvalidDataException($"its tensors end at byte {end:N0}, and the file has {file.Length:N0}");
        return new SafeTensorsHeader(entries, metadata);
    }

    private static PlacedTensor Place(string name, JsonElement entry, long dataStart)
    {
        var typeName = entry.GetProperty("dtype").GetString();
        int type = Array.FindIndex(SafeTensors.Types, t => t.Name == typeName);
        if (type < 0)
            throw new InvalidDataException(
                $"the tensor {name} has the type {typeName}, which is not one of {string.Join(' ', SafeTensors.Types.Select(t => t.Name))}"
            );
        long[] shape = [.. entry.GetProperty("shape").EnumerateArray().Select(n => n.GetInt64())];
        long[] offsets = [.. entry.GetProperty("data_offsets").EnumerateArray().Select(n => n.GetInt64())];
        if (shape.Any(n => n < 0) || offsets is not [>= 0, _] || offsets[1] < offsets[0])
            throw new InvalidDataException($"the tensor {name} has an impossible shape or place");
        long size = shape.Aggregate((long)SafeTensors.Types[type].Bytes, (product, n) => checked(product * n));
        if (size != offsets[1] - offsets[0])
            throw new InvalidDataException(
                $"the tensor {name} of shape [{string.Join(", ", shape)}] has {size} bytes, and a place for {offsets[1] - offsets[0]}"
            );
        return new PlacedTensor(new StoredTensor(name, SafeTensors.Types[type].Type, shape), checked(dataStart + offsets[0]), size);
    }
}
