using System.IO.Compression;
using System.Text;

namespace Electra.Tests.Checkpoints.Formats;

/// <summary>Writes pickles instruction by instruction, as Python does and as it never would.</summary>
internal sealed class PickleBuilder
{
    private readonly MemoryStream bytes = new();

    public byte[] Bytes => bytes.ToArray();

    /// <summary>The pickle of a dictionary of tensors, as torch.save makes it.</summary>
    public static byte[] StateDict(params IEnumerable<TorchTensor> tensors)
    {
        var pickle = new PickleBuilder().Protocol().Global("collections", "OrderedDict").Op(')', 'R').Op('(');
        foreach (var tensor in tensors)
            pickle.Text(tensor.Name).Tensor(tensor);
        return pickle.Op('u', '.').Bytes;
    }

    public PickleBuilder Protocol(byte version = 2) => Raw(0x80, version);

    public PickleBuilder Raw(params ReadOnlySpan<byte> content)
    {
        bytes.Write(content);
        return this;
    }

    public PickleBuilder Op(params ReadOnlySpan<char> instructions)
    {
        foreach (char instruction in instructions)
            bytes.WriteByte((byte)instruction);
        return this;
    }

    public PickleBuilder Text(string text) =>
        Op('X').Raw(BitConverter.GetBytes(Encoding.UTF8.GetByteCount(text))).Raw(Encoding.UTF8.GetBytes(text));

    public PickleBuilder Int(long value) => value is >= 0 and < 256
        ? Op('K').Raw((byte)value)
        : Raw(0x8a, 8).Raw(BitConverter.GetBytes(value));

    public PickleBuilder Global(string module, string name) => Op('c').Raw(Encoding.UTF8.GetBytes($"{module}\n{name}\n"));

    public PickleBuilder Tuple(params ReadOnlySpan<long> values)
    {
        Op('(');
        foreach (long value in values)
            Int(value);
        return Op('t');
    }

    public PickleBuilder Storage(string kind, string key, long count, bool legacy = false)
    {
        Op('(').Text("storage").Global("torch", kind + "Storage").Text(key).Text("cpu").Int(count);
        return (legacy ? Op('N') : this).Op('t', 'Q');
    }

    public PickleBuilder Tensor(TorchTensor tensor) =>
        Global("torch._utils", "_rebuild_tensor_v2").Op('(').Storage(tensor.Kind, tensor.Key, tensor.StorageCount, tensor.Legacy)
            .Int(tensor.Offset).Tuple(tensor.Shape).Tuple(tensor.Strides).Raw(0x89)
            .Global("collections", "OrderedDict").Op(')', 'R', 't', 'R');
}

/// <summary>A tensor as torch describes it.</summary>
internal sealed record TorchTensor(
    string Name,
    string Kind,
    string Key,
    long StorageCount,
    long Offset,
    long[] Shape,
    long[] Strides,
    bool Legacy = false
);

/// <summary>Files of torch.save, made here.</summary>
internal static class TorchFiles
{
    public static byte[] Zip(byte[] pickle, params IEnumerable<(string Key, byte[] Content)> storages) =>
        Archive([
            ("archive/data.pkl", pickle),
            .. storages.Select(s => ($"archive/data/{s.Key}", s.Content)),
            ("archive/version", "3\n"u8.ToArray()),
        ]);

    public static byte[] Archive(
        IEnumerable<(string Name, byte[] Content)> files,
        CompressionLevel compression = CompressionLevel.NoCompression
    )
    {
        var buffer = new MemoryStream();
        using (var zip = new ZipArchive(buffer, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var (name, content) in files)
            {
                using var entry = zip.CreateEntry(name, compression).Open();
                entry.Write(content);
            }
        return buffer.ToArray();
    }

    public static byte[] Legacy(byte[] pickle, params (string Key, long Count, byte[] Content)[] storages)
    {
        var file = new MemoryStream();
        file.Write(LegacyHead());
        file.Write(pickle);
        var keys = new PickleBuilder().Protocol().Op(']', '(');
        foreach (var (key, _, _) in storages)
            keys.Text(key);
        file.Write(keys.Op('e', '.').Bytes);
        foreach (var (_, count, content) in storages)
        {
            file.Write(BitConverter.GetBytes(count));
            file.Write(content);
        }
        return file.ToArray();
    }

    public static byte[] LegacyHead(bool littleEndian = true, long protocol = 1001) =>
    [
        0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.',
        .. new PickleBuilder().Protocol().Int(protocol).Op('.').Bytes,
        .. new PickleBuilder().Protocol().Op('}', '(').Text("little_endian").Raw(littleEndian ? (byte)0x88 : (byte)0x89).Op('u', '.').Bytes,
    ];

    public static byte[] Floats(params float[] values) => [.. values.SelectMany(BitConverter.GetBytes)];
}
