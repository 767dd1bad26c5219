using Electra.Data.Tagging;
using Electra.Tokenization;

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

    private List<TaggedText> Read(string name, string content, bool hasLabels = true)
    {
        File.WriteAllText(folder.File(name), content);
        return [.. TaggedFiles.Read(folder.File(name), null, null, hasLabels)];
    }
}
