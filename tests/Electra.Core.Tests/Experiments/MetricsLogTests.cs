using System.Text;
using Electra.Experiments;

namespace Electra.Tests.Experiments;

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

        Assert.Contains("metrics.jsonl:2 is no line", Assert.Throws<UserErrorException>(() => MetricsLog.Read(Log)).Message);
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

        var events = EventFiles();
        Assert.Equal("brain.Event:2", events[0].FileVersion);
        Assert.Equal((0, true), (events[1].Step, events[1].IsSessionStart));
        Assert.Equal([100, 200], events[2..].Select(e => e.Step));
        Assert.Equal([("loss", 1f), ("held_out/auc", 0.5f)], events[2].Scalars);
        Assert.Equal([("loss", 0.5f), ("held_out/auc", 0.5f)], events[3].Scalars);
        Assert.All(events, e => Assert.InRange(DateTime.UnixEpoch.AddSeconds(e.WallTime), DateTime.UtcNow.AddMinutes(-5), DateTime.UtcNow.AddMinutes(5)));
    }

    [Fact]
    public void Resuming_tells_TensorBoard_to_forget_later_steps()
    {
        Write(null, 100, 200);
        Write(resumed: 100, 150);

        Assert.Equal([0, 101], EventFiles().Where(e => e.IsSessionStart).Select(e => e.Step));
    }

    private sealed record Event(double WallTime, long Step, string? FileVersion, bool IsSessionStart, IReadOnlyList<(string Tag, float Value)> Scalars);

    private Event[] EventFiles()
    {
        var files = Directory.GetFiles(folder.Path, "events.out.tfevents.*").Order().ToArray();
        Assert.NotEmpty(files);
        return [.. files.SelectMany(file => Records(File.ReadAllBytes(file))).Select(ParseEvent)];
    }

    /// <summary>TFRecord frames, read apart from the code under test: the CRC is the table-free bitwise one.</summary>
    private static IEnumerable<byte[]> Records(byte[] file)
    {
        for (var at = 0; at < file.Length;)
        {
            var length = (int)BitConverter.ToInt64(file, at);
            Assert.Equal(MaskedCrc(file.AsSpan(at, 8)), BitConverter.ToUInt32(file, at + 8));
            Assert.Equal(MaskedCrc(file.AsSpan(at + 12, length)), BitConverter.ToUInt32(file, at + 12 + length));
            yield return file[(at + 12)..(at + 12 + length)];
            at += 16 + length;
        }
    }

    private static uint MaskedCrc(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var b in data)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) == 1 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
        }
        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xa282ead8;
    }

    [Fact]
    public void The_reference_crc_is_the_published_one() =>
        // The check value of CRC-32C: 0xE3069283 for "123456789".
        Assert.Equal(((0xE3069283u >> 15) | (0xE3069283u << 17)) + 0xa282ead8, MaskedCrc("123456789"u8));

    private static Event ParseEvent(byte[] message)
    {
        var parsed = new Event(0, 0, null, false, []);
        foreach (var (field, number, bytes) in Fields(message))
            parsed = field switch
            {
                1 => parsed with { WallTime = BitConverter.Int64BitsToDouble(number) },
                2 => parsed with { Step = number },
                3 => parsed with { FileVersion = Encoding.UTF8.GetString(bytes) },
                5 => parsed with { Scalars = [.. Fields(bytes).Select(value => Scalar(value.Bytes))] },
                7 => parsed with { IsSessionStart = Fields(bytes).Single() is (1, 1, _) },
                _ => throw new InvalidDataException($"field {field}"),
            };
        return parsed;
    }

    private static (string, float) Scalar(byte[] value)
    {
        var fields = Fields(value).ToDictionary(f => f.Field);
        return (Encoding.UTF8.GetString(fields[1].Bytes), BitConverter.Int32BitsToSingle((int)fields[2].Number));
    }

    private static IEnumerable<(int Field, long Number, byte[] Bytes)> Fields(byte[] message)
    {
        var at = 0;
        while (at < message.Length)
        {
            var tag = Varint();
            switch (tag & 7)
            {
                case 0: yield return ((int)tag >> 3, Varint(), []); break;
                case 1: yield return ((int)tag >> 3, BitConverter.ToInt64(message, at), []); at += 8; break;
                case 5: yield return ((int)tag >> 3, BitConverter.ToInt32(message, at), []); at += 4; break;
                case 2:
                    var length = (int)Varint();
                    yield return ((int)tag >> 3, 0, message[at..(at + length)]);
                    at += length;
                    break;
                default: throw new InvalidDataException($"wire type {tag & 7}");
            }
        }

        long Varint()
        {
            long value = 0;
            for (var shift = 0; ; shift += 7)
            {
                var b = message[at++];
                value |= (long)(b & 0x7f) << shift;
                if (b < 0x80)
                    return value;
            }
        }
    }

    private static string ReadShared(string path)
    {
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd();
    }
}
