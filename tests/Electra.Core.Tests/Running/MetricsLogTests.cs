
using Electra.Running;

namespace Electra.Tests.Running;

public sealed class MetricsLogTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    private string Log => folder.File(MetricsLog.FileName);

    public void Dispose() => folder.Dispose();

    private void Write(long? resumed, params long[] steps)
    {
        using var log = MetricsLog.Open(folder.Path, resumed);
        foreach (var step in steps)
            log.Write(step, ("loss", 100.0 / step), ("held_out/auc", 0.5));
    }

    [Fact]
    public void A_step_is_one_flat_line_that_is_there_at_once()
    {
        using var log = MetricsLog.Open(folder.Path);
        log.Write(100, ("loss", 12.5), ("learning_rate", 5e-4));

        Assert.Equal("{\"step\":100,\"loss\":12.5,\"learning_rate\":0.0005}\n", ReadShared(Log));
    }

    [Fact]
    public void A_number_that_is_none_is_kept_by_name()
    {
        using (var log = MetricsLog.Open(folder.Path))
            log.Write(1, ("a", double.NaN), ("b", double.PositiveInfinity), ("c", double.NegativeInfinity));

        Assert.Equal("{\"step\":1,\"a\":\"NaN\",\"b\":\"Infinity\",\"c\":\"-Infinity\"}\n", File.ReadAllText(Log));
        Assert.Equal([double.NaN, double.PositiveInfinity, double.NegativeInfinity], MetricsLog.Read(folder.Path)[0].Values.Values);
    }

    [Fact]
    public void Resuming_drops_what_was_logged_after_the_step()
    {
        Write(null, 100, 200, 300);
        Write(resumed: 200, 250, 300);

        Assert.Equal([100, 200, 250, 300], MetricsLog.Read(Log).Select(row => row.Step));
    }

    [Fact]
    public void What_is_no_file_in_the_place_of_the_log_is_named()
    {
        foreach (var (what, said) in OddFiles.All)
        {
            OddFiles.Put(what, Log);
            Assert.Contains(said, Assert.Throws<UserErrorException>(() => MetricsLog.Open(folder.Path)).Message);
            Assert.Contains(said, Assert.Throws<UserErrorException>(() => MetricsLog.Open(folder.Path, 100)).Message);
            Assert.Contains(said, Assert.Throws<UserErrorException>(() => MetricsLog.Read(folder.Path)).Message);
            OddFiles.Remove(Log);
        }
    }

    [Fact]
    public void A_torn_last_line_is_dropped()
    {
        Write(null, 100, 200);
        File.AppendAllText(Log, "{\"step\":300,\"lo");
        Assert.Equal(2, MetricsLog.Read(Log).Count);

        Write(resumed: 300, 400);

        Assert.Equal([100, 200, 400], MetricsLog.Read(Log).Select(row => row.Step));
    }

    [Fact]
    public void A_damaged_line_in_the_middle_is_an_error_with_its_place()
    {
        Write(null, 100);
        File.AppendAllText(Log, "{\"step\":\"x\"}\n{\"step\":300}\n");

        Assert.Contains("metrics.jsonl:2 is not a line", Assert.Throws<UserErrorException>(() => MetricsLog.Read(Log)).Message);
    }

    [Fact]
    public void Beginning_anew_drops_everything()
    {
        Write(null, 100, 200);
        Write(null, 50);

        Assert.Equal([50], MetricsLog.Read(Log).Select(row => row.Step));
    }

    [Fact]
    public void TensorBoard_finds_the_same_numbers_in_sound_records()
    {
        Write(null, 100, 200);

        var events = TensorBoardFiles.Read(folder.Path);
        Assert.Equal("brain.Event:2", events[0].FileVersion);
        Assert.Equal((0, true), (events[1].Step, events[1].IsSessionStart));
        Assert.Equal([100, 200], events[2..].Select(e => e.Step));
        Assert.Equal([("loss", 1f), ("held_out/auc", 0.5f)], events[2].Scalars);
        Assert.Equal([("loss", 0.5f), ("held_out/auc", 0.5f)], events[3].Scalars);
        Assert.All(
            events,
            e => Assert.InRange(DateTime.UnixEpoch.AddSeconds(e.WallTime), DateTime.UtcNow.AddMinutes(-5), DateTime.UtcNow.AddMinutes(5))
        );
    }

    [Fact]
    public void Resuming_tells_TensorBoard_to_forget_later_steps()
    {
        Write(null, 100, 200);
        Write(resumed: 100, 150);

        Assert.Equal([0, 101], TensorBoardFiles.Read(folder.Path).Where(e => e.IsSessionStart).Select(e => e.Step));
    }

    [Fact]
    public void The_reference_crc_is_the_published_one() =>
        // The check value of CRC-32C: 0xE3069283 for "123456789".
        Assert.Equal(((0xE3069283u >> 15) | (0xE3069283u << 17)) + 0xa282ead8, TensorBoardFiles.MaskedCrc("123456789"u8));

    private static string ReadShared(string path)
    {
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd();
    }
}
