using System.Buffers.Binary;
using System.Numerics;
using Electra.Storage;
using static TorchSharp.torch;

namespace Electra.Checkpoints.Formats;

/// <summary>
/// An open file of <c>torch.save</c> (<c>.bin</c>, <c>.pth</c>, <c>.pt</c>): a dictionary of tensors by name, or one that holds such a
/// dictionary beside other things (<see cref="StateDictionaries"/>). Both forms are
/// read: the zip archive of torch 1.6 and later, and the row of pickles before it.
/// </summary>
internal sealed class PyTorchFile : IWeightFile
{
    private const int LongestPickle = 1 << 26;

    private readonly BinaryFile file;
    private readonly Dictionary<string, PickledTensor> tensors;
    private readonly Dictionary<string, long> storageStarts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ZipEntry> unverified = new(StringComparer.Ordinal);

    private PyTorchFile(BinaryFile file)
    {
        this.file = file;
        (tensors, Remark) = StateDictionaries.Choose(StoredZip.IsZip(file) ? ReadZip() : ReadLegacy());
        Tensors = tensors.ToDictionary(
            entry => entry.Key,
            entry => new StoredTensor(entry.Key, entry.Value.Storage.Type, entry.Value.Shape),
            StringComparer.Ordinal
        );
    }

    /// <inheritdoc/>
    public string Path => file.Path;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <inheritdoc/>
    public string? Remark { get; }

    /// <summary>Opens a file. What it holds is only looked at: no code in it is run.</summary>
    /// <exception cref="UserErrorException">There is no such file, it is damaged, or it holds what is not allowed.</exception>
    public static PyTorchFile Open(string path)
    {
        var file = new BinaryFile(path);
        try
        {
            return new PyTorchFile(file);
        }
        catch (Exception e)
        {
            file.Dispose();
            throw e is InvalidDataException ? Refused(path, e) : e;
        }
    }

    /// <inheritdoc/>
    public void CopyTo(string name, Tensor destination)
    {
        this.Find(name, destination);
        var tensor = tensors[name];
        var (type, start) = (tensor.Storage.Type, storageStarts[tensor.Storage.Key]);
        try
        {
            if (unverified.Remove(tensor.Storage.Key, out var entry))
                Verify(entry, name);
            if (tensor.IsContiguous)
            {
                file.Read(start + tensor.Offset * SafeTensors.ElementBytes(type), type, destination);
                return;
            }
            using var _ = no_grad();
            using var scope = NewDisposeScope();
            var storage = empty(tensor.Storage.Count, dtype: type);
            file.Read(start, storage);
            destination.copy_(storage.as_strided([.. tensor.Shape], [.. tensor.Strides], tensor.Offset));
        }
        catch (InvalidDataException e)
        {
            throw Refused(Path, e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private static UserErrorException Refused(string path, Exception e) =>
        new($"{Paths.Shown(path)} is not a PyTorch file that can be loaded: {e.Message}", e);

    /// <summary>An archive: <c>…/data.pkl</c>, and the storages as <c>…/data/key</c>.</summary>
    private object? ReadZip()
    {
        var entries = StoredZip.Entries(file);
        string[] pickles =
        [
            .. entries.Keys.Where(name => name.EndsWith("/data.pkl", StringComparison.Ordinal) && name.Count(c => c == '/') == 1),
        ];
        if (pickles is not [var pickle])
            throw new InvalidDataException($"the archive has {pickles.Length} files data.pkl, where torch writes one");
        var root = pickle[..^"data.pkl".Length];
        if (entries.TryGetValue(root + "byteorder", out var order) && Bytes(order) is not [(byte)'l', ..])
            throw new InvalidDataException("its numbers are big-endian");
        if (entries[pickle].Length > LongestPickle)
            throw new InvalidDataException($"its pickle has {entries[pickle].Length:N0} bytes, more than any model's");

        Verify(entries[pickle], pickle);
        var unpickler = new Unpickler(Bytes(entries[pickle]));
        var content = unpickler.Read();
        foreach (var storage in unpickler.Storages.Values)
        {
            if (!entries.TryGetValue($"{root}data/{storage.Key}", out var entry) || entry.Length != storage.Bytes)
                throw new InvalidDataException(
                    $"the storage {storage.Key} is not in it with the {storage.Bytes:N0} bytes that its elements have"
                );
            storageStarts.Add(storage.Key, entry.Start);
            unverified.Add(storage.Key, entry);
        }
        return content;
    }

    /// <summary>
    /// A row of pickles: magic number, protocol, system, content, keys of the storages; then each storage behind its length.
    /// </summary>
    private object? ReadLegacy()
    {
        var head = file.Read(0, (int)Math.Min(file.Length, LongestPickle));
        int next = 0;
        IReadOnlyDictionary<string, PickledStorage> storages = new Dictionary<string, PickledStorage>();
        object? Pickle()
        {
            var unpickler = new Unpickler(head.AsMemory(next));
            var value = unpickler.Read();
            next += unpickler.Consumed;
            storages = unpickler.Storages;
            return value;
        }

        if (
            head is not [0x80, ..]
            || Pickle() is not BigInteger magic
            || magic != BigInteger.Parse("119547037146038801333356", System.Globalization.CultureInfo.InvariantCulture)
        )
            throw new InvalidDataException("it begins neither as a zip archive nor as the older form of torch.save");
        if (Pickle() is not 1001L)
            throw new InvalidDataException("it has a protocol other than 1001");
        if (Pickle() is not Dictionary<object, object?> system || system.GetValueOrDefault("little_endian") is not true)
            throw new InvalidDataException("its numbers are big-endian");
        var content = Pickle();
        var expected = storages;
        if (Pickle() is not List<object?> keys)
            throw new InvalidDataException("it has no list of storages");

        long at = next;
        foreach (var key in keys)
        {
            if (key is not string name)
                throw new InvalidDataException("a storage without a name");
            long count = BinaryPrimitives.ReadInt64LittleEndian(file.Read(at, 8));
            at += 8;
            if (!expected.TryGetValue(name, out var storage) || storage.Count != count)
                throw new InvalidDataException(
                    $"the storage {name} has {count:N0} elements, where {(storage is null ? "none are" : $"{storage.Count:N0} are")} "
                        + "expected"
                );
            if (storage.Bytes > file.Length - at || !storageStarts.TryAdd(name, at))
                throw new InvalidDataException($"it ends before the elements of the storage {name}, or has them twice");
            at += storage.Bytes;
        }
        if (storageStarts.Count < expected.Count)
            throw new InvalidDataException($"{expected.Count - storageStarts.Count} of its {expected.Count} storages are not in it");
        return at == file.Length ? content : throw new InvalidDataException($"{file.Length - at:N0} bytes follow its last storage");
    }

    private void Verify(ZipEntry entry, string name)
    {
        if (file.Checksum(entry.Start, entry.Length) != entry.Checksum)
            throw new InvalidDataException($"the checksum of {name} is another one: the file was damaged after it was written");
    }

    private byte[] Bytes(ZipEntry entry) => file.Read(entry.Start, checked((int)entry.Length));
}
