using Electra.Data.Tagging;
using Electra.Tokenization;
using Parquet;
using Parquet.Schema;

namespace Electra.Tests.Data.Tagging;

/// <summary>Tagged words as files write them: columns, lists, and spans of annotation tools.</summary>
public sealed class TaggedFilesTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Columns_have_the_word_first_and_the_tag_last()
    {
        var read = Read("a.conll", "-DOCSTART- -X- O\n\nFrom IN O\nBerlin NNP B-creative-work\n\t\n.\tO");
        Assert.Equal(["From Berlin", "."], read.Select(text => text.Text));
        Assert.Equal(["O", "B-creative-work"], read[0].Tags!);
        Assert.Equal([0..4, 5..11], read[0].Words);
        Assert.Equal("a.conll:3", Path.GetFileName(read[0].Place));
    }

    [Theory]
    [InlineData("""{"text": "😀 Zürich, é!", "label": [[2, 8, "place"]]}""")]
    [InlineData("""{"text": "😀 Zürich, é!", "entities": [{"id": 1, "start_offset": 2, "end_offset": 8, "label": "place"}]}""")]
    [InlineData("""{"text": "😀 Zürich, é!", "label": [{"start": 2, "end": 8, "text": "Zürich", "labels": ["place"]}]}""")]
    [InlineData(
        """{"data": {"text": "😀 Zürich, é!"}, "annotations": [{"result": [{"value": {"start": 2, "end": 8, "labels": ["place"]}}]}]}"""
    )]
    public void Spans_of_annotation_tools_count_code_points(string line)
    {
        var read = Assert.Single(Read("a.jsonl", line + "\n"));
        Assert.Equal([new TagSpan("place", 1, 1)], read.Spans!);
        Assert.Equal(["😀", "Zürich", ",", "é", "!"], read.Words.Select(word => read.Text[word]));
    }

    [Fact]
    public void Lists_of_tokens_have_a_tag_each()
    {
        var read = Assert.Single(Read("a.jsonl", """{"tokens": ["New", "York"], "ner_tags": ["B-place", "I-place"]}"""));
        Assert.Equal(["B-place", "I-place"], read.Tags!);
    }

    [Fact]
    public void Numbers_stand_for_tags_in_their_order()
    {
        const string Line = """{"tokens": ["New", "York", "!"], "ner_tags": [1, 2, 0]}""";
        var read = Assert.Single(Read("a.jsonl", Line, names: ["O", "B-place", "I-place"]));
        Assert.Equal(["B-place", "I-place", "O"], read.Tags!);
        Refused("a.jsonl:1: a tag is the number 1, and nothing says which tag that is: give the tags in the order of their numbers, tags:");
        Refused("a.jsonl:1: a tag is the number 2, and there are 2 tags, from 0: O, B-place", "O", "B-place");

        void Refused(string said, params string[] names) =>
            Assert.Contains(said, Assert.Throws<UserErrorException>(() => Read("a.jsonl", Line, names: names)).Message);
    }

    /// <summary>As data sets on the hub are: lists of words and of numbers, whose names are the file's.</summary>
    [Fact]
    public async Task A_Parquet_file_of_the_hub_names_its_tags_itself()
    {
        const string Features = """{"info": {"features": {"ner_tags": {"feature": {"names": ["O", "B-place"]}, "_type": "Sequence"}}}}""";
        ListField words = new("tokens", new DataField<string>(ListField.ElementName)),
            tags = new("ner_tags", new DataField<long?>(ListField.ElementName));
        await using (var file = File.Create(folder.File("a.parquet")))
        await using (var writer = await ParquetWriter.CreateAsync(new ParquetSchema(words, tags), file))
        {
            writer.CustomMetadata = new Dictionary<string, string> { ["huggingface"] = Features };
            using var group = writer.CreateRowGroup();
            int[] rows = [0, 1, 0]; // the second word is of the first row, and so on
            await group.WriteAsync((DataField)words.Item, ["In", "1 000", "Rome"], rows);
            await group.WriteAsync<long>((DataField)tags.Item, new long?[] { 0, 0, 1 }, rows);
        }
        var read = TaggedFiles.Read(folder.File("a.parquet"), null, null, hasLabels: true).ToList();
        Assert.Equal(["In", "1 000", "Rome"], read.SelectMany(text => text.Words.Select(word => text.Text[word])));
        Assert.Equal([["O", "O"], ["B-place"]], read.Select(text => text.Tags!));
        Assert.Equal("a.parquet:2", Path.GetFileName(read[1].Place));
        read = [.. TaggedFiles.Read(folder.File("a.parquet"), "tokens", "ner_tags", hasLabels: true, ["X", "Y"])];
        Assert.Equal([["X", "X"], ["Y"]], read.Select(text => text.Tags!));
        Assert.Null(TaggedFiles.Read(folder.File("a.parquet"), null, null, hasLabels: false).First().Tags);
        var refused = Assert.Throws<UserErrorException>(() => TaggedFiles.Read(folder.File("a.parquet"), null, "pos_tag", true).Count());
        Assert.Contains("there is no column pos_tag", refused.Message);
    }

    [Fact]
    public void A_span_inside_a_word_is_extended_to_it_and_counted()
    {
        var read = Assert.Single(
            Read("a.jsonl", """{"text": "Bundeskanzleramt in Berlin", "label": [[0, 6, "office"], [20, 26, "place"]]}""")
        );
        Assert.Equal([new TagSpan("office", 0, 0), new TagSpan("place", 2, 2)], read.Spans!);
        Assert.Equal(1, read.Extended);
    }

    [Theory]
    [InlineData("""{"text": "In Rome", "label": [[3, 8, "place"]]}""", "span 3 to 8 (place) is not in the text, which has 7 characters")]
    [InlineData("""{"text": "In Rome", "label": [[3, 3, "place"]]}""", "a.jsonl:1: the span 3 to 3 (place) is not in the text")]
    [InlineData("""{"text": "In Rome", "label": [[2, 3, "place"]]}""", "a.jsonl:1: the span 2 to 3 (place) has no word in it")]
    [InlineData("""{"text": "New York City", "label": [[0, 8, "a"], [4, 13, "b"]]}""", "span 4 to 13 (b) lies over another, of a")]
    [InlineData("""{"text": "In Rome", "label": [[3, "place"]]}""", "a.jsonl:1: a span is [start, end, label]")]
    [InlineData("""{"text": "In Rome"}""", "a.jsonl:1: there is no list tags or ner_tags")]
    [InlineData("""{"words": ["In"], "tags": ["O", "O"]}""", "a.jsonl:1: a tag is expected for each of 1 words, and there are 2")]
    [InlineData("""["In"]""", "a.jsonl:1: a JSON object is expected on each line")]
    [InlineData("""{"body": "In Rome"}""", "a.jsonl:1: there is no field tokens or words")]
    public void A_line_that_is_not_right_is_explained(string line, string said) =>
        Assert.Contains(said, Assert.Throws<UserErrorException>(() => Read("a.jsonl", line)).Message);

    [Fact]
    public void A_word_without_a_tag_is_explained() =>
        Assert.Contains(
            "a.conll:2: a word and its tag are expected, and the line has one column: Rome",
            Assert.Throws<UserErrorException>(() => Read("a.conll", "In O\nRome\n")).Message
        );

    [Fact]
    public void A_word_between_tabs_may_have_spaces() =>
        Assert.Equal(["1 000", "New York"], Read("a.conll", "1 000\tNUM\nNew York\tB-place\n")[0] is var read
            ? read.Words.Select(word => read.Text[word]) : []);

    [Fact]
    public void Sentences_where_words_without_tags_are_expected_are_explained() =>
        Assert.Contains(
            "a.txt:2: the line has 4 columns, and those before it 5: a word a line is expected",
            Assert.Throws<UserErrorException>(() => Read("a.txt", "The cat sat on it\nThe dog did not\n", hasLabels: false)).Message
        );

    [Fact]
    public void Places_of_tokens_are_in_the_text_as_it_was_given()
    {
        const string Text = "😀 ZÜRICH İs x\u0301y";
        var tokenizer = new ElectraTokenizer(
            new Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "zu", "##rich", "is", "xy"])
        );
        int[] starts = CodePoints.Starts(Text);
        Assert.Equal(
            [("[UNK]", 0, 1), ("zu", 2, 4), ("##rich", 4, 8), ("is", 9, 11), ("xy", 12, 15)],
            tokenizer.EncodeToTokens(Text, out _).Select(token =>
                (token.Value, Array.IndexOf(starts, token.Offset.Start.Value), Array.IndexOf(starts, token.Offset.End.Value)))
        );
    }

    private List<TaggedText> Read(string name, string content, bool hasLabels = true, string[]? names = null)
    {
        File.WriteAllText(folder.File(name), content);
        return [.. TaggedFiles.Read(folder.File(name), null, null, hasLabels, names)];
    }
}
