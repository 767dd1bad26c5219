using CsCheck;
using Electra.Data.Examples;
using Electra.Tensors;

namespace Electra.Tests.Data.Examples;

/// <summary>What holds of the examples of every text, and of every store of examples.</summary>
public class ExampleProperties
{
    private static readonly ExampleVocabulary Vocabulary = Made.Vocabulary with { Size = int.MaxValue };

    /// <summary>Far from spaces, line breaks and surrogates.</summary>
    private const int FirstCharacter = 0x4E00;

    private static readonly Gen<ExampleSettings> Settings =
        from length in Gen.Int[8, 64]
        from shortOnes in Gen.Double[0, 1]
        from singles in Gen.Double[0, 1]
        from blank in Gen.Bool
        select new ExampleSettings
        {
            MaxLength = length,
            ShortExampleProbability = shortOnes,
            SingleSegmentProbability = singles,
            BlankLineEndsExample = blank,
        };

    [Fact]
    public void Examples_are_well_formed_and_lose_only_what_a_full_one_has_no_room_for() =>
        Gen.Select(Settings, Gen.Int[0, 30].Array[0, 20].Array[1, 6], Gen.Long).Sample((settings, documents, seed) =>
        {
            // Every token is a character of its own, counted through: an example says of each where it comes from.
            int next = 5;
            var (ids, documentStarts) = (new ExampleList(), new List<int>());
            var builder = new ExampleBuilder(settings, Vocabulary, (line, to) =>
            {
                foreach (var character in line)
                    to.Add(character - FirstCharacter);
            }, ExampleDraws.From(RandomKey.FromSeed(seed)), ids);
            foreach (var lines in documents)
            {
                documentStarts.Add(next);
                builder.AddDocument(string.Join('\n', lines.Select(Line)));
            }

            string Line(int length) => string.Concat(Enumerable.Range(0, length).Select(_ => (char)(FirstCharacter + next++)));

            int[][] contents = [.. Enumerable.Range(0, ids.Count).Select(i => Content(ids, i, settings.MaxLength))];
            for (int i = 0; i < contents.Length; i++)
            {
                // The first token that piled up is always in the example, so that one pile reaches to where the next begins.
                int first = contents[i].Min(), end = i + 1 < contents.Length ? contents[i + 1].Min() : next;
                Assert.Equal(i == 0 ? 5 : first, first);
                Assert.Equal(contents[i].Distinct().Count(), contents[i].Length);
                Assert.All(contents[i], id => Assert.InRange(id, first, end - 1));
                Assert.DoesNotContain(documentStarts, start => start > first && start <= contents[i].Max());
                if (contents[i].Length < end - first)
                    Assert.InRange(ids[i].Length, settings.MaxLength - 1, settings.MaxLength);
            }
            Assert.Equal(next > 5, contents.Length > 0);
        }, iter: 2_000);

    [Fact]
    public void A_store_gives_back_what_was_written_however_it_was_cut_and_interrupted() =>
        Gen.Select(Gen.Int[0, 70_000].Array[1, 40].Array[0, 20], Gen.Int[0, 20], Gen.Bool, Gen.Bool)
            .Sample(
                (examples, cut, isWide, isTorn) =>
                {
                    using var folder = TestData.Temporary();
                    var vocabulary = Made.Vocabulary with { Size = isWide ? 70_001 : 1 << 16 };
                    var (first, second) = (Listed(examples.Take(cut), vocabulary), Listed(examples.Skip(cut), vocabulary));
                    ExampleCounts written;
                    using (var writer = new ExampleStoreWriter(new(folder.Path, "train"), vocabulary, 64, default))
                    {
                        writer.Append(first);
                        writer.Flush();
                        written = writer.Counts;
                        // What a process wrote that died before it said so.
                        if (isTorn)
                            writer.Append(second);
                    }
                    using (var writer = new ExampleStoreWriter(new(folder.Path, "train"), vocabulary, 64, written))
                    {
                        writer.Append(second);
                        writer.Finish();
                    }

                    using var store = ExampleStore.Open(folder.Path, "train");
                    Assert.Equal(examples.Length, store.Count);
                    var (row, all) = (new int[64], Listed(examples, vocabulary));
                    for (int i = 0; i < examples.Length; i++)
                    {
                        Assert.Equal(all[i], row.AsSpan(0, store.Read(i, row, out int lengthA)));
                        Assert.Equal(all.Bounds[i].LengthA, lengthA);
                    }
                }, iter: 100);

    /// <summary>The tokens of an example between its special ones, which stand where they should.</summary>
    private static int[] Content(ExampleList examples, int index, int maxLength)
    {
        var (ids, lengthA) = (examples[index].ToArray(), examples.Bounds[index].LengthA);
        Assert.InRange(ids.Length, 3, maxLength);
        Assert.InRange(lengthA, 3, ids.Length);
        Assert.Equal((Vocabulary.Cls, Vocabulary.Sep, Vocabulary.Sep), (ids[0], ids[lengthA - 1], ids[^1]));
        int[] a = ids[1..(lengthA - 1)], b = lengthA < ids.Length ? ids[lengthA..^1] : [];
        Assert.Equal(lengthA < ids.Length, b.Length > 0);
        // The text stays in its order within each segment.
        Assert.Equal(a.Order(), a);
        Assert.Equal(b.Order(), b);
        return [.. a, .. b];
    }

    private static ExampleList Listed(IEnumerable<int[]> examples, ExampleVocabulary vocabulary)
    {
        var list = new ExampleList();
        foreach (var ids in examples)
        {
            int[] known = [.. ids.Select(id => id % vocabulary.Size)];
            list.Add(known.AsSpan(0, (known.Length + 1) / 2), known.AsSpan((known.Length + 1) / 2), vocabulary.Cls, vocabulary.Sep);
        }
        return list;
    }
}
