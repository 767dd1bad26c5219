using Electra.Data.Corpora;

namespace Electra.Tests.Data.Corpora;

/// <summary>Which files a source means.</summary>
public sealed class CorpusFilesTests : IDisposable
{
    private const string Card =
        "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: \"part-[!0]*\"\n  - split: test\n    path: "
            + "part-0*\n---\nProse.\n";
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose()
    {
        // .NET cannot delete by a name that is not UTF-8.
        if (OperatingSystem.IsLinux())
            Command.Shell($"rm -rf {folder.Path}/*");
        folder.Dispose();
    }

    [Fact]
    public void Brackets_and_braces_make_a_pattern_where_no_file_has_that_name()
    {
        Write("part-0.txt", "part-1.txt", "part-a.txt");
        Assert.Equal(["part-0", "part-1"], Read("part-[!a].*"));
        Assert.Equal(["part-0", "part-1"], Read("part-[0-9].txt"));
        Assert.Equal(["part-a", "part-0"], Read("{part-a,part-0}.txt"));
        Assert.Contains("no file matches", Refused("{part-a,part-b}.txt"));
        Write("part-[0-9].txt");
        Assert.Equal(["part-[0-9]"], Read("part-[0-9].txt"));
    }

    [Fact]
    public void A_pattern_that_matches_folders_alone_says_so()
    {
        Write("texts/inner/a.txt");
        Assert.Contains("matches folders", Refused("texts/*"));
    }

    [Theory]
    [InlineData("dataset_infos.json")]
    [InlineData(".gitattributes")]
    [InlineData(".cache/huggingface/download/x.metadata")]
    public void A_data_sets_folder_is_read_as_the_hub_is(string mark)
    {
        Write("data/train-a.jsonl", "data/test-a.jsonl", "README.md", "LICENSE.txt", "sample.txt", mark);
        Assert.Equal(["data/train-a"], Read(""));
        Assert.Equal(["data/test-a"], Read("", split: "test"));
        Assert.Equal(
            "data/train-a.jsonl; not read: LICENSE.txt, README.md, data/test-a.jsonl"
                + (mark.StartsWith('.') ? ", sample.txt" : " and 2 more"),
            Corpus.Open(CorpusOptions.Parse(folder.Path)).Files
        );
        Assert.Contains(
            "no split validation; there are train, test",
            Assert.Throws<UserErrorException>(() => Read("", split: "validation")).Message
        );
    }

    [Fact]
    public void The_card_in_a_folder_chooses_its_files()
    {
        Write("part-00.txt", "part-10.txt", "part-20.txt");
        File.WriteAllText(folder.File("README.md"), Card);
        Assert.Equal(["part-10", "part-20"], Read(""));
        Assert.Equal(["part-00"], Read("", split: "test"));
    }

    [Fact]
    public void The_hubs_names_of_files_are_enough()
    {
        Write("train-00000-of-00002.txt", "train-00001-of-00002.txt", "test-00000-of-00001.txt");
        Assert.Equal(["train-00000-of-00002", "train-00001-of-00002"], Read(""));
    }

    [Fact]
    public void Files_named_after_splits_are_a_data_set_and_others_a_folder_of_text()
    {
        Write("train.txt", "test.txt");
        Assert.Equal(["train"], Read(""));
        Write("notes.txt", "README.md", "LICENSE");
        Assert.Equal(["notes", "test", "train"], Read(""));
        Assert.Equal("notes.txt, test.txt, train.txt; not read: LICENSE, README.md", Corpus.Open(CorpusOptions.Parse(folder.Path)).Files);
    }

    [Fact]
    public void Ones_own_notes_in_markdown_are_text()
    {
        Write("a.md", "b.md", "train of thought.md");
        Assert.Equal(["a", "b", "train of thought"], Read(""));
    }

    [Theory]
    [InlineData("rows.csv")]
    [InlineData("rows.tsv.gz")]
    public void A_table_is_not_a_corpus(string name)
    {
        Write(name);
        Assert.Contains($"{name} is a table", Refused(name));
        Assert.Contains($"it holds {name}", Refused(""));
    }

    [Fact]
    public void Links_that_lead_nowhere_and_pipes_are_named()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links and pipes of Unix");
        File.CreateSymbolicLink(folder.File("gone.txt"), "nowhere.txt");
        Assert.Contains("gone.txt is a link to nowhere.txt, which does not exist", Refused("gone.txt"));
        Assert.Contains("gone.txt is a link to nowhere.txt, which does not exist", Refused(""));
        Command.Run("mkfifo", folder.File("pipe"));
        Assert.Contains("is a pipe, and can be read only once", Refused("pipe"));
    }

    [Fact]
    public void A_name_that_is_not_utf8_is_named_before_anything_is_read()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "names of any bytes");
        Write("plain.txt");
        Command.Shell($"touch {folder.Path}/$(printf 'caf\\351.txt')");
        var message = Assert.Throws<UserErrorException>(() => Corpus.Open(CorpusOptions.Parse(folder.Path))).Message;
        Assert.Contains("caf\uFFFD.txt is not UTF-8", message);
        Assert.Contains("convmv", message);
        Assert.Equal(["plain"], Read("plain.*"));
    }

    [Fact]
    public void Each_line_can_be_a_document()
    {
        File.WriteAllText(folder.File("lines.txt"), "One.\nTwo.\r\n\nThree.");
        Assert.Equal(
            ["One.", "Two.", "Three."],
            Corpus.Open(new CorpusOptions { Source = [folder.File("lines.txt")], Documents = DocumentBoundary.Line }).Documents()
        );
    }

    private string[] Read(string name, string split = "train") =>
        [.. Corpus.Open(new CorpusOptions { Source = [name == "" ? folder.Path : folder.File(name)], Split = split }).Documents()];

    private string Refused(string name) => Assert.Throws<UserErrorException>(() => Read(name)).Message;

    /// <summary>Files that hold their own name without its extension.</summary>
    private void Write(params string[] names)
    {
        foreach (var name in names)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder.File(name))!);
            var text = name[..(name.IndexOf('.') is > 0 and var dot ? dot : name.Length)];
            File.WriteAllText(folder.File(name), name.EndsWith(".jsonl", StringComparison.Ordinal) ? $"{{\"text\":\"{text}\"}}" : text);
        }
    }
}
