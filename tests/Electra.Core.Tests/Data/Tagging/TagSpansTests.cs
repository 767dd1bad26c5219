using System.Text.Json;
using Electra.Data.Tagging;
using Electra.Data.Tasks;

namespace Electra.Tests.Data.Tagging;

/// <summary>Spans and scores of tags against conlleval.pl and seqeval, and the best allowed tags against enumeration.</summary>
public sealed class TagSpansTests
{
    private static readonly (string Key, TagScheme Scheme)[] Strict =
    [
        ("strict_IOB1", TagScheme.Iob1),
        ("strict_IOB2", TagScheme.Bio),
        ("strict_IOBES", TagScheme.Bioes),
        ("strict_BILOU", TagScheme.Bilou),
    ];

    [Fact]
    public void Malformed_tags_are_read_as_seqeval_reads_them()
    {
        int compared = 0;
        foreach (var one in Golden.CompressedJson("t_malformed").GetProperty("sequences").EnumerateArray())
        {
            string[] tags = one.GetProperty("tags").GetString()!.Split(' ');
            // seqeval does not know L and U here, which say the same as E and S.
            if (!tags.Any(tag => tag[0] is 'L' or 'U'))
                Assert.Equal(Spans(one.GetProperty("seqeval_default")), Shown(TagSpans.Lenient(tags)));
            // Null: the scheme does not have a tag, and seqeval stops.
            foreach (var (key, scheme) in Strict)
                if (one.GetProperty(key) is { ValueKind: JsonValueKind.Array } expected)
                {
                    var found = Shown(TagSpans.Strict(tags, scheme));
                    Assert.True(Spans(expected) == found, $"{string.Join(' ', tags)}, {key}: {Spans(expected)}, and not {found}");
                    compared++;
                }
        }
        Assert.InRange(compared, 400, 800);
    }

    [Theory]
    [InlineData("pairs_bio", "conlleval")]
    [InlineData("pairs_bio", "seqeval_default")]
    [InlineData("pairs_bioe", "seqeval_default")]
    public void Spans_of_malformed_tags_are_counted_as_the_script_counts_them(string pairs, string script)
    {
        foreach (var pair in Golden.CompressedJson("t_malformed").GetProperty(pairs).EnumerateArray())
        {
            var all = ClassScores.Sum(
                SpanScores.Of([(Tags(pair.GetProperty("gold")), Tags(pair.GetProperty("predicted")))], TagSpans.Lenient)
            );
            Assert.Equal(pair.GetProperty(script).EnumerateArray().Select(n => n.GetInt32()), [all.Support, all.Predicted, all.Right]);
        }
    }

    [Fact]
    public void Scores_of_a_development_set_are_those_of_conlleval_and_of_both_modes_of_seqeval()
    {
        var golden = Golden.CompressedJson("t_scores");
        string[][] gold = [.. golden.GetProperty("gold_bioes").EnumerateArray().Select(Tags)];
        int sets = 0;
        foreach (var set in golden.GetProperty("sets").EnumerateArray())
        {
            var scheme = set.GetProperty("scheme").GetString() == "BIO" ? TagScheme.Bio : TagScheme.Bioes;
            var task = OwnTask.Define("made", new OwnTaskOptions
            {
                Kind = OwnTaskKind.Tokens,
                Labels = ["corporation", "creative-work", "group", "location", "person", "product"],
                Scheme = scheme,
            });
            var measured = Metrics.Measure(Rows(task, gold, [.. set.GetProperty("predictions").EnumerateArray().Select(Tags)]));
            var lenient = set.GetProperty("seqeval_default");
            Assert.Equal(lenient.GetProperty("accuracy").GetDouble(), measured[Metrics.Accuracy], 1e-12);
            foreach (var (metric, mean, score) in new[]
            {
                (Metrics.F1, "micro avg", "f1-score"),
                (Metrics.Precision, "micro avg", "precision"),
                (Metrics.Recall, "micro avg", "recall"),
                (Metrics.MacroF1, "macro avg", "f1-score"), (Metrics.WeightedF1, "weighted avg", "f1-score"),
            })
                Assert.Equal(lenient.GetProperty("report").GetProperty(mean).GetProperty(score).GetDouble(), measured[metric], 1e-12);
            Assert.Equal(
                set.GetProperty("seqeval_strict").GetProperty("micro avg").GetProperty("f1-score").GetDouble(),
                measured[Metrics.StrictF1],
                1e-12
            );
            if (scheme == TagScheme.Bio)
                Assert.Equal(set.GetProperty("conlleval").GetProperty("f1").GetDouble(), Math.Round(100 * measured[Metrics.F1], 2), 1e-9);
            sets++;
        }
        Assert.Equal(4, sets);
    }

    [Fact]
    public void Constrained_tags_are_the_best_of_all_allowed_ones()
    {
        foreach (var one in Golden.CompressedJson("t_constrained").EnumerateArray())
        {
            string[] tags = [.. one.GetProperty("tags").EnumerateArray().Select(tag => tag.GetString()!)];
            float[] logits =
            [
                .. one.GetProperty("logits").EnumerateArray().SelectMany(word => word.EnumerateArray()).Select(n => n.GetSingle()),
            ];
            var scheme = Enum.Parse<TagScheme>(one.GetProperty("scheme").GetString()!, ignoreCase: true);
            Assert.Equal(
                one.GetProperty("best").EnumerateArray().Select(tag => tag.GetString()),
                ConstrainedTags.Best(logits, tags, scheme).Select(tag => tags[tag])
            );
        }
    }

    [Theory]
    [InlineData(TagScheme.Bio, "B-X I-X I-X B-X O B-Y")]
    [InlineData(TagScheme.Iob1, "I-X I-X I-X B-X O I-Y")]
    [InlineData(TagScheme.Bioes, "B-X I-X E-X S-X O S-Y")]
    [InlineData(TagScheme.Bilou, "B-X I-X L-X U-X O U-Y")]
    public void Spans_become_the_tags_of_a_scheme_and_back(TagScheme scheme, string expected)
    {
        TagSpan[] spans = [new("X", 0, 2), new("X", 3, 3), new("Y", 5, 5)];
        var tags = TagSchemes.TagsOf(spans, 6, scheme);
        Assert.Equal(expected, string.Join(' ', tags));
        Assert.Equal(spans, TagSpans.Lenient(tags));
        Assert.All(
            tags.Cast<string?>().Prepend(null).Zip(tags.Append(null)),
            pair => Assert.True(TagSchemes.MayFollow(pair.First, pair.Second, scheme))
        );
    }

    /// <summary>Outputs that say the predicted tags.</summary>
    private static TaskOutputs Rows(TaskDefinition task, string[][] gold, string[][] predictions)
    {
        var numbers = task.Labels.Index().ToDictionary(tag => tag.Item, tag => tag.Index);
        int end = 0;
        return new TaskOutputs(
            task,
            [.. predictions.SelectMany(tags => tags).SelectMany(tag => task.Labels.Select(label => label == tag ? 1f : 0f))],
            [
                .. gold.SelectMany(tags => TagSchemes.TagsOf(TagSpans.Lenient(tags), tags.Length, task.Scheme))
                    .Select(tag => (float)numbers[tag]),
            ],
            [.. gold.Select(tags => end += tags.Length)]
        );
    }

    private static string[] Tags(JsonElement tags) => tags.GetString()!.Split(' ');

    private static string Spans(JsonElement spans) => string.Join("; ", spans.EnumerateArray().Select(span =>
        string.Join(' ', span.EnumerateArray())));

    private static string Shown(IEnumerable<TagSpan> spans) =>
        string.Join("; ", spans.Select(span => $"{span.Type} {span.First} {span.Last}"));
}
