using System.Text.Json;
using Electra.Data.Answering;
using Electra.Data.Tagging;
using Electra.Data.Tasks;
using Electra.Tokenization;

namespace Electra.Tests.Data.Tasks;

/// <summary>Rows of tagged words, and how they become examples.</summary>
public sealed class WordTagsTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Each_word_belongs_to_the_window_in_which_it_has_the_most_context()
    {
        int compared = 0;
        foreach (var sentence in Golden.CompressedJson("t_align").GetProperty("sentences").EnumerateArray())
        {
            int[] lengths = [.. sentence.GetProperty("huggingface_pieces").EnumerateArray().Select(word => word.GetArrayLength())];
            foreach (var golden in sentence.GetProperty("windows").EnumerateArray())
            {
                int size = golden.GetProperty("max_len").GetInt32() - 2;
                var windows = DocumentWindows.Of(
                    lengths.Sum(),
                    size,
                    DocumentWindows.StepOf(golden.GetProperty("overlap").GetInt32(), size)
                );
                Assert.Equal(
                    golden.GetProperty("windows").EnumerateArray().Select(window => (window[0].GetInt32(), window[1].GetInt32())),
                    windows
                );
                foreach (var (word, window) in golden.GetProperty("window_of_word").EnumerateArray().Index())
                    if (window.ValueKind != JsonValueKind.Null)
                        Assert.Equal(window.GetInt32(), DocumentWindows.Owner(windows, lengths.Take(word).Sum()));
                compared++;
            }
        }
        Assert.Equal(98, compared);
    }

    [Theory]
    [InlineData("B-a I-a O B-a I-a B-b", "bio")]
    [InlineData("I-a I-a B-a O I-b I-a", "iob1")]
    [InlineData("B-a E-a O S-b", "bioes")]
    [InlineData("B-a L-a O U-b", "bilou")]
    [InlineData("NN VB NN", "none")]
    public void The_scheme_is_told_from_the_training_file(string tags, string scheme)
    {
        File.WriteAllLines(folder.File("tags.conll"), tags.Split(' ').Select(tag => $"w\t{tag}"));
        var task = Define(scheme == "none" ? ["NN", "VB"] : ["a", "b"], "tags.conll");
        Assert.Equal(scheme, $"{task.Scheme}".ToLowerInvariant());
        Assert.Equal(TagSchemes.Tags(scheme == "none" ? ["NN", "VB"] : ["a", "b"], task.Scheme), task.Labels);

        File.WriteAllText(folder.File("spans.jsonl"), """{"text": "a b", "label": [[0, 1, "a"]]}""");
        Assert.Equal(TagScheme.Bio, Define(["a"], "spans.jsonl").Scheme);
        Assert.Contains("task names: scheme cannot be told", Assert.Throws<UserErrorException>(() => Define(["a"], "")).Message);

        TaskDefinition Define(string[] labels, string train) => OwnTask.Define("names", new OwnTaskOptions
        {
            Kind = OwnTaskKind.Tokens,
            Labels = labels,
            Scheme = TagScheme.Auto,
            Train = train == "" ? "" : folder.File(train),
            HeldOut = train == "" ? 0 : 0.5,
        });
    }

    [Fact]
    public void Words_are_encoded_as_Hugging_Faces_tokenizer_encodes_them_alone()
    {
        var tokenizer = new ElectraTokenizer(Vocabulary.Load(TestData.Shared("vocab.txt")));
        foreach (var sentence in Golden.CompressedJson("t_align").GetProperty("sentences").EnumerateArray())
        {
            var encoder = new TaskEncoder(tokenizer, new EncodingOptions { MaxLength = 512 });
            var text = TaggedText.OfWords([.. sentence.GetProperty("words").EnumerateArray().Select(word => word.GetString()!)], "");
            encoder.AddWords(new TaskRow([text.Text], [.. text.Words.Select(_ => 0f)]) { Words = text.Words });
            int[][] words = [.. sentence.GetProperty("huggingface_pieces").EnumerateArray().Select(word =>
                word.EnumerateArray().Select(id => id.GetInt32()).ToArray())];
            Assert.Equal(words.SelectMany(word => word), encoder.Tokens[0][1..^1].ToArray());
            int at = 1;
            Assert.Equal(words.Select(word => (word.Length == 0 ? -1 : at, at += word.Length).Item1), encoder.Positions.ToArray());
        }
    }

    [Fact]
    public void Every_word_of_a_long_row_is_read_once_and_a_word_without_a_token_is_outside()
    {
        using var data = Prepare("a B-x\nb I-x\na O\n\u200b B-x\nb O\na O\nb O\na B-x\nb O\na O\n", maxLength: 8);
        var train = data.Train.Examples;
        Assert.Equal((1, 2), (data.Train.Count, train.Count));
        Assert.Equal(10, train.Labels.Length);
        Assert.Equal([-1], train.Positions.Where(position => position <= 0));
        var batch = train.Batch([0, 1]);
        Assert.Equal(9, batch.Places.Length);
        Assert.Equal(Enumerable.Range(0, 10).Where(word => word != 3), batch.Places.Order());
        Assert.All(
            batch.Places.Zip(batch.Positions!),
            pair => Assert.Equal("aba-bababa"[pair.First] == 'a' ? 5 : 6, batch.Tokens.Ids[pair.Second])
        );
        float[] outputs = Enumerable.Repeat(data.Task.Kind.Unread(data.Task), 10).SelectMany(one => one).ToArray();
        var rows = train.With(outputs);
        Assert.Equal(1, rows.Count);
        Assert.Equal("O O O O O O O O O O", data.Task.Kind.Text(data.Task, rows[0]));
        Assert.Contains(
            "made, train: 1 row of 1 longer than 8 tokens, and read in windows that overlap (encoding.overlap): every word is read",
            data.Notes
        );
        Assert.Contains(data.Notes, note => note.StartsWith("made, train: 1 word without a token", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("a B-x\nb B-z\n", "a.conll:1: \"z\" is not one of the labels of made, x, y")]
    [InlineData("a x\n", "a.conll:1: \"x\" is not a tag: O, or B-, I-, E-, S-, L- or U- and a type")]
    public void An_unknown_tag_is_explained(string content, string said) =>
        Assert.Contains(said, Assert.Throws<UserErrorException>(() => Open(content).Splits[0].Rows().ToList()).Message);

    [Fact]
    public void Files_in_any_scheme_become_the_tags_of_the_task()
    {
        using var data = Prepare("a U-x\nb O\na B-y\nb L-y\n\na I-x\nb I-x\n", 16);
        Assert.Equal(
            ["B-x", "O", "B-y", "I-y", "B-x", "I-x"],
            data.Train.Examples.Labels.Select(label => data.Task.Labels[(int)label])
        );
    }

    [Fact]
    public void Numbers_become_the_tags_of_the_task_and_tell_its_scheme()
    {
        File.WriteAllText(folder.File("a.jsonl"), """{"tokens": ["a", "b", "a"], "tags": [2, 3, 0]}""");
        var options = new OwnTaskOptions
        {
            Kind = OwnTaskKind.Tokens,
            Scheme = TagScheme.Auto,
            Labels = ["x"],
            Tags = ["O", "S-x", "B-x", "E-x"],
            Train = folder.File("a.jsonl"),
            Dev = folder.File("a.jsonl"),
        };
        var task = OwnTask.Define("made", options);
        Assert.Equal(TagScheme.Bioes, task.Scheme);
        var row = OwnTask.Open(task, options).Splits[0].Rows().Single();
        Assert.Equal(["B-x", "E-x", "O"], row.Labels.Select(tag => task.Labels[(int)tag]));
    }

    [Fact]
    public void Predictions_for_a_development_set_stand_beside_its_words()
    {
        using var data = Prepare("a B-x\nb I-x\n\nc O\n", 8);
        var dev = data.Dev[0].Examples;
        float[] outputs = Enumerable.Repeat(data.Task.Kind.Unread(data.Task), 3).SelectMany(one => one).ToArray();
        Assert.Equal(
            [("dev_predictions.conll", "a\tB-x\tO\nb\tI-x\tO\n\nc\tO\tO\n\n")],
            data.Task.Kind.DevPredictions([(data.Dev[0].Split, dev.With(outputs))])
        );
    }

    [Fact]
    public void Keys_that_would_do_nothing_are_refused()
    {
        var options = new OwnTaskOptions { Kind = OwnTaskKind.Tokens, Labels = ["x"], Train = "a.conll", HeldOut = 0.1 };
        Refused("labels is missing: give the types of spans", options with { Labels = [] });
        Refused("decode cannot be constrained", options with { Scheme = TagScheme.None, Decode = TagDecoding.Constrained });
        Refused("tags has a tag twice", options with { Tags = ["O", "O"] });
        Refused("tags is for tags of words", new OwnTaskOptions { Text = ["text"], Labels = ["x", "y"], Tags = ["O"] });
        Refused("labels must be two or more", options with { Scheme = TagScheme.None });
        Refused("header is not for tags of words", options with { Header = false });
        Refused("text names a field of a .jsonl", options with { Text = ["2"] });
        Refused("label names a field of a .jsonl", options with { Label = "4" });
        OwnTask.Define("made", options with { Label = "tags", Test = "b.jsonl.gz" });

        static void Refused(string said, OwnTaskOptions options) =>
            Assert.Contains($"task made: {said}", Assert.Throws<UserErrorException>(() => OwnTask.Define("made", options)).Message);
    }

    private TaskData Prepare(string content, int maxLength) =>
        TaskData.Prepare(
            Open(content),
            new ElectraTokenizer(new Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"])),
            new EncodingOptions { MaxLength = maxLength },
            folder.File("datasets")
        );

    private TaskText Open(string content)
    {
        File.WriteAllText(folder.File("a.conll"), content);
        var options = new OwnTaskOptions
        {
            Kind = OwnTaskKind.Tokens,
            Labels = ["x", "y"],
            Train = folder.File("a.conll"),
            Dev = folder.File("a.conll"),
        };
        return OwnTask.Open(OwnTask.Define("made", options), options);
    }
}
