
using Electra.Data.Examples;
using Electra.Storage;

namespace Electra.Tests.Data.Examples;

public class ExampleStoreTests
{
    [Theory]
    [InlineData(65_536, 2)]
    [InlineData(65_537, 4)]
    public void Examples_are_read_as_they_were_written_in_the_smallest_type_that_holds_the_vocabulary(int vocabularySize, int bytes)
    {
        using var folder = TestData.Temporary();
        var vocabulary = Made.Vocabulary with { Size = vocabularySize };
        int last = vocabularySize - 1;
        var examples = new ExampleList();
        examples.Add([last, 11], [], vocabulary.Cls, vocabulary.Sep);
        examples.Add([1], [12, last], vocabulary.Cls, vocabulary.Sep);
        using (var writer = new ExampleStoreWriter(new(folder.Path, "train"), vocabulary, maxLength: 8, default))
        {
            writer.Append(examples);
            writer.Append(examples);
            writer.Finish();
        }

        using var store = ExampleStore.Open(folder.Path, "train");

        Assert.Equal((4, 8, vocabularySize), (store.Count, store.MaxLength, store.VocabularySize));
        Assert.Equal(new ExampleCounts(Examples: 4, Tokens: 20, Unknown: 2, TwoSegments: 2), store.Counts);
        Assert.Equal(20 * bytes, new FileInfo(Path.Combine(folder.Path, "train.tokens")).Length);
        var ids = new int[8];
        foreach (int i in new[] { 0, 2 })
        {
            Assert.Equal((4, 4), (store.Read(i, ids, out int lengthA), lengthA));
            Assert.Equal([2, last, 11, 3], ids[..4]);
        }
        foreach (int i in new[] { 1, 3 })
        {
            Assert.Equal((6, 3), (store.Read(i, ids, out int lengthA), lengthA));
            Assert.Equal([2, 1, 3, 12, last, 3], ids[..6]);
        }
    }

    [Fact]
    public void A_store_of_nothing_opens()
    {
        using var folder = TestData.Temporary();
        using var store = Made.Store(folder.Path, 0);

        Assert.Equal(0, store.Count);
        Assert.Empty(store.InOrder(4));
        Assert.Throws<ArgumentOutOfRangeException>(() => store.Lengths(0));
    }

    [Theory]
    [InlineData("train.tokens")]
    [InlineData("train.index")]
    [InlineData("train.json")]
    public void A_missing_or_cut_off_file_is_named_with_the_folder_to_delete(string name)
    {
        using var folder = TestData.Temporary();
        Made.Store(folder.Path, 20).Dispose();
        string file = Path.Combine(folder.Path, name);

        using (var stream = File.OpenWrite(file))
            stream.SetLength(stream.Length - 5);
        AssertDamaged(file, folder.Path, () => ExampleStore.Open(folder.Path, "train"));

        File.Delete(file);
        AssertDamaged(file, folder.Path, () => ExampleStore.Open(folder.Path, "train"));
    }

    [Fact]
    public void A_store_of_another_format_is_refused()
    {
        using var folder = TestData.Temporary();
        Made.Store(folder.Path, 20).Dispose();
        string file = Path.Combine(folder.Path, "train.json");
        SealedJson.Write(file, SealedJson.Read<ExampleStoreInfo>(file) with { Format = "electra-examples-9" });

        AssertDamaged(file, folder.Path, () => ExampleStore.Open(folder.Path, "train"));
    }

    [Fact]
    public void An_example_that_is_damaged_inside_is_an_error_and_not_a_wrong_answer()
    {
        using var folder = TestData.Temporary();
        Made.Store(folder.Path, 20, vocabularySize: 1000).Dispose();
        string index = Path.Combine(folder.Path, "train.index"), tokens = Path.Combine(folder.Path, "train.tokens");
        Overwrite(index, 5 * 16, [0xFF, 0xFF, 0xFF]);
        Overwrite(tokens, 2, [0xFF, 0xFF]);

        using var store = ExampleStore.Open(folder.Path, "train");
        var ids = new int[store.MaxLength];
        AssertDamaged(tokens, folder.Path, () => store.Read(0, ids, out _));
        AssertDamaged(index, folder.Path, () => store.Read(5, ids, out _));
        AssertDamaged(index, folder.Path, () => store.Lengths(6));
        Assert.Equal(6, store.Read(3, ids, out _));
    }

    [Fact]
    public void A_closed_store_cannot_be_read()
    {
        using var folder = TestData.Temporary();
        var store = Made.Store(folder.Path, 20);
        store.Dispose();
        store.Dispose();

        Assert.Throws<ObjectDisposedException>(() => store.Lengths(0));
    }

    [Fact]
    public void An_id_outside_the_vocabulary_is_not_written()
    {
        using var folder = TestData.Temporary();
        using var writer = new ExampleStoreWriter(new(folder.Path, "train"), Made.Vocabulary, maxLength: 8, default);
        var examples = new ExampleList();
        examples.Add([10, 1000], [], cls: 2, sep: 3);

        Assert.Contains("1000", Assert.Throws<ArgumentException>(() => writer.Append(examples)).Message);
    }

    private static void Overwrite(string file, long position, byte[] bytes)
    {
        using var stream = File.OpenWrite(file);
        stream.Seek(position, SeekOrigin.Begin);
        stream.Write(bytes);
    }

    private static void AssertDamaged(string file, string folder, Action use)
    {
        string message = Assert.Throws<UserErrorException>(use).Message;
        Assert.Contains(file, message);
        Assert.Contains($"Delete the folder {folder}", message);
    }
}
