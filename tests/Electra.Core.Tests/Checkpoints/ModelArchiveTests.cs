using System.IO.Compression;
using System.Text;
using Electra.Checkpoints;
using Electra.Checkpoints.Formats;
using Electra.Checkpoints.HuggingFace;
using Electra.Export;
using Electra.Model;
using Electra.Pretraining;
using Electra.Running;
using Electra.Tensors;
using Electra.Tests.Checkpoints.Formats;
using static TorchSharp.torch;

namespace Electra.Tests.Checkpoints;

/// <summary>Models in zip archives, as Google publishes its own: <c>electra_small.zip</c> with a folder <c>electra_small</c>.</summary>
public sealed class ModelArchiveTests : IDisposable
{
    private const string Tiny = "golden/tf_checkpoint_tiny";

    private readonly TemporaryFolder folder = TestData.Temporary();

    private string Zip => folder.File("electra_small.zip");

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("electra_small.zip", CompressionLevel.NoCompression, "electra_small/")]
    [InlineData("electra_small.zip", CompressionLevel.Optimal, "electra_small/")]
    [InlineData("electra_small.ZIP", CompressionLevel.Optimal, "")]
    [InlineData("downloaded", CompressionLevel.Optimal, "a/b/")]
    public void It_opens_as_its_folder_does_and_is_removed_when_it_is_closed(string name, CompressionLevel level, string root)
    {
        using var unpacked = PretrainedModel.Open(Google());
        WriteZip(level, FilesIn(Google(), root), name);
        string where;
        using (var model = PretrainedModel.Open(folder.File(name)))
        {
            where = model.Folder;
            Assert.True(model.IsOfPair);
            Assert.Equal(unpacked.Tokenizer.Fingerprint, model.Tokenizer.Fingerprint);
            Assert.Equal(unpacked.Remark, model.Remark);
            RequireEqual(unpacked.Weights(), model.Weights());
            using var generator = model.OfPair(ModelPart.Generator);
            Assert.Equal(where, generator.Folder);
            using var other = PretrainedModel.Open(Google(), ModelPart.Generator);
            RequireEqual(other.Weights(), generator.Weights());
        }
        Assert.False(Directory.Exists(where));
    }

    /// <summary>Published archives have no configuration: heads are 64 wide, and all else is the shape of a weight.</summary>
    [Fact]
    public void Without_a_configuration_its_sizes_are_those_of_the_weights()
    {
        var config = TinyPair.Config with { HiddenSize = 128, AttentionHeads = 2, Layers = 2, GeneratorDivisor = 2 };
        using var pair = WritePublished(config);
        using var model = PretrainedModel.Open(Zip);
        var shape = model.Config.ToModel();
        Assert.Equal((128, 2, 2), (shape.HiddenSize, shape.AttentionHeads, shape.Layers));
        Assert.Equal((64, 16, 64), (shape.IntermediateSize, shape.EmbeddingSize, shape.MaxPositions));
        RequireEqual(pair.DiscriminatorWeights(), model.Weights());
        using var generator = model.OfPair(ModelPart.Generator);
        Assert.Equal((64, 1, 32), (generator.Config.HiddenSize, generator.Config.NumAttentionHeads, generator.Config.IntermediateSize));
        RequireEqual(pair.GeneratorWeights().Where(weight => weight.Name != "generator_lm_head.weight"), generator.Weights());
    }

    [Fact]
    public void Its_export_has_its_name_and_is_that_of_its_folder()
    {
        WriteZip(CompressionLevel.Optimal, FilesIn(Google(), "electra_small/"));
        string Export(string source)
        {
            using var model = PretrainedModel.Open(source);
            return ModelExport.Write(model, new ExportConfig { Out = folder.File("out") });
        }
        var written = Export(Zip);
        Assert.Equal("electra_small", Path.GetFileName(written));
        Assert.Contains("Adam's moments (164 variables) are left out", File.ReadAllText(Path.Combine(written, "README.md")));
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(Export(Google()), "model.safetensors")),
            File.ReadAllBytes(Path.Combine(written, "model.safetensors"))
        );
    }

    [Fact]
    public void It_is_asked_by_its_name_and_lends_its_vocabulary()
    {
        using var pair = WritePublished(TinyPair.Config with { HiddenSize = 64, AttentionHeads = 1, GeneratorDivisor = 1 });
        using var model = TrainedModel.Open(Zip, compute: Compute.Reference);
        Assert.True(model.HasDiscriminator && model.HasGenerator);
        var console = new RunConsole(TextWriter.Null, terminal: null);
        var vocabulary = Vocabularies.Open(new VocabularyOptions { File = Zip }, null!, folder.Path, console);
        Assert.Equal(model.Tokenizer.Fingerprint, vocabulary.Fingerprint);
    }

    /// <summary>An archive of one model in another form is unpacked in the same way.</summary>
    [Theory]
    [InlineData("discriminator", "model/")]
    [InlineData("", "run_36_100/")]
    public void A_folder_of_Hugging_Faces_form_and_a_pair_open_too(string part, string root)
    {
        using var pair = TinyPair.Load();
        HuggingFaceFolder.SavePair(folder.File("pair"), pair, TinyPair.Tokenizer());
        WriteZip(CompressionLevel.Fastest, FilesIn(folder.File($"pair/{part}"), root).Append(("__MACOSX/._model.safetensors", [0])));
        using var model = PretrainedModel.Open(Zip);
        Assert.Equal(part == "", model.IsOfPair);
        RequireEqual(pair.DiscriminatorWeights(), model.Weights());
        Assert.Equal(200, model.Tokenizer.Vocabulary.Count);
    }

    [Theory]
    [InlineData("a/model.ckpt-1.index b/model.ckpt-2.index", "it holds several models, in a/, b/: unpack it, and name one")]
    [InlineData("a/model.ckpt-1.index a/model.ckpt-2.index", "model.ckpt-2 (unpack the archive to do so)")]
    [InlineData("a/one.safetensors a/two.safetensors", "one.safetensors, two.safetensors: unpack it, and name one")]
    [InlineData("a/tf_model.h5 a/config.json", "and no TensorFlow .index, but a/tf_model.h5, a/config.json")]
    [InlineData("archive/data.pkl archive/data/0", "it is a file of torch.save: let its name end in .bin or .pth")]
    [InlineData("../model.safetensors", "it holds a file named ../model.safetensors, which would lie outside")]
    [InlineData("/etc/model.safetensors", "it holds a file named /etc/model.safetensors, which would lie outside")]
    [InlineData("a/..\\..\\model.safetensors", "which would lie outside")]
    [InlineData("a/model.safetensors a/model.safetensors", "it holds a/model.safetensors twice")]
    [InlineData("a/adapter_config.json a/adapter_model.safetensors", "holds an adapter (LoRA)")]
    [InlineData("a/model\0.safetensors", "a file in it has a name that no file can have")]
    [InlineData("", "it is empty")]
    public void What_does_not_hold_one_model_is_said_to_hold(string names, string said)
    {
        string[] files = names.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        WriteZip(CompressionLevel.Optimal, files.Select(name => (name, "{}"u8.ToArray())));
        RequireRefused(said);
    }

    [Theory]
    [InlineData("cut", "is not an archive of a model that can be read")]
    [InlineData("no zip", "is not an archive of a model that can be read")]
    [InlineData("flipped", "is not an archive of a model that can be read")]
    [InlineData("encrypted", "model.ckpt-5.data-00000-of-00001 is encrypted")]
    [InlineData("bzip2", "is not an archive of a model that can be read")]
    [InlineData("several disks", "is not an archive of a model that can be read")]
    [InlineData("longer than said", "the checksum of e/model.ckpt-5.data-00000-of-00001 does not fit")]
    [InlineData("shorter than said", "ends after")]
    [InlineData("a bomb", "as no weights do")]
    [InlineData("a link", "is a link")]
    public void A_damaged_or_hostile_archive_is_refused_and_leaves_nothing(string what, string said)
    {
        WriteZip(CompressionLevel.Optimal, FilesIn(Google(), "e/"));
        var bytes = File.ReadAllBytes(Zip);
        int header = DirectoryOf(bytes, "model.ckpt-5.data-00000-of-00001"), end = bytes.Length - 22;
        switch (what)
        {
            case "cut": bytes = bytes[..(bytes.Length / 2)]; break;
            case "no zip": bytes = [.. "<html>Not found</html>"u8]; break;
            case "flipped": bytes[Local(bytes, header) + 3000] ^= 0x10; break;
            case "encrypted": bytes[header + 8] |= 1; break;
            case "bzip2": bytes[header + 10] = 12; break;
            case "several disks": bytes[end + 4] = 1; break;
            case "longer than said": BitConverter.TryWriteBytes(bytes.AsSpan(header + 24), 100); break;
            case "shorter than said": BitConverter.TryWriteBytes(bytes.AsSpan(header + 24), 2_000_000); break;
            case "a bomb": BitConverter.TryWriteBytes(bytes.AsSpan(header + 24), uint.MaxValue - 1); break;
            default: BitConverter.TryWriteBytes(bytes.AsSpan(header + 38), 0xA1FF0000u); break;
        }
        File.WriteAllBytes(Zip, bytes);
        RequireRefused(said);
    }

    [Fact]
    public void A_name_that_no_file_can_have_is_refused()
    {
        WriteZip(CompressionLevel.Optimal, [("a/model.safetensors", []), ($"a/{new string('x', 300)}.json", [])]);
        RequireRefused("a file in it has a name that no file can have");
    }

    [Fact]
    public void Mutated_archives_are_refused_or_hold_the_same_weights()
    {
        TensorFlowFiles.Write(folder.File("model.ckpt-1"), TensorFlowFiles.Small());
        var files = Directory.GetFiles(folder.Path).Select(file => (Path.GetFileName(file), File.ReadAllBytes(file))).ToList();
        WriteZip(CompressionLevel.Optimal, files);
        var (valid, random, opened) = (File.ReadAllBytes(Zip), new Random(7), 0);
        for (int i = 0; i < 1_000; i++)
        {
            File.WriteAllBytes(Zip, i == 0 ? valid : HostileFileTests.Mutated(valid, random));
            try
            {
                using var archive = ModelArchive.Open(Zip);
                using var weights = WeightFiles.Open(ModelFiles.Find(archive, ModelPart.Discriminator).File);
                using var words = zeros(2, 3);
                weights.CopyTo("discriminator.electra.embeddings.word_embeddings.weight", words);
                Assert.Equal(Enumerable.Range(1, 6).Select(n => (float)n), words.data<float>());
                opened++;
            }
            catch (UserErrorException)
            {
            }
        }
        Assert.InRange(opened, 1, 999);
    }

    [Fact]
    public void An_index_that_is_damaged_is_named_by_its_place_in_the_archive()
    {
        var files = FilesIn(Google(), "e/").Select(file => file.Name.EndsWith(".index") ? (file.Name, file.Bytes[..^1]) : file);
        WriteZip(CompressionLevel.Optimal, files);
        RequireRefused("electra_small.zip/e/model.ckpt-5.index is not a TensorFlow checkpoint");
    }

    [Fact]
    public void A_checksum_that_fails_when_a_weight_is_read_is_named_in_the_same_way()
    {
        var files = FilesIn(Google(), "e/").ToList();
        files.Find(file => file.Name.Contains(".data-")).Bytes.AsSpan().Fill(1);
        WriteZip(CompressionLevel.Optimal, files);
        using var model = PretrainedModel.Open(Zip);
        var message = Assert.Throws<UserErrorException>(() => model.Weights().Count()).Message;
        Assert.Contains("electra_small.zip/e/model.ckpt-5.index", message);
        Assert.Contains("the checksum of", message);
    }

    [Fact]
    public void What_a_killed_process_left_is_removed_by_the_next_and_what_is_in_use_stays()
    {
        var left = Directory.CreateTempSubdirectory("electra-unpacked-").FullName;
        File.WriteAllText(Path.Combine(left, ".lock"), "");
        WriteZip(CompressionLevel.Optimal, FilesIn(Google(), ""));
        using var first = PretrainedModel.Open(Zip);
        Assert.False(Directory.Exists(left));
        using var second = PretrainedModel.Open(Zip);
        Assert.NotEqual(first.Folder, second.Folder);
        Assert.True(File.Exists(Path.Combine(first.Folder, "vocab.txt")));
    }

    [Fact]
    public void A_stop_while_it_is_unpacked_leaves_nothing()
    {
        WriteZip(CompressionLevel.Optimal, FilesIn(Google(), ""));
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(() => PretrainedModel.Open(Zip, cancellation: stop.Token));
        RequireNothingLeft();
    }

    [Theory]
    [InlineData("electra_small.tar.gz", "is a tar archive: unpack it (tar -xf)")]
    [InlineData("electra_small.tgz", "is a tar archive")]
    [InlineData("electra_small.tar", "is a tar archive")]
    [InlineData("electra_small.7z", "is a 7z archive")]
    [InlineData("model.safetensors.gz", "is a compressed file")]
    public void Archives_of_other_kinds_are_named(string name, string said)
    {
        File.WriteAllBytes(folder.File(name), [0x1F, 0x8B, 8, 0]);
        Assert.Contains(said, Assert.Throws<UserErrorException>(() => PretrainedModel.Open(folder.File(name))).Message);
        var above = Assert.Throws<UserErrorException>(() => PretrainedModel.Open(folder.Path)).Message;
        Assert.Contains(said, above);
    }

    [Fact]
    public void A_folder_with_an_archive_in_it_names_the_archive()
    {
        WriteZip(CompressionLevel.Optimal, []);
        var message = Assert.Throws<UserErrorException>(() => PretrainedModel.Open(folder.Path)).Message;
        Assert.Contains("Name the file to take: ", message);
        Assert.Contains("electra_small.zip", message);
    }

    /// <summary>The golden checkpoint's folder, with a configuration, as its heads are not 64 wide.</summary>
    private string Google()
    {
        var google = folder.File("google");
        if (Directory.Exists(google))
            return google;
        Directory.CreateDirectory(google);
        foreach (var file in Directory.GetFiles(TestData.Fixture(Tiny)).Where(file => !file.EndsWith(".safetensors")))
            File.Copy(file, Path.Combine(google, Path.GetFileName(file)));
        File.WriteAllText(Path.Combine(google, "config.json"), GoogleCheckpointTests.Sizes);
        File.WriteAllText(Path.Combine(google, $"{Path.GetFileName(folder.Path)}.txt"), "");
        return google;
    }

    /// <summary>A pair in an archive such as Google publishes: its checkpoint and vocab.txt.</summary>
    private ElectraPair WritePublished(ElectraConfig config)
    {
        var pair = ElectraPair.Create(config with { VocabularySize = 200 }, seed: 3, Compute.Reference);
        var published = folder.File("published");
        Directory.CreateDirectory(published);
        TensorFlowFiles.Write(Path.Combine(published, "electra_small"), GoogleVariables.Of(pair));
        TinyPair.Tokenizer().Vocabulary.Save(Path.Combine(published, "vocab.txt"));
        File.WriteAllText(Path.Combine(published, "checkpoint"), "model_checkpoint_path: \"electra_small\"\n");
        WriteZip(CompressionLevel.Optimal, FilesIn(published, "electra_small/"));
        return pair;
    }

    private static IEnumerable<(string Name, byte[] Bytes)> FilesIn(string source, string root) =>
        Directory.GetFiles(source, "*", SearchOption.AllDirectories)
            .Select(file => (root + Path.GetRelativePath(source, file), File.ReadAllBytes(file)));

    private void WriteZip(CompressionLevel level, IEnumerable<(string Name, byte[] Bytes)> files, string name = "electra_small.zip")
    {
        using var zip = ZipFile.Open(folder.File(name), ZipArchiveMode.Create);
        foreach (var (entry, bytes) in files)
        {
            using var stream = zip.CreateEntry(entry, level).Open();
            stream.Write(bytes);
        }
    }

    private void RequireRefused(string said)
    {
        var message = Assert.Throws<UserErrorException>(() => PretrainedModel.Open(Zip)).Message;
        Assert.Contains(said, message);
        Assert.Contains("electra_small.zip", message);
        Assert.DoesNotContain("electra-unpacked", message);
        RequireNothingLeft();
    }

    /// <summary>No temporary folder has the file that this test's archives have.</summary>
    private void RequireNothingLeft() =>
        Assert.DoesNotContain(
            Directory.GetDirectories(Path.GetTempPath(), "electra-unpacked-*"),
            left => File.Exists(Path.Combine(left, "model", $"{Path.GetFileName(folder.Path)}.txt"))
        );

    private static void RequireEqual(IEnumerable<(string Name, Tensor Value)> expected, IEnumerable<(string Name, Tensor Value)> found)
    {
        var values = found.ToDictionary(weight => weight.Name, weight => weight.Value);
        Assert.All(expected, weight => Assert.True(weight.Value.eq(values[weight.Name]).all().item<bool>(), weight.Name));
    }

    /// <summary>Where the directory of an archive speaks of a file.</summary>
    private static int DirectoryOf(byte[] zip, string name) => zip.AsSpan().LastIndexOf(Encoding.UTF8.GetBytes($"e/{name}")) - 46;

    private static int Local(byte[] zip, int header) => BitConverter.ToInt32(zip, header + 42);
}
