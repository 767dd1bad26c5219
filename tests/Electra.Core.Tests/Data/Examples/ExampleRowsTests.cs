using System.Text.Json;
using Electra.Data.Examples;

namespace Electra.Tests.Data.Examples;

/// <summary>Short examples that share rows.</summary>
public class ExampleRowsTests
{
    /// <summary>ModernBERT's packer, whose last rows are dropped where one of them is empty.</summary>
    [Fact]
    public void Sequences_go_into_the_rows_of_the_original_and_the_last_ones_are_not_lost()
    {
        int lost = 0;
        foreach (var golden in Golden.Json("m_packing").GetProperty("cases").EnumerateArray())
        {
            int Number(string name) => golden.GetProperty(name).GetInt32();
            int[] lengths = [.. golden.GetProperty("lengths").EnumerateArray().Select(length => length.GetInt32())];
            var expected = golden.GetProperty("batches").EnumerateArray().Select(Rows).ToList();
            var packer = new BestFit(Number("rows"), Number("row_length"), Number("buffer"), Number("source_batch"));

            var packed = packer.Pack(lengths.Length, i => lengths[i]).ToList();

            Assert.Equal(expected, packed.Take(expected.Count));
            var all = packed.SelectMany(rows => rows).ToList();
            Assert.Equal(Enumerable.Range(0, lengths.Length).Select(i => (long)i), all.SelectMany(row => row).Order());
            Assert.All(all, row => Assert.InRange(row.Sum(i => lengths[i]), 1, Number("row_length")));
            long[] rest = [.. packed.Skip(expected.Count).SelectMany(rows => rows).SelectMany(row => row).Order()];
            Assert.Equal(Longs(golden.GetProperty("not_emitted")).Order(), rest);
            double efficiency = expected.SelectMany(rows => rows).SelectMany(row => row).Sum(i => (double)lengths[i])
                / (expected.Count * Number("rows") * Number("row_length"));
            Assert.Equal(golden.GetProperty("efficiency").GetDouble(), efficiency, 1e-12);
            lost += rest.Length;
        }
        Assert.Equal(7, lost);

        static List<IReadOnlyList<long>> Rows(JsonElement batch) =>
            [.. batch.EnumerateArray().Select(row => Longs(row.GetProperty("sequences")))];

        static long[] Longs(JsonElement list) => [.. list.EnumerateArray().Select(number => number.GetInt64())];
    }

    [Fact]
    public void Every_example_is_in_one_row_and_rows_are_full()
    {
        using var folder = TestData.Temporary();
        using var store = Made.Store(folder.Path, 20_000);
        var rows = new ExampleRows(store, ExamplePacking.BestFit);

        var all = Enumerable.Range(0, (int)rows.Count).Select(row => rows[row].ToArray()).ToList();

        Assert.Equal(Enumerable.Range(0, 20_000).Select(i => (long)i), all.SelectMany(row => row).Order());
        Assert.All(all, row => Assert.InRange(row.Sum(example => store.Lengths(example).Length), 3, store.MaxLength));
        Assert.InRange(rows.Efficiency, 0.95, 1); // lengths from 3 to 52, as often each, in rows of 53
        Assert.Equal((double)store.Counts.Tokens / rows.Count / store.MaxLength, rows.Efficiency);
        // Whoever lies side by side in the corpus does not do so in a row.
        Assert.InRange(all.Count(row => row.Zip(row.Skip(1)).Any(pair => Math.Abs(pair.First - pair.Second) < 50)), 0, all.Count / 20);
        // The same rows at every start: nothing of them is saved.
        var again = new ExampleRows(store, ExamplePacking.BestFit);
        Assert.Equal(all, Enumerable.Range(0, (int)again.Count).Select(row => again[row].ToArray()));
    }

    [Fact]
    public void A_packed_row_has_its_examples_one_after_the_other_with_their_token_types()
    {
        using var folder = TestData.Temporary();
        var vocabulary = Made.Vocabulary;
        var examples = new ExampleList();
        examples.Add([10, 11], [12], vocabulary.Cls, vocabulary.Sep); // 2 10 11 3 12 3
        examples.Add([20], [], vocabulary.Cls, vocabulary.Sep); // 2 20 3
        examples.Add([30, 31, 32, 33, 34, 35, 36, 37, 38], [], vocabulary.Cls, vocabulary.Sep);
        using (var writer = new ExampleStoreWriter(new(folder.Path, "train"), vocabulary, maxLength: 11, default))
        {
            writer.Append(examples);
            writer.Finish();
        }
        using var store = ExampleStore.Open(folder.Path, "train");
        var rows = new ExampleRows(store, ExamplePacking.BestFit);

        Assert.Equal(2, rows.Count);
        long shared = rows[0].Length == 2 ? 0 : 1;
        Assert.Equal([0, 1], rows[shared].ToArray().Order());
        var batch = rows.Batch([shared, 1 - shared], paddingType: 1, firstRow: 7);
        bool pairFirst = rows[shared][0] == 0;
        Assert.Equal(
            pairFirst ? [2, 10, 11, 3, 12, 3, 2, 20, 3, 0, 0] : [2, 20, 3, 2, 10, 11, 3, 12, 3, 0, 0],
            batch.Ids[..11]
        );
        Assert.Equal(
            pairFirst ? [0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1] : [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1],
            batch.TokenTypes[..11]
        );
        Assert.Equal((7L, 11, 20L), (batch.FirstRow, batch.Length, batch.TokenCount));
        Assert.Equal([9, 11], batch.Lengths);
        Assert.Equal(pairFirst ? [6, 3] : [3, 6], batch.Packed![0]);
        Assert.Equal([11], batch.Packed[1]);
    }

    [Fact]
    public void Without_packing_a_row_is_an_example()
    {
        using var folder = TestData.Temporary();
        using var store = Made.Store(folder.Path, 60);
        var rows = new ExampleRows(store, ExamplePacking.None);
        var (own, plain) = (rows.Batch([17, 3], 1, firstRow: 2), store.Batch([17, 3], 1, firstRow: 2));
        Assert.Equal(60, rows.Count);
        Assert.Equal([5], rows[5].ToArray());
        Assert.Null(own.Packed);
        Assert.Equal(plain.Ids, own.Ids);
        Assert.Equal(plain.TokenTypes, own.TokenTypes);
        Assert.Equal(2, own.FirstRow);
        Assert.Equal(store.Shuffled(seed: 4).Next(200), rows.Shuffled(seed: 4).Next(200));
    }
}
