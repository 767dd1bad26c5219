using System.IO.Compression;
using System.Text;

namespace Electra.Tests.Checkpoints.Formats;

/// <summary>Files that pretend to hold weights: damaged ones, impossible ones, and programs.</summary>
internal static class HostileFiles
{
    private static readonly byte[] Eight = new byte[8];

    /// <summary>A small safetensors file that is right.</summary>
    public static byte[] ValidSafeTensors { get; } =
        SafeTensors(
            """{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":"""
                + """{"dtype":"I64","shape":[1],"data_offsets":[24,32]}}""",
            [.. TorchFiles.Floats(1, 2, 3, 4, 5, 6), .. BitConverter.GetBytes(7L)]
        );

    private static readonly TorchTensor[] Two = [new("a", "Float", "0", 6, 0, [2, 3], [3, 1]), new("b", "Long", "1", 1, 0, [1], [1])];

    /// <summary>A small archive of torch.save that is right.</summary>
    public static byte[] ValidZip { get; } =
        TorchFiles.Zip(PickleBuilder.StateDict(Two), ("0", TorchFiles.Floats(1, 2, 3, 4, 5, 6)), ("1", BitConverter.GetBytes(7L)));

    /// <summary>A small file of the older torch.save that is right.</summary>
    public static byte[] ValidLegacy { get; } =
        TorchFiles.Legacy(
            PickleBuilder.StateDict(Two.Select(t => t with { Legacy = true })),
            ("0", 6, TorchFiles.Floats(1, 2, 3, 4, 5, 6)),
            ("1", 1, BitConverter.GetBytes(7L))
        );

    /// <summary>What is wrong, the ending of the file's name, the content.</summary>
    public static IEnumerable<(string What, string Extension, byte[] Content)> All() =>
    [
        .. SafeTensorsFiles().Select(file => (file.What, ".safetensors", file.Content)),
        .. Pickles().Select(file => (file.What, ".bin", TorchFiles.Zip(file.Pickle, ("0", Eight)))),
        .. Archives().Select(file => (file.What, ".bin", file.Content)),
        .. Legacies().Select(file => (file.What, ".pth", file.Content)),
    ];

    private static IEnumerable<(string What, byte[] Content)> SafeTensorsFiles()
    {
        const string One = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
        yield return ("an empty file", []);
        yield return ("seven bytes", new byte[7]);
        yield return ("a length and nothing", [.. BitConverter.GetBytes(100L)]);
        yield return ("a header of 2^63 bytes", [.. BitConverter.GetBytes(long.MinValue), .. Eight]);
        yield return ("a header of nearly 2^63 bytes", [.. BitConverter.GetBytes(long.MaxValue), .. Eight]);
        yield return ("a header longer than the library allows", [.. BitConverter.GetBytes(100_000_001L), .. Eight]);
        yield return ("a header that is not JSON", SafeTensors("hello there", []));
        yield return (
            "a header that is not UTF-8",
            SafeTensors([.. "{\"a"u8, 0xff, 0xfe, .. "\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}"u8], Eight)
        );
        yield return ("a header that is a list", SafeTensors("[1,2]", []));
        yield return ("a header nested 10,000 deep", SafeTensors(new string('[', 10_000) + new string(']', 10_000), []));
        yield return ("a truncated header", SafeTensors(One[..20], Eight));
        yield return (
            "the same name twice",
            SafeTensors(
                """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""",
                Eight
            )
        );
        yield return (
            "the same key of an entry twice",
            SafeTensors("""{"a":{"dtype":"F32","dtype":"I64","shape":[1],"data_offsets":[0,8]}}""", Eight)
        );
        yield return ("an unknown type", SafeTensors(One.Replace("F32", "F8_E4M3"), Eight));
        yield return ("no type", SafeTensors("""{"a":{"shape":[2],"data_offsets":[0,8]}}""", Eight));
        yield return ("a type that is a number", SafeTensors("""{"a":{"dtype":3,"shape":[2],"data_offsets":[0,8]}}""", Eight));
        yield return ("a negative size", SafeTensors(One.Replace("[2]", "[-2]"), Eight));
        yield return ("sizes whose product is 2^64 + 2", SafeTensors(One.Replace("[2]", "[4294967296,4294967296,2]"), Eight));
        yield return ("a size of 2^63", SafeTensors(One.Replace("[2]", "[9223372036854775808]"), Eight));
        yield return ("a size that is not a whole number", SafeTensors(One.Replace("[2]", "[2.5]"), Eight));
        yield return ("one place only", SafeTensors(One.Replace("[0,8]", "[0]"), Eight));
        yield return ("a place that ends before it starts", SafeTensors(One.Replace("[0,8]", "[8,0]"), Eight));
        yield return ("a place beyond the file", SafeTensors(One.Replace("[0,8]", "[8,16]"), Eight));
        yield return ("a place of another size", SafeTensors(One.Replace("[0,8]", "[0,4]"), Eight));
        yield return (
            "tensors that overlap",
            SafeTensors(
                """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}""",
                new byte[6]
            )
        );
        yield return (
            "a gap between tensors",
            SafeTensors(
                """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}""",
                new byte[3]
            )
        );
        yield return ("bytes that no tensor has", SafeTensors(One, new byte[16]));
        yield return ("bytes that are not there", SafeTensors(One, new byte[4]));
        yield return ("metadata that is a number", SafeTensors("""{"__metadata__":{"a":1}}""", []));
    }

    private static IEnumerable<(string What, byte[] Pickle)> Pickles()
    {
        static PickleBuilder Start() => new PickleBuilder().Protocol();
        static byte[] One(TorchTensor tensor) => PickleBuilder.StateDict(tensor);
        var right = new TorchTensor("a", "Float", "0", 2, 0, [2], [1]);

        yield return ("os.system", Start().Global("os", "system").Op('(').Text("touch hostile").Op('t', 'R', '.').Bytes);
        yield return (
            "os.system by its names on the stack",
            Start().Text("os").Text("system").Raw(0x93).Op('(').Text("touch hostile").Op('t', 'R', '.').Bytes
        );
        yield return (
            "builtins.eval in a state dictionary",
            Start().Op('}', '(').Text("a").Global("builtins", "eval").Op('(').Text("1").Op('t', 'R', 'u', '.').Bytes
        );
        yield return ("posix.system by INST", Start().Op('(').Text("touch hostile").Op('i').Raw("posix\nsystem\n"u8).Op('.').Bytes);
        yield return ("subprocess.Popen by OBJ", Start().Op('(').Global("subprocess", "Popen").Text("ls").Op('o', '.').Bytes);
        yield return ("a name that is nearly torch's", Start().Global("torch._utils", "_rebuild_tensor_v2.__globals__").Op('.').Bytes);
        yield return ("an extension code", Start().Raw(0x82, 1).Op('.').Bytes);
        yield return ("a persistent id that is a text", Start().Text("file:///etc/passwd").Op('Q', '.').Bytes);
        yield return ("an unknown storage", One(right with { Kind = "ComplexFloat" }));
        yield return ("a tensor beyond its storage", One(right with { Offset = 1 }));
        yield return ("strides beyond the storage", One(right with { Strides = [100] }));
        yield return ("negative strides", One(right with { Strides = [-1] }));
        yield return ("a shape of 2^63 − 1", One(right with { Shape = [long.MaxValue], Strides = [0] }));
        yield return ("a shape whose product overflows", One(right with { Shape = [1L << 32, 1L << 32], Strides = [0, 0] }));
        yield return ("a storage of 2^61 elements whose bytes overflow to eight", One(right with { StorageCount = (1L << 62) + 2 }));
        yield return ("a storage that is not in the archive", One(right with { Key = "9" }));
        yield return ("a storage of another size", One(right with { StorageCount = 3 }));
        yield return ("a storage outside the archive", One(right with { Key = "../../../../etc/passwd" }));
        yield return ("the same name twice", PickleBuilder.StateDict(right, right));
        yield return (
            "tuples nested 10,000 deep",
            Start().Op(Repeat(')', 1)).Raw(Enumerable.Repeat((byte)0x85, 10_000).ToArray()).Op('.').Bytes
        );
        yield return ("lists nested 100,000 deep", Start().Op(Repeat(']', 100_000)).Op(Repeat('a', 99_999)).Op('.').Bytes);
        yield return ("a dictionary that holds itself", Start().Op('}').Op('q').Raw(0).Text("model").Op('h').Raw(0).Op('s', '.').Bytes);
        yield return (
            "lists that double 60 times",
            Start()
                .Op(']')
                .Raw([
                    .. Enumerable
                        .Range(0, 60)
                        .SelectMany(_ =>
                            new byte[] { (byte)'q', 0, (byte)'0', (byte)']', (byte)'(', (byte)'h', 0, (byte)'h', 0, (byte)'e' }
                        ),
                ])
                .Op('.')
                .Bytes
        );
        yield return ("two million empty dictionaries", Start().Op(Repeat('}', 2_000_000)).Op('.').Bytes);
        yield return ("a memo at 2^32 − 1", Start().Op('}').Op('r').Raw(255, 255, 255, 255).Op('j').Raw(254, 255, 255, 255).Op('.').Bytes);
        yield return ("a text of four gigabytes", Start().Op('X').Raw(255, 255, 255, 255).Op('.').Bytes);
        yield return ("a text of 2^64 − 1 bytes", Start().Raw(0x8d, 255, 255, 255, 255, 255, 255, 255, 255).Op('.').Bytes);
        yield return ("a list's end without its start", Start().Op('t', '.').Bytes);
        yield return ("a call of nothing", Start().Op('R', '.').Bytes);
        yield return ("a key that is a list", Start().Op('}', ']', 'N', 's', '.').Bytes);
        yield return ("a pickle without an end", Start().Op('}').Bytes);
        yield return ("no dictionary of tensors", Start().Op('}', '.').Bytes);
    }

    private static IEnumerable<(string What, byte[] Content)> Archives()
    {
        byte[] pickle = PickleBuilder.StateDict(new TorchTensor("a", "Float", "0", 2, 0, [2], [1]));
        yield return (
            "a file outside the archive's folder",
            TorchFiles.Archive([("archive/data.pkl", pickle), ("archive/data/0", Eight), ("archive/../../evil", Eight)])
        );
        yield return ("an absolute name", TorchFiles.Archive([("archive/data.pkl", pickle), ("archive/data/0", Eight), ("/evil", Eight)]));
        yield return (
            "a file twice",
            TorchFiles.Archive([("archive/data.pkl", pickle), ("archive/data/0", Eight), ("archive/data/0", Eight)])
        );
        yield return (
            "two pickles",
            TorchFiles.Archive([("archive/data.pkl", pickle), ("other/data.pkl", pickle), ("archive/data/0", Eight)])
        );
        yield return ("no pickle", TorchFiles.Archive([("archive/data/0", Eight)]));
        yield return (
            "a compressed archive",
            TorchFiles.Archive([("archive/data.pkl", pickle), ("archive/data/0", new byte[1 << 20])], CompressionLevel.Optimal)
        );
        yield return (
            "big-endian numbers",
            TorchFiles.Archive([("archive/data.pkl", pickle), ("archive/byteorder", "big"u8.ToArray()), ("archive/data/0", Eight)])
        );
        yield return ("half an archive", ValidZip[..(ValidZip.Length / 2)]);
        yield return ("an archive without its last byte", ValidZip[..^1]);
        yield return ("an archive with a byte more", [.. ValidZip, 0]);
    }

    private static IEnumerable<(string What, byte[] Content)> Legacies()
    {
        var tensor = new TorchTensor("a", "Float", "0", 2, 0, [2], [1], Legacy: true);
        byte[] pickle = PickleBuilder.StateDict(tensor);
        yield return ("a text file", Encoding.UTF8.GetBytes("model: electra\n"));
        yield return ("a pickle that is not a file of torch", new PickleBuilder().Protocol().Op('}', '.').Bytes);
        yield return ("another protocol", [.. TorchFiles.LegacyHead(protocol: 1002), .. pickle]);
        yield return ("a big-endian system", [.. TorchFiles.LegacyHead(littleEndian: false), .. pickle]);
        yield return (
            "a storage longer than the file",
            TorchFiles.Legacy(PickleBuilder.StateDict(tensor with { StorageCount = 1L << 40 }), ("0", 1L << 40, Eight))
        );
        yield return ("a storage of another size", TorchFiles.Legacy(pickle, ("0", 3, new byte[12])));
        yield return ("a storage that nothing names", TorchFiles.Legacy(pickle, ("0", 2, Eight), ("1", 2, Eight)));
        yield return ("a storage twice", TorchFiles.Legacy(pickle, ("0", 2, Eight), ("0", 2, Eight)));
        yield return ("no storages", TorchFiles.Legacy(pickle));
        yield return ("bytes after the last storage", [.. TorchFiles.Legacy(pickle, ("0", 2, Eight)), 1]);
        yield return (
            "os.system where the content is",
            [
                .. TorchFiles.LegacyHead(),
                .. new PickleBuilder().Protocol().Global("os", "system").Op('(').Text("touch hostile").Op('t', 'R', '.').Bytes,
            ]
        );
    }

    private static byte[] SafeTensors(string header, byte[] data) => SafeTensors(Encoding.UTF8.GetBytes(header), data);

    private static byte[] SafeTensors(byte[] header, byte[] data) => [.. BitConverter.GetBytes((long)header.Length), .. header, .. data];

    private static string Repeat(char instruction, int count) => new(instruction, count);
}
