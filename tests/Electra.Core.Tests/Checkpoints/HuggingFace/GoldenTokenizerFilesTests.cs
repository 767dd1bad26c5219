using System.IO.Compression;
using System.Text.Json;
using Electra.Checkpoints.HuggingFace;
using Electra.Data.Tasks;
using Electra.Tokenization;

namespace Electra.Tests.Checkpoints.HuggingFace;

/// <summary>Folders of tokenizer files: the ids that transformers makes of them, or a refusal that names what cannot be followed.</summary>
public sealed class GoldenTokenizerFilesTests : IDisposable
{
    /// <summary>Another post-processor than BERT's: transformers follows it, and here it is refused.</summary>
    private const string OtherProcessor = "json_post_fast";

    private static readonly Lazy<JsonElement> Expected = new(() =>
    {
        using var archive = ZipFile.OpenRead(TestData.Fixture("golden/tokenizers.zip"));
        using var file = archive.GetEntry("expected.json")!.Open();
        return JsonDocument.Parse(file).RootElement;
    });

    private readonly TemporaryFolder folder = TestData.Temporary();

    public static TheoryData<string> Folders => [.. Expected.Value.GetProperty("folders").EnumerateObject().Select(entry => entry.Name)];

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_folder_gives_the_ids_of_transformers_or_is_refused(string name)
    {
        var expected = Expected.Value.GetProperty("folders").GetProperty(name);
        var decision = name == OtherProcessor ? "refuse" : expected.GetProperty("decision").GetString();
        ElectraTokenizer tokenizer;
        try
        {
            tokenizer = Open(name);
        }
        catch (UserErrorException e) when (decision != "ids")
        {
            Assert.Contains(Path.GetFileName(folder.Path), e.Message);
            return;
        }
        Assert.NotEqual("refuse", decision);
        RequireIds(expected, tokenizer);
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void What_is_read_is_written_so_that_it_gives_the_same_ids(string name)
    {
        var expected = Expected.Value.GetProperty("folders").GetProperty(name);
        ElectraTokenizer tokenizer;
        try
        {
            tokenizer = Open(name);
        }
        catch (UserErrorException)
        {
            return;
        }
        TokenizerWriter.Save(folder.File("written"), tokenizer, 512);
        var written = TokenizerFiles.Load(folder.File("written")).Tokenizer;
        RequireIds(expected, written);
        Assert.Equal(tokenizer.Fingerprint, written.Fingerprint);
    }

    [Theory]
    [InlineData("bpe_electra", "tokenizer.json", "model.type is BPE")]
    [InlineData("wordlevel_fast", "tokenizer.json", "model.type is WordLevel")]
    [InlineData("json_other_parts_electra", "tokenizer.json", "normalizer.type is Sequence")]
    [InlineData("json_unknown_class", "tokenizer_config.json", "tokenizer_class is FooTokenizer")]
    [InlineData("json_holes", "tokenizer.json", "no token with the id")]
    [InlineData("json_post_fast", "tokenizer.json", "post_processor")]
    [InlineData("names_json_nocfg", "tokenizer.json", "[CLS]")]
    [InlineData("vocab_no_mask", "vocab.txt", "[MASK]")]
    public void A_refusal_names_the_file_and_the_key(string name, params string[] said)
    {
        var error = Assert.Throws<UserErrorException>(() => Open(name));
        Assert.All(said, part => Assert.Contains(part, error.Message));
    }

    private ElectraTokenizer Open(string name)
    {
        using (var archive = ZipFile.OpenRead(TestData.Fixture("golden/tokenizers.zip")))
            foreach (var entry in archive.Entries.Where(entry => entry.FullName.StartsWith(name + "/", StringComparison.Ordinal)))
                entry.ExtractToFile(folder.File(entry.Name));
        return TokenizerFiles.Load(folder.Path).Tokenizer;
    }

    private static void RequireIds(JsonElement expected, ElectraTokenizer tokenizer)
    {
        var vocabulary = tokenizer.Vocabulary;
        Assert.Equal(expected.GetProperty("length").GetInt32(), vocabulary.Count);
        Assert.Equal(expected.GetProperty("special").EnumerateObject().Select(token => token.Value[1].GetInt32()), vocabulary.SpecialIds);
        var wrong = new List<string>();
        foreach (
            var (text, ids) in Expected.Value.GetProperty("strings").EnumerateArray().Zip(expected.GetProperty("ids").EnumerateArray())
        )
        {
            var (right, found) = (string.Join(' ', ids.EnumerateArray()), new List<int>());
            tokenizer.Encode(text.GetString(), found);
            if (string.Join(' ', found) != right)
                wrong.Add($"{text.GetRawText()}\n  expected {right}\n  found    {string.Join(' ', found)}");
            Assert.Equal(found, tokenizer.EncodeToTokens(text.GetString()!, out string? _).Select(token => token.Id));
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        RequirePairs(expected, tokenizer);
    }

    /// <summary>Pairs with their special tokens and token types, as a task encodes them.</summary>
    private static void RequirePairs(JsonElement expected, ElectraTokenizer tokenizer)
    {
        var task = GlueTasks.Find("rte")!;
        var strings = Expected.Value.GetProperty("pair_strings").EnumerateArray();
        foreach (var (texts, pair) in strings.Zip(expected.GetProperty("pairs").EnumerateArray()))
            if (texts[1].GetString() is { Length: > 0 } second) // Python takes an empty second text for none
            {
                TaskRow row = new([texts[0].GetString()!, second], [0]);
                var tokens = EncodedRows.Of(task, [row], tokenizer, new EncodingOptions(), new RowCounts()).Batch([0]).Tokens;
                Assert.Equal(pair[0].EnumerateArray().Select(id => id.GetInt64()), tokens.Ids);
                if (pair[1].ValueKind == JsonValueKind.Array) // some of Python's classes give none
                    Assert.Equal(pair[1].EnumerateArray().Select(type => type.GetInt64()), tokens.TokenTypes);
            }
    }
}
