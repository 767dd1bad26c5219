using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;

namespace Electra.Tests.Checkpoints;

/// <summary>What may stand in the place of a file of a model's folder.</summary>
public sealed class ModelFolderTests : IDisposable
{
    private const string Pointer =
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
            + "size 54\n";

    private static readonly string[] Files =
    [
        "config.json",
        "model.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin",
        "vocab.txt",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
    ];

    private readonly TemporaryFolder folder = TestData.Temporary();

    public ModelFolderTests()
    {
        using var pair = TinyPair.Load();
        HuggingFaceFolder.SavePair(folder.File("pair"), pair, TinyPair.Tokenizer());
    }

    public static TheoryData<string, string, string> Objects()
    {
        var data = new TheoryData<string, string, string>();
        foreach (var file in Files)
        {
            data.Add(file, "pointer", "is a pointer of Git LFS");
            foreach (var (what, said) in OddFiles.All)
                data.Add(file, what, said);
        }
        return data;
    }

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Objects))]
    public void What_is_no_file_in_the_place_of_one_is_named(string file, string what, string said)
    {
        var model = folder.File("pair/discriminator");
        var path = Path.Combine(model, file);
        if (file.StartsWith("model.", StringComparison.Ordinal) || file.StartsWith("pytorch", StringComparison.Ordinal))
            File.Delete(Path.Combine(model, "model.safetensors"));
        if (file is "tokenizer.json" or "vocab.txt") // the first is read where both are there
            File.Delete(Path.Combine(model, file == "vocab.txt" ? "tokenizer.json" : "vocab.txt"));
        if (what == "pointer")
            File.WriteAllText(path, Pointer);
        else
            OddFiles.Put(what, path);
        var message = Assert.Throws<UserErrorException>(() =>
        {
            using var opened = PretrainedModel.Open(model);
            return opened.Tokenizer;
        }).Message;
        Assert.Contains(file, message);
        Assert.Contains(said, message);
    }

    [Theory]
    [InlineData("checkpoint")]
    [InlineData("adapter_config.json")]
    [InlineData("model.ckpt-5.index")]
    public void What_is_no_file_among_those_of_other_programs_is_a_mistake_and_no_crash(string name)
    {
        Directory.CreateDirectory(folder.File("other"));
        foreach (var (what, _) in OddFiles.All)
        {
            OddFiles.Put(what, folder.File($"other/{name}"));
            Assert.Throws<UserErrorException>(() => PretrainedModel.Open(folder.File("other")));
            OddFiles.Remove(folder.File($"other/{name}"));
        }
    }
}
