using System.Text;

namespace Electra.Tests.Running;

/// <summary>An event of TensorBoard's files.</summary>
internal sealed record TensorBoardEvent(
    double WallTime,
    long Step,
    string? FileVersion,
    bool IsSessionStart,
    IReadOnlyList<(string Tag, float Value)> Scalars
);

/// <summary>Reads TensorBoard's event files, apart from the code under test: the CRC is the table-free bitwise one.</summary>
internal static class TensorBoardFiles
{
    /// <summary>The events of a run folder, file by file. A file may end within a record, as a killed process leaves it.</summary>
    public static TensorBoardEvent[] Read(string folder)
    {
        var files = Directory.GetFiles(folder, "events.out.tfevents.*").Order().ToArray();
        Assert.NotEmpty(files);
        return [.. files.SelectMany(file => Records(File.ReadAllBytes(file))).Select(ParseEvent)];
    }

    /// <summary>
    /// What TensorBoard shows: where a session starts at a step, what earlier ones say of that step and later ones is dropped.
    /// </summary>
    public static IReadOnlyList<(long Step, string Tag, float Value)> Shown(string folder)
    {
        var shown = new List<(long Step, string Tag, float Value)>();
        foreach (var e in Read(folder))
        {
            if (e.IsSessionStart)
                shown.RemoveAll(scalar => scalar.Step >= e.Step);
            shown.AddRange(e.Scalars.Select(scalar => (e.Step, scalar.Tag, scalar.Value)));
        }
        return shown;
    }

    /// <summary>TFRecord frames.</summary>
    private static IEnumerable<byte[]> Records(byte[] file)
    {
        for (var at = 0; at < file.Length;)
        {
            if (file.Length - at < 12 || file.Length - at - 16 < BitConverter.ToInt64(file, at))
                yield break;
            var length = (int)BitConverter.ToInt64(file, at);
            Assert.Equal(MaskedCrc(file.AsSpan(at, 8)), BitConverter.ToUInt32(file, at + 8));
            Assert.Equal(MaskedCrc(file.AsSpan(at + 12, length)), BitConverter.ToUInt32(file, at + 12 + length));
            yield return file[(at + 12)..(at + 12 + length)];
            at += 16 + length;
        }
    }

    public static uint MaskedCrc(ReadOnlySpan<byte> data)
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

    private static TensorBoardEvent ParseEvent(byte[] message)
    {
        var parsed = new TensorBoardEvent(0, 0, null, false, []);
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
}
