using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using Electra.Native;
using Electra.Storage;
using static TorchSharp.torch;

namespace Electra.Checkpoints.Formats;

/// <summary>
/// The safetensors format: the length of a header in eight bytes, the header (JSON: name to type, shape and place), the bytes of the
/// tensors one after the other. (github.com/huggingface/safetensors)
/// </summary>
internal static class SafeTensors
{
    /// <summary>The name of metadata in the header.</summary>
    internal const string MetadataName = "__metadata__";

    /// <summary>Types by their names in the header, the widest first: the order in which the library writes tensors.</summary>
    internal static readonly (string Name, ScalarType Type, int Bytes)[] Types =
    [
        ("F64", ScalarType.Float64, 8),
        ("I64", ScalarType.Int64, 8),
        ("F32", ScalarType.Float32, 4),
        ("I32", ScalarType.Int32, 4),
        ("F16", ScalarType.Float16, 2),
        ("BF16", ScalarType.BFloat16, 2),
        ("I16", ScalarType.Int16, 2),
        ("U8", ScalarType.Byte, 1),
        ("I8", ScalarType.Int8, 1),
        ("BOOL", ScalarType.Bool, 1),
    ];

    /// <summary>The size of an element.</summary>
    internal static int ElementBytes(ScalarType type) => Array.Find(Types, known => known.Type == type).Bytes;

    /// <summary>Writes tensors to a file, whole or not at all. The same tensors give the same bytes.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">Names and tensors, on any device.</param>
    /// <param name="metadata">Texts to keep in the header; Hugging Face's library wants a format: <c>pt</c>.</param>
    public static void Save(
        string path,
        IEnumerable<(string Name, Tensor Value)> tensors,
        IReadOnlyDictionary<string, string>? metadata = null
    )
    {
        var ordered = tensors
            .Select(tensor => (tensor.Name, tensor.Value, Order: Array.FindIndex(Types, type => type.Type == tensor.Value.dtype)))
            .OrderByDescending(tensor => Types[tensor.Order].Bytes)
            .ThenBy(tensor => tensor.Name, StringComparer.Ordinal)
            .ToArray();
        var header = Header(
            ordered.Select(tensor => (tensor.Name, Types[tensor.Order], tensor.Value.shape)),
            metadata ?? new Dictionary<string, string> { ["format"] = "pt" }
        );
        AtomicFile.Write(
            path,
            stream =>
            {
                stream.Write(header);
                foreach (var (_, value, _) in ordered)
                    WriteElements(stream, value);
            }
        );
    }

    private static byte[] Header(
        IEnumerable<(string Name, (string Name, ScalarType, int Bytes) Type, long[] Shape)> tensors,
        IReadOnlyDictionary<string, string> metadata
    )
    {
        using var buffer = new MemoryStream();
        buffer.Write(new byte[8]);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WritePropertyName(MetadataName);
            JsonSerializer.Serialize(json, metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal).ToDictionary());
            long offset = 0;
            foreach (var (name, type, shape) in tensors)
            {
                long end = offset + shape.Aggregate((long)type.Bytes, (size, n) => size * n);
                json.WritePropertyName(name);
                JsonSerializer.Serialize(json, new { dtype = type.Name, shape, data_offsets = new[] { offset, end } });
                offset = end;
            }
            json.WriteEndObject();
        }
        while (buffer.Length % 8 != 0)
            buffer.WriteByte((byte)' ');
        var header = buffer.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(header, header.Length - 8);
        return header;
    }

    private static unsafe void WriteElements(Stream stream, Tensor value)
    {
        using var scope = NewDisposeScope();
        var contiguous = value.detach().cpu().contiguous();
        var start = (byte*)NativeTensors.DataPointer(contiguous);
        const int Chunk = 1 << 24; // a span holds two gigabytes at most
        for (long left = contiguous.numel() * contiguous.ElementSize; left > 0; left -= Chunk, start += Chunk)
            stream.Write(new ReadOnlySpan<byte>(start, (int)Math.Min(left, Chunk)));
    }
}
