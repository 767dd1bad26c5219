using System.Text.Json;
using Electra.Data.Corpora;
using Electra.Data.Examples;
using Electra.Model;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Tokenization;
using Electra.Training;

namespace Electra.Tests.Data.Examples;

public class ExampleBuilderTests
{
    private static readonly ExampleVocabulary Bert = new(Size: 30522, Cls: 101, Sep: 102, Pad: 0, Unknown: 100);

    [Fact]
    public void Examples_of_token_ids_are_those_of_the_original_draw_by_draw()
    {
        var golden = Golden.Json("f_examples_ids");
        var lines = new List<JsonElement>();
        var documents = golden.GetProperty("docs").EnumerateArray().Select(document => Document(document.EnumerateArray(), lines)).ToList();

        AssertOriginal(golden, documents, (line, ids) => ids.AddRange(lines[int.Parse(line)].EnumerateArray().Select(id => id.GetInt32())));
    }

    [Theory]
    [InlineData("ml128_noclean")]
    [InlineData("ml128_clean")]
    [InlineData("ml64_noclean")]
    [InlineData("ml512_noclean")]
    [InlineData("ml16_noclean")]
    public void Examples_of_real_text_are_those_of_the_original_draw_by_draw(string tag)
    {
        var golden = Golden.Json("f_examples");
        var run = golden.GetProperty("runs").EnumerateArray().Single(run => run.GetProperty("tag").GetString() == tag);
        var cleaning = run.GetProperty("apply_cleaning").GetBoolean() ? Cleaning.Wikipedia : Cleaning.None;
        var corpus = golden.GetProperty("docs").EnumerateArray().Select(text => text.GetString()!);

        AssertOriginal(run, Cleaned(corpus, cleaning), new ElectraTokenizer(GoldenVocabulary()).Encode);
    }

    [Fact]
    public void Empty_parentheses_are_left_where_the_settings_do_not_say_otherwise()
    {
        Assert.True(Recipes.Defaults(Recipe.ElectraPytorch, ModelSize.Base).Examples.RemoveEmptyParentheses);
        Assert.False(Recipes.Defaults(Recipe.Google, ModelSize.Base).Examples.RemoveEmptyParentheses);
        var lines = new List<string>();
        foreach (bool removes in new[] { false, true })
            new ExampleBuilder(
                new() { RemoveEmptyParentheses = removes },
                Bert,
                (line, ids) => lines.Add(line.ToString()),
                ExampleDraws.From(RandomKey.FromSeed(1)),
                new ExampleList()
            ).AddDocument("a() (()) b\n() c");
        Assert.Equal(["a() (()) b", "() c", "a () b", " c"], lines);
    }

    [Fact]
    public void A_target_carries_over_to_the_next_document()
    {
        var draws = Script(uniform: [0.9, 0.01, 0.9, 0.9], between: [6]);

        Assert.Equal(
            ["[CLS] 10 11 [SEP]", "[CLS] 12 13 14 15 [SEP] 16 17 [SEP]"],
            Examples(new() { MaxLength = 16 }, draws, "10 11", "12 13 14 15\n16 17\n")
        );
    }

    [Fact]
    public void Blank_lines_are_passed_over_unless_they_end_examples()
    {
        const string Document = "10\n \t\r\n\n11";

        Assert.Equal(["[CLS] 10 [SEP] 11 [SEP]"], Examples(new() { MaxLength = 8 }, Script([0.9, 0.9, 0.9]), Document));
        Assert.Equal(
            ["[CLS] 10 [SEP]", "[CLS] 11 [SEP]"],
            Examples(new() { BlankLineEndsExample = true, MaxLength = 8 }, Script([0.9, 0.9, 0.9, 0.9]), Document)
        );
    }

    [Fact]
    public void The_second_segment_gets_what_room_the_first_one_leaves()
    {
        var settings = new ExampleSettings { MaxLength = 8 };

        Assert.Equal(
            ["[CLS] 10 11 12 13 14 15 [SEP]", "[CLS] 19 [SEP]"],
            Examples(settings, Script([0.9, 0.9, 0.9, 0.9]), "10 11 12 13 14 15 16 17 18\n19")
        );
        Assert.Equal(["[CLS] 10 11 [SEP] 12 13 14 [SEP]"], Examples(settings, Script([0.9, 0.9]), "10 11\n12 13 14 15 16 17"));
        Assert.Equal(["[CLS] 10 11 12 13 14 15 [SEP]"], Examples(settings, Script([0.9, 0.9]), "10 11 12 13 14 15 16\n17"));
    }

    [Theory]
    [InlineData(8)]
    [InlineData(128)]
    [InlineData(512)]
    public void A_document_of_one_long_line_is_cut_and_loses_nothing(int maxLength)
    {
        var words = Enumerable.Range(0, 3000).Select(i => 5 + i * 7919 % 990).ToList();
        var examples = new ExampleList();
        var builder = new ExampleBuilder(
            new() { MaxLength = maxLength },
            Made.Vocabulary,
            Made.TokenizeNumbers,
            ExampleDraws.From(RandomKey.FromSeed(1)),
            examples
        );
        builder.AddDocument(string.Join(' ', words) + "\n \n");

        Assert.Equal(words, examples.Ids.ToArray().Where(id => id != Made.Vocabulary.Cls && id != Made.Vocabulary.Sep));
        Assert.Equal(0, builder.Dropped);
        Assert.InRange(examples.Count, 3000 / maxLength, 3 * 3000 / maxLength);
        if (maxLength > 8)
            Assert.Contains(Enumerable.Range(0, examples.Count), i => examples.Bounds[i].LengthA < examples[i].Length);
    }

    [Fact]
    public void Tokens_that_an_example_has_no_room_for_are_counted()
    {
        var builder = new ExampleBuilder(
            new() { MaxLength = 8 },
            Made.Vocabulary,
            Made.TokenizeNumbers,
            Script([0.9, 0.9, 0.9, 0.9]),
            new()
        );
        builder.AddDocument("10 11 12 13 14 15 16 17 18\n19");
        Assert.Equal(3, builder.Dropped);
    }

    [Fact]
    public void Probabilities_of_short_and_single_segment_examples_are_settings()
    {
        string document = string.Join('\n', Made.Documents(200).Select(text => text.Replace('\n', ' ')));
        ExampleList With(ExampleSettings settings)
        {
            var examples = new ExampleList();
            new ExampleBuilder(
                settings,
                Made.Vocabulary,
                Made.TokenizeNumbers,
                ExampleDraws.From(RandomKey.FromSeed(1)),
                examples
            ).AddDocument(document);
            return examples;
        }

        var single = With(new() { SingleSegmentProbability = 1 });
        Assert.All(Enumerable.Range(0, single.Count), i => Assert.Equal(single[i].Length, single.Bounds[i].LengthA));
        Assert.True(With(new() { ShortExampleProbability = 1 }).Count > With(new() { ShortExampleProbability = 0 }).Count);
    }

    [Fact]
    public void A_line_costs_no_allocation_once_the_buffers_have_grown()
    {
        string document = string.Join('\n', Made.Documents(50));
        var examples = new ExampleList();
        var builder = new ExampleBuilder(new(), Made.Vocabulary, Made.TokenizeNumbers, ExampleDraws.From(RandomKey.FromSeed(1)), examples);
        builder.AddDocument(document);
        builder.AddDocument(document);
        examples.Clear();

        long before = GC.GetAllocatedBytesForCurrentThread();
        builder.AddDocument(document);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    /// <summary>A document whose lines are numbers into <paramref name="known"/>, where the ids of each line are put.</summary>
    private static string Document(IEnumerable<JsonElement> lines, List<JsonElement> known)
    {
        int first = known.Count;
        known.AddRange(lines);
        return string.Join('\n', Enumerable.Range(first, known.Count - first));
    }

    private static void AssertOriginal(JsonElement golden, IEnumerable<string> documents, TokenizeLine tokenize)
    {
        var draws = new Queue<JsonElement>(golden.GetProperty("draws").EnumerateArray());
        JsonElement Next(string kind)
        {
            var draw = draws.Dequeue();
            Assert.Equal(kind, draw[0].GetString());
            return draw;
        }
        var recorded = new ExampleDraws(
            () => Next("random")[1].GetDouble(),
            (first, last) =>
            {
                var draw = Next("randint");
                Assert.Equal((draw[1].GetInt32(), draw[2].GetInt32()), (first, last));
                return draw[3].GetInt32();
            });
        var examples = new ExampleList();
        var settings = Recipes.Defaults(Recipe.ElectraPytorch, ModelSize.Small).Examples with
        {
            MaxLength = golden.GetProperty("max_length").GetInt32(),
            CutLongLines = false,
        };
        var builder = new ExampleBuilder(
            settings,
            Bert,
            tokenize,
            recorded,
            examples
        );

        foreach (string document in documents)
            builder.AddDocument(document);

        Assert.Empty(draws);
        var expected = golden.GetProperty("examples");
        Assert.Equal(expected.GetArrayLength(), examples.Count);
        for (int i = 0; i < examples.Count; i++)
        {
            Assert.Equal(expected[i].GetProperty("input_ids").EnumerateArray().Select(id => id.GetInt32()), examples[i].ToArray());
            Assert.Equal(expected[i].GetProperty("sentA_length").GetInt32(), examples.Bounds[i].LengthA);
        }
    }

    /// <summary>The documents as the corpus gives them.</summary>
    private static IEnumerable<string> Cleaned(IEnumerable<string> documents, Cleaning cleaning) =>
        cleaning == Cleaning.Wikipedia ? documents.Select(WikipediaCleaning.Clean).OfType<string>() : documents;

    private static Vocabulary GoldenVocabulary()
    {
        string[] tokens = [.. Enumerable.Range(0, 30522).Select(id => $"[elsewhere {id}]")];
        foreach (var line in File.ReadLines(TestData.Fixture("golden/f_examples_pieces.tsv")))
            tokens[int.Parse(line.Split('\t')[0])] = line.Split('\t')[1];
        return new Vocabulary(tokens);
    }

    private static ExampleDraws Script(double[] uniform, int[]? between = null)
    {
        var (numbers, integers) = (new Queue<double>(uniform), new Queue<int>(between ?? []));
        return new(numbers.Dequeue, (_, _) => integers.Dequeue());
    }

    private static IEnumerable<string> Examples(ExampleSettings settings, ExampleDraws draws, params string[] documents)
    {
        var examples = new ExampleList();
        var builder = new ExampleBuilder(settings, Made.Vocabulary, Made.TokenizeNumbers, draws, examples);
        foreach (string document in documents)
            builder.AddDocument(document);
        return Enumerable.Range(0, examples.Count).Select(i => string.Join(' ', examples[i].ToArray()
            .Select(id => id == Made.Vocabulary.Cls ? "[CLS]" : id == Made.Vocabulary.Sep ? "[SEP]" : $"{id}")));
    }
}
