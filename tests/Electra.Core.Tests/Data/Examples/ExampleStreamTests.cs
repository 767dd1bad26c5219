
using Electra.Data;
using Electra.Data.Examples;
using Electra.Tensors;

namespace Electra.Tests.Data.Examples;

public class ExampleStreamTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(64)]
    [InlineData(1000)]
    [InlineData(65_537)]
    public void A_shuffled_order_holds_every_number_once(int count)
    {
        var order = new ShuffledOrder(count, RandomKey.FromSeed(3));

        Assert.Equal(Enumerable.Range(0, count).Select(i => (long)i), Enumerable.Range(0, count).Select(i => order[i]).Order());
    }

    [Fact]
    public void A_shuffled_order_reaches_into_counts_that_no_array_holds()
    {
        const long Count = 1L << 40;
        var order = new ShuffledOrder(Count, RandomKey.FromSeed(3));
        long[] numbers = [.. Enumerable.Range(0, 10_000).Select(i => order[i])];

        Assert.Equal(numbers.Length, numbers.Distinct().Count());
        Assert.All(numbers, number => Assert.InRange(number, 0, Count - 1));
        Assert.InRange(numbers.Average() / Count, 0.48, 0.52);
    }

    [Fact]
    public void Neighbours_and_epochs_are_not_correlated()
    {
        const int Count = 20_000;
        var key = RandomKey.FromSeed(11);
        double[] Epoch(int number)
        {
            var order = new ShuffledOrder(Count, key[number]);
            return [.. Enumerable.Range(0, Count).Select(i => (double)order[i])];
        }
        var (first, second) = (Epoch(0), Epoch(1));

        // A correlation of independent numbers has a standard deviation of 1/√20,000 = 0.007.
        Assert.InRange(Correlation(first[..^1], first[1..]), -0.03, 0.03);
        Assert.InRange(Correlation(first[..^2], first[2..]), -0.03, 0.03);
        Assert.InRange(Correlation(first, second), -0.03, 0.03);
        Assert.InRange(Correlation(first, [.. Enumerable.Range(0, Count).Select(i => (double)i)]), -0.03, 0.03);
        // A random permutation keeps one number in its place and one pair together, on average.
        Assert.InRange(Enumerable.Range(0, Count).Count(i => first[i] == i), 0, 7);
        Assert.InRange(Enumerable.Range(0, Count - 1).Count(i => first[i + 1] == first[i] + 1), 0, 7);
    }

    [Fact]
    public void All_orders_of_few_numbers_occur()
    {
        var orders = Enumerable.Range(0, 3000).Select(seed => new ShuffledOrder(4, RandomKey.FromSeed(seed)))
            .CountBy(order => string.Concat(Enumerable.Range(0, 4).Select(i => order[i]))).ToList();

        Assert.Equal(24, orders.Count);
        Assert.All(orders, order => Assert.InRange(order.Value, 60, 200));
    }

    [Fact]
    public void Each_epoch_has_every_example_once_and_its_own_order()
    {
        using var folder = TestData.Temporary();
        using var store = Made.Store(folder.Path, 300);

        var read = Read(store.Shuffled(seed: 1), batches: 60, 10, store);

        Assert.Equal(Enumerable.Range(0, 300), read[..300].Order());
        Assert.Equal(Enumerable.Range(0, 300), read[300..].Order());
        Assert.NotEqual(read[..300], read[300..]);
        Assert.NotEqual(read, Read(store.Shuffled(seed: 2), 60, 10, store));
    }

    [Fact]
    public void A_stream_goes_on_from_its_position_alone()
    {
        using var folder = TestData.Temporary();
        using var store = Made.Store(folder.Path, 300);
        var stream = store.Shuffled(seed: 1);
        Read(stream, 50, 7, store);
        var resumed = new ExampleStream(store.Count, seed: 1) { Position = stream.Position };

        Assert.Equal(350, resumed.Position);
        Assert.Equal(Read(stream, 40, 7, store), Read(resumed, 40, 7, store));
    }

    [Fact]
    public void Processes_share_what_one_alone_would_read()
    {
        using var folder = TestData.Temporary();
        using var store = Made.Store(folder.Path, 300);
        var ranks = Enumerable.Range(0, 3).Select(rank => Read(store.Shuffled(seed: 1, rank, world: 3), 10, 5, store)).ToArray();

        var together = Enumerable.Range(0, 150).Select(i => ranks[i % 3][i / 3]);

        Assert.Equal(Read(store.Shuffled(seed: 1), 10, 15, store), together);
    }

    [Fact]
    public void Batches_are_padded_to_the_longest_row_rounded_up_to_eight_within_the_maximum()
    {
        using var folder = TestData.Temporary();
        using var store = Made.Store(folder.Path, 60);

        var batch = store.Batch([17, 3], paddingType: 1);
        Assert.Equal((2, 24), (batch.Size, batch.Length));
        Assert.Equal([20, 6], batch.Lengths);
        Assert.Equal([2, .. Enumerable.Repeat(17L, 18), 3, 0, 0, 0, 0], batch.Ids[..24]);
        Assert.Equal([2, 3, 3, 3, 3, 3, .. Enumerable.Repeat(0L, 18)], batch.Ids[24..48]);
        Assert.Equal([.. Enumerable.Repeat(0L, 20), 1, 1, 1, 1], batch.TokenTypes[..24]);

        batch = store.Batch([49]);
        Assert.Equal((1, store.MaxLength), (batch.Size, batch.Length));
    }

    [Fact]
    public void Evaluation_reads_in_order_down_to_a_last_partial_batch()
    {
        using var folder = TestData.Temporary();
        using var store = Made.Store(folder.Path, 23);

        var read = store.InOrder(batchSize: 10).Select(batch => FirstTokens(batch).ToArray()).ToArray();

        Assert.Equal([10, 10, 3], read.Select(rows => rows.Length));
        Assert.Equal(Enumerable.Range(0, 23), read.SelectMany(rows => rows));
    }

    private static int[] Read(ExampleStream stream, int batches, int size, ExampleStore store) =>
        [.. Enumerable.Range(0, batches).SelectMany(_ => FirstTokens(store.Batch(stream.Next(size))))];

    /// <summary>The token after <c>[CLS]</c>: in a made store, the number of the example.</summary>
    private static IEnumerable<int> FirstTokens(TokenBatch batch) =>
        Enumerable.Range(0, batch.Size).Select(row => (int)batch.Ids[row * batch.Length + 1]);

    private static double Correlation(double[] x, double[] y)
    {
        var (meanX, meanY) = (x.Average(), y.Average());
        double Sum(Func<double, double, double> term) => x.Zip(y, (a, b) => term(a - meanX, b - meanY)).Sum();
        return Sum((a, b) => a * b) / Math.Sqrt(Sum((a, _) => a * a) * Sum((_, b) => b * b));
    }
}
