using Electra.Checkpoints.Formats;
using Google.Protobuf;

namespace Electra.Tests.Checkpoints.Formats;

/// <summary>A variable of a TensorFlow checkpoint that is to be written.</summary>
internal sealed record TensorFlowVariable(string Name, int Type, long[] Shape, byte[] Bytes)
{
    public int Shard { get; init; }

    /// <summary>What the index says in the place of where the bytes are, and how many.</summary>
    public (long Start, long Length)? Place { get; init; }

    public bool IsSliced { get; init; }
}

/// <summary>Writes TensorFlow checkpoints, also such as TensorFlow would not.</summary>
internal static class TensorFlowFiles
{
    private const int Float = 1;

    /// <summary>A variable of float32.</summary>
    public static TensorFlowVariable Floats(string name, long[] shape, params float[] values) =>
        new(name, Float, shape, [.. values.SelectMany(BitConverter.GetBytes)]);

    /// <summary>The variables that make a checkpoint one of ELECTRA, and some of others.</summary>
    public static TensorFlowVariable[] Small(params TensorFlowVariable[] others) =>
        [Floats("electra/embeddings/word_embeddings", [2, 3], 1, 2, 3, 4, 5, 6), .. others];

    /// <summary>Writes the files of a checkpoint, and gives the name of its index.</summary>
    public static string Write(
        string prefix,
        IEnumerable<TensorFlowVariable> variables,
        int shards = 1,
        bool isBigEndian = false,
        byte compression = 0
    )
    {
        var data = Enumerable.Range(0, shards).Select(_ => new List<byte>()).ToArray();
        var entries = new List<(string, byte[])> { ("", Proto(output => Header(output, shards, isBigEndian))) };
        foreach (var variable in variables.OrderBy(variable => variable.Name, StringComparer.Ordinal))
        {
            var place = variable.Place ?? (data[variable.Shard].Count, variable.Bytes.Length);
            data[variable.Shard].AddRange(variable.Bytes);
            entries.Add((variable.Name, Proto(output => Entry(output, variable, place))));
        }
        for (int i = 0; i < shards; i++)
            File.WriteAllBytes($"{prefix}.data-{i:D5}-of-{shards:D5}", [.. data[i]]);
        File.WriteAllBytes(prefix + ".index", Table(entries, compression));
        return prefix + ".index";
    }

    /// <summary>A sorted table of one block.</summary>
    public static byte[] Table(IEnumerable<(string Key, byte[] Value)> entries, byte compression = 0)
    {
        var file = new List<byte>();
        var block = AddBlock(file, entries, compression);
        var index = AddBlock(file, [("z", block)], 0);
        byte[] footer = [.. AddBlock(file, [], 0), .. index];
        file.AddRange(footer);
        file.AddRange(new byte[40 - footer.Length]);
        file.AddRange(BitConverter.GetBytes(SortedTable.Magic));
        return [.. file];
    }

    /// <summary>Adds a block with its trailer, and gives where it is.</summary>
    private static byte[] AddBlock(List<byte> file, IEnumerable<(string Key, byte[] Value)> entries, byte compression)
    {
        byte[] content =
        [
            .. entries.SelectMany(entry => Entry(entry.Key, entry.Value)),
            .. new byte[4],
            1,
            0,
            0,
            0,
        ];
        byte[] place = [.. Varint(file.Count), .. Varint(content.Length)];
        byte[] checkedBytes = [.. content, compression];
        file.AddRange(checkedBytes);
        file.AddRange(BitConverter.GetBytes(SortedTable.Masked(SortedTable.Crc32C(checkedBytes))));
        return place;
    }

    private static byte[] Entry(string key, byte[] value) =>
        [.. Varint(0), .. Varint(key.Length), .. Varint(value.Length), .. key.Select(c => (byte)c), .. value];

    private static void Header(CodedOutputStream output, int shards, bool isBigEndian)
    {
        output.WriteTag(1 << 3);
        output.WriteInt32(shards);
        output.WriteTag(2 << 3);
        output.WriteInt32(isBigEndian ? 1 : 0);
    }

    private static void Entry(CodedOutputStream output, TensorFlowVariable variable, (long Start, long Length) place)
    {
        var shape = Proto(sizes =>
        {
            foreach (long size in variable.Shape)
            {
                sizes.WriteTag((2 << 3) | 2);
                sizes.WriteBytes(
                    ByteString.CopyFrom(
                        Proto(dimension =>
                        {
                            dimension.WriteTag(1 << 3);
                            dimension.WriteInt64(size);
                        })
                    )
                );
            }
        });
        output.WriteTag(1 << 3);
        output.WriteInt32(variable.Type);
        output.WriteTag((2 << 3) | 2);
        output.WriteBytes(ByteString.CopyFrom(shape));
        output.WriteTag(3 << 3);
        output.WriteInt32(variable.Shard);
        output.WriteTag(4 << 3);
        output.WriteInt64(place.Start);
        output.WriteTag(5 << 3);
        output.WriteInt64(place.Length);
        output.WriteTag((6 << 3) | 5);
        output.WriteFixed32(SortedTable.Masked(SortedTable.Crc32C(variable.Bytes)));
        if (!variable.IsSliced)
            return;
        output.WriteTag((7 << 3) | 2);
        output.WriteBytes(ByteString.CopyFrom(shape));
    }

    private static byte[] Proto(Action<CodedOutputStream> write)
    {
        using var bytes = new MemoryStream();
        using (var output = new CodedOutputStream(bytes, leaveOpen: true))
            write(output);
        return bytes.ToArray();
    }

    private static byte[] Varint(int value)
    {
        var bytes = new List<byte>();
        for (; value > 127; value >>= 7)
            bytes.Add((byte)(value | 128));
        return [.. bytes, (byte)value];
    }
}
