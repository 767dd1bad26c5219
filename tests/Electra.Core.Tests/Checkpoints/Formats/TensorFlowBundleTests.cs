using Electra.Checkpoints;
using Electra.Checkpoints.Formats;
using static TorchSharp.torch;

namespace Electra.Tests.Checkpoints.Formats;

/// <summary>TensorFlow's files: whole, in parts, damaged, and of other kinds.</summary>
public sealed class TensorFlowBundleTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    private string Prefix => folder.File("model.ckpt-1");

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Checksums_are_those_of_the_standard() =>
        Assert.Equal(0xe3069283, SortedTable.Crc32C("123456789"u8)); // RFC 3720, and every table of CRCs

    [Fact]
    public void Variables_lie_in_several_files()
    {
        var kernel = TensorFlowFiles.Floats("electra/embeddings_project/kernel", [2, 3], 1, 2, 3, 4, 5, 6);
        using var file = WeightFiles.Open(TensorFlowFiles.Write(Prefix, TensorFlowFiles.Small(kernel with { Shard = 2 }), shards: 3));
        using var value = zeros(3, 2);
        file.CopyTo("discriminator.electra.embeddings_project.weight", value);
        Assert.Equal([1, 4, 2, 5, 3, 6], value.data<float>());
        File.Delete(Prefix + ".data-00002-of-00003");
        Assert.Contains(".data-00002-of-00003", Error(() => WeightFiles.Open(Prefix + ".index")));
    }

    public static TheoryData<string, string> Kinds => new()
    {
        { "big-endian", "big-endian" },
        { "snappy", "compressed by Snappy" },
        { "slices", "electra/embeddings/LayerNorm/beta is saved in slices" },
        { "objects", "object-based checkpoint of TensorFlow 2" },
        { "bert", "those of a BERT" },
        { "another", "is not a checkpoint of ELECTRA" },
        { "strings", "has the type 7" },
        { "two names of one weight", "are both discriminator.electra.encoder.layer.0.output.dense.bias" },
        { "two to the 60", "do not fit" },
        { "a place of two to the 60", "ends at byte" },
        { "a shape of two to the 60", "do not fit" },
        { "a negative place", "ends at byte" },
        { "a negative size", "do not fit" },
        { "a file that is not there", "says that there are 1" },
        { "many dimensions", "dimensions" },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_cannot_be_read_is_named(string kind, string said)
    {
        const long Huge = 1L << 60;
        var bias = TensorFlowFiles.Floats("electra/embeddings/LayerNorm/beta", [3], 1, 2, 3);
        var index = kind switch
        {
            "big-endian" => TensorFlowFiles.Write(Prefix, TensorFlowFiles.Small(), isBigEndian: true),
            "snappy" => TensorFlowFiles.Write(Prefix, TensorFlowFiles.Small(), compression: 1),
            "slices" => With(bias with { IsSliced = true }),
            "objects" => With(TensorFlowFiles.Floats("_CHECKPOINTABLE_OBJECT_GRAPH", [1], 0)),
            "bert" => TensorFlowFiles.Write(Prefix, [TensorFlowFiles.Floats("bert/embeddings/word_embeddings", [1], 0)]),
            "another" => TensorFlowFiles.Write(Prefix, [TensorFlowFiles.Floats("resnet/kernel", [1], 0)]),
            "strings" => With(bias with { Type = 7 }),
            "two names of one weight" => TensorFlowFiles.Write(
                Prefix,
                new[] { "layer_0/output/dense/bias", "layer.0/output/dense/bias" }.Select(name =>
                    TensorFlowFiles.Floats($"electra/encoder/{name}", [1], 0)
                )
            ),
            "two to the 60" => With(bias with { Place = (0, Huge) }),
            "a place of two to the 60" => With(bias with { Place = (Huge, 12) }),
            "a shape of two to the 60" => With(bias with { Shape = [Huge, Huge, 16], Place = (0, 0) }),
            "a negative place" => With(bias with { Place = (-4, 12) }),
            "a negative size" => With(bias with { Shape = [-3] }),
            "a file that is not there" => Renumbered(bias),
            _ => With(bias with { Shape = [.. Enumerable.Repeat(1L, 9)] }),
        };
        var before = GC.GetAllocatedBytesForCurrentThread();
        var message = Error(() => WeightFiles.Open(index));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000_000);
        Assert.Contains(said, message);
        Assert.Contains("model.ckpt-1.index", message);

        string With(TensorFlowVariable variable) => TensorFlowFiles.Write(Prefix, TensorFlowFiles.Small(variable));
        string Renumbered(TensorFlowVariable variable)
        {
            var written = TensorFlowFiles.Write(Prefix, TensorFlowFiles.Small(variable with { Shard = 1 }), shards: 2);
            var one = TensorFlowFiles.Write(folder.File("one"), TensorFlowFiles.Small());
            // The header of one file before the entries of two: their tables have their checksums at other places, so both are rebuilt.
            var entries = SortedTable.Read(File.ReadAllBytes(written)).Select(e => (e.Key, e.Value.ToArray())).Skip(1);
            var header = SortedTable.Read(File.ReadAllBytes(one)).Select(e => (e.Key, e.Value.ToArray())).First();
            File.WriteAllBytes(written, TensorFlowFiles.Table([header, .. entries]));
            File.Copy(Prefix + ".data-00000-of-00002", Prefix + ".data-00000-of-00001");
            return written;
        }
    }

    [Fact]
    public void A_checkpoint_of_version_1_is_named()
    {
        File.WriteAllBytes(Prefix, TensorFlowFiles.Table([("", [1])]));
        Assert.Contains("a TensorFlow checkpoint of version 1", Error(() => PretrainedModel.Open(Prefix)));
    }

    [Fact]
    public void A_part_without_its_index_is_named()
    {
        TensorFlowFiles.Write(Prefix, TensorFlowFiles.Small());
        File.Delete(Prefix + ".index");
        Assert.Contains("a part of a TensorFlow checkpoint", Error(() => PretrainedModel.Open(Prefix + ".data-00000-of-00001")));
    }

    [Fact]
    public void A_flipped_bit_is_found_wherever_it_is()
    {
        var index = TensorFlowFiles.Write(Prefix, TensorFlowFiles.Small());
        var data = Prefix + ".data-00000-of-00001";
        foreach (var path in new[] { index, data })
        {
            var right = File.ReadAllBytes(path);
            // After the handles, the footer is padding that nothing reads.
            var read = Enumerable.Range(0, right.Length).Where(i => path == data || i < right.Length - 48 || i >= right.Length - 8);
            foreach (int i in read)
                foreach (int bit in new[] { 0, 3, 7 })
                {
                    var bytes = (byte[])right.Clone();
                    bytes[i] ^= (byte)(1 << bit);
                    File.WriteAllBytes(path, bytes);
                    if (path == index && i >= right.Length - 48 - 13 - 30 && IsOfEmptyBlock(right, i))
                        continue;
                    Error(Read);
                }
            File.WriteAllBytes(path, right);
        }
        Read();

        void Read()
        {
            using var file = WeightFiles.Open(index);
            using var value = zeros(2, 3);
            file.CopyTo("discriminator.electra.embeddings.word_embeddings.weight", value);
        }

        // The block of metadata is empty, and not read: 8 bytes and a trailer, before the footer.
        static bool IsOfEmptyBlock(byte[] file, int i) => i >= file.Length - 48 - 13;
    }

    [Fact]
    public void A_file_that_ends_too_early_is_refused_wherever_it_ends()
    {
        var index = TensorFlowFiles.Write(Prefix, TensorFlowFiles.Small());
        foreach (var path in new[] { index, Prefix + ".data-00000-of-00001" })
        {
            var right = File.ReadAllBytes(path);
            for (int length = 0; length < right.Length; length++)
            {
                File.WriteAllBytes(path, right[..length]);
                Error(() => WeightFiles.Open(index).Dispose());
            }
            File.WriteAllBytes(path, right);
        }
    }

    [Fact]
    public void A_table_with_numbers_that_are_too_large_is_refused()
    {
        var index = TensorFlowFiles.Write(Prefix, TensorFlowFiles.Small());
        var right = File.ReadAllBytes(index);
        var random = new Random(3);
        for (int i = 0; i < 2000; i++)
        {
            var bytes = (byte[])right.Clone();
            for (int n = random.Next(1, 12), at = right.Length - random.Next(8, 49); n > 0 && at < right.Length - 8; n--)
                bytes[at++] = (byte)(random.Next(2) == 0 ? 0xff : random.Next(256));
            File.WriteAllBytes(index, bytes);
            try
            {
                WeightFiles.Open(index).Dispose();
            }
            catch (UserErrorException)
            {
            }
        }
    }

    private static string Error(Action open) => Assert.Throws<UserErrorException>(open).Message;

    private static string Error(Func<object> open) => Assert.Throws<UserErrorException>(open).Message;
}
