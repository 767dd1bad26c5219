using System.Globalization;
using Electra.Native;
using Electra.Storage;
using Google.Protobuf;
using static TorchSharp.torch;

namespace Electra.Checkpoints.Formats;

/// <summary>
/// An open TensorFlow checkpoint as <c>tf.train.Saver</c> writes it: <c>prefix.index</c> says of each variable where its bytes are in
/// <c>prefix.data-00000-of-00001</c> or in which of several such files (tensorflow, <c>core/protobuf/tensor_bundle.proto</c>). Every
/// checksum is checked: those of the index when it is opened, a variable's when it is read.
/// </summary>
internal sealed class TensorFlowBundle : IDisposable
{
    /// <summary>What the name of an index ends in.</summary>
    public const string IndexEnd = ".index";

    private const int LongestIndex = 1 << 26, MostShards = 100_000, MostDimensions = 8;
    private const string ObjectGraph = "_CHECKPOINTABLE_OBJECT_GRAPH";

    /// <summary>TensorFlow's numbers of types.</summary>
    private static readonly Dictionary<int, ScalarType> Types = new()
    {
        [1] = ScalarType.Float32,
        [2] = ScalarType.Float64,
        [3] = ScalarType.Int32,
        [9] = ScalarType.Int64,
        [10] = ScalarType.Bool,
        [14] = ScalarType.BFloat16,
        [19] = ScalarType.Float16,
    };

    private readonly string prefix;
    private readonly Dictionary<string, Entry> entries = new(StringComparer.Ordinal);
    private readonly Dictionary<int, BinaryFile> shards = [];
    private int shardCount;

    private TensorFlowBundle(string prefix) => this.prefix = prefix;

    /// <summary>The index.</summary>
    public string Path => prefix + IndexEnd;

    /// <summary>The names of all variables.</summary>
    public IEnumerable<string> Names => entries.Keys;

    /// <summary>Opens a checkpoint.</summary>
    /// <param name="index">The file <c>prefix.index</c>.</param>
    /// <exception cref="UserErrorException">There is no such file, one of its files is missing or damaged, or it is of another
    /// kind.</exception>
    public static TensorFlowBundle Open(string index)
    {
        var bundle = new TensorFlowBundle(index[..^IndexEnd.Length]);
        try
        {
            bundle.ReadIndex();
            return bundle;
        }
        catch (Exception e)
        {
            bundle.Dispose();
            throw e is InvalidDataException or InvalidProtocolBufferException ? bundle.Refused(e) : e;
        }
    }

    /// <summary>A variable's type and shape.</summary>
    /// <exception cref="UserErrorException">Its type cannot be read, or it is saved in slices.</exception>
    public StoredTensor Describe(string name)
    {
        var entry = entries[name];
        try
        {
            if (entry.IsSliced)
                throw new InvalidDataException($"{name} is saved in slices (a partitioned variable), which cannot be read");
            if (!Types.TryGetValue(entry.Type, out var type))
                throw new InvalidDataException($"{name} has the type {entry.Type} of TensorFlow, which cannot be read");
            UInt128 bytes = (UInt128)SafeTensors.ElementBytes(type);
            foreach (long size in entry.Shape)
                bytes = size < 0 || bytes > long.MaxValue ? UInt128.MaxValue : bytes * (UInt128)size;
            if (bytes != (UInt128)Math.Max(0, entry.Length) || entry.Length < 0)
                throw new InvalidDataException(
                    $"{name} is [{string.Join(", ", entry.Shape)}] and has {entry.Length:N0} bytes, which do not fit"
                );
            if (entry.Start < 0 || entry.Start > Shard(entry.Shard).Length - entry.Length)
                throw new InvalidDataException(
                    $"{name} ends at byte {(UInt128)(ulong)entry.Start + (UInt128)entry.Length:N0} of {ShardName(entry.Shard)}, which has "
                        + $"{Shard(entry.Shard).Length:N0}: the file is not whole"
                );
            return new StoredTensor(name, type, entry.Shape);
        }
        catch (InvalidDataException e)
        {
            throw Refused(e);
        }
    }

    /// <summary>Reads a variable into memory of its own.</summary>
    /// <exception cref="UserErrorException">The file is damaged.</exception>
    public Tensor Load(string name)
    {
        var (stored, entry) = (Describe(name), entries[name]);
        var tensor = empty([.. stored.Shape], dtype: stored.Type);
        try
        {
            Shard(entry.Shard).Read(entry.Start, tensor);
            if (SortedTable.Masked(Crc32C(tensor)) != entry.Checksum)
                throw new InvalidDataException($"the checksum of {name} in {ShardName(entry.Shard)} does not fit: the file is damaged");
            return tensor;
        }
        catch (InvalidDataException e)
        {
            tensor.Dispose();
            throw Refused(e);
        }
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach (var shard in shards.Values)
            shard.Dispose();
    }

    private void ReadIndex()
    {
        using var file = new BinaryFile(Path);
        if (file.Length > LongestIndex)
            throw new InvalidDataException($"it has {file.Length:N0} bytes, more than any model's index");
        bool hasHeader = false;
        foreach (var (key, value) in SortedTable.Read(file.Read(0, (int)file.Length)))
            if (key != "")
                entries.Add(key, Entry.Read(value));
            else
            {
                hasHeader = true;
                ReadHeader(value);
            }
        if (!hasHeader)
            throw new InvalidDataException("it has no header: it is a table of something else, or of a checkpoint of version 1");
        if (entries.ContainsKey(ObjectGraph))
            throw new InvalidDataException(
                "it is an object-based checkpoint of TensorFlow 2 (Keras, NVIDIA's code), whose names are not those of Google's code: "
                    + "only checkpoints of tf.train.Saver can be read"
            );
    }

    private void ReadHeader(ReadOnlyMemory<byte> header)
    {
        var input = new CodedInputStream(header.ToArray());
        for (uint tag; (tag = input.ReadTag()) != 0;)
            switch (tag)
            {
                case 1 << 3:
                    shardCount = input.ReadInt32();
                    break;
                case 2 << 3:
                    if (input.ReadInt32() != 0)
                        throw new InvalidDataException("its numbers are big-endian, which cannot be read");
                    break;
                default:
                    input.SkipLastField();
                    break;
            }
        if (shardCount is < 1 or > MostShards)
            throw new InvalidDataException($"it says that there are {shardCount} files of data");
    }

    private static unsafe uint Crc32C(Tensor tensor)
    {
        const int Chunk = 1 << 26;
        var at = (byte*)NativeTensors.DataPointer(tensor);
        uint crc = 0;
        for (long left = tensor.numel() * tensor.ElementSize; left > 0; left -= Chunk, at += Chunk)
            crc = SortedTable.Crc32C(new ReadOnlySpan<byte>(at, (int)Math.Min(left, Chunk)), crc);
        return crc;
    }

    private BinaryFile Shard(int number)
    {
        if (number < 0 || number >= shardCount)
            throw new InvalidDataException($"it names the file of data {number}, and says that there are {shardCount}");
        if (!shards.TryGetValue(number, out var shard))
            shards.Add(number, shard = new BinaryFile(prefix + DataEnd(number)));
        return shard;
    }

    private string ShardName(int number) => System.IO.Path.GetFileName(prefix) + DataEnd(number);

    private string DataEnd(int number) => string.Create(CultureInfo.InvariantCulture, $".data-{number:D5}-of-{shardCount:D5}");

    private UserErrorException Refused(Exception e) =>
        new($"{Paths.Shown(Path)} is not a TensorFlow checkpoint that can be read, or it is damaged: {e.Message}", e);

    /// <summary>What the index says of a variable (<c>BundleEntryProto</c>).</summary>
    private sealed record Entry
    {
        public int Type { get; private set; }

        public IReadOnlyList<long> Shape { get; private set; } = [];

        public int Shard { get; private set; }

        public long Start { get; private set; }

        public long Length { get; private set; }

        public uint Checksum { get; private set; }

        public bool IsSliced { get; private set; }

        public static Entry Read(ReadOnlyMemory<byte> value)
        {
            var (input, entry) = (new CodedInputStream(value.ToArray()), new Entry());
            for (uint tag; (tag = input.ReadTag()) != 0;)
                switch (tag)
                {
                    case 1 << 3: entry.Type = input.ReadInt32(); break;
                    case (2 << 3) | 2: entry.Shape = Sizes(input.ReadBytes()); break;
                    case 3 << 3: entry.Shard = input.ReadInt32(); break;
                    case 4 << 3: entry.Start = input.ReadInt64(); break;
                    case 5 << 3: entry.Length = input.ReadInt64(); break;
                    case (6 << 3) | 5: entry.Checksum = input.ReadFixed32(); break;
                    case (7 << 3) | 2:
                        entry.IsSliced = true;
                        input.SkipLastField();
                        break;
                    default: input.SkipLastField(); break;
                }
            return entry;
        }

        /// <summary>The sizes of a <c>TensorShapeProto</c>.</summary>
        private static List<long> Sizes(ByteString shape)
        {
            var (input, sizes) = (shape.CreateCodedInput(), new List<long>());
            for (uint tag; (tag = input.ReadTag()) != 0;)
                if (tag != ((2 << 3) | 2))
                    input.SkipLastField();
                else
                {
                    var dimension = input.ReadBytes().CreateCodedInput();
                    long size = 0;
                    for (uint inner; (inner = dimension.ReadTag()) != 0;)
                        if (inner == 1 << 3)
                            size = dimension.ReadInt64();
                        else
                            dimension.SkipLastField();
                    sizes.Add(size);
                }
            return sizes.Count <= MostDimensions ? sizes : throw new InvalidDataException($"a variable has {sizes.Count} dimensions");
        }
    }
}
