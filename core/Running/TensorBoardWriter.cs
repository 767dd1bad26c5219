using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Numerics;
using Google.Protobuf;
using Tensorboard;

namespace Electra.Running;

/// <summary>
/// Scalars in TensorBoard's event files: TFRecord frames (tensorflow/core/lib/io/record_writer.cc) around TorchSharp's messages. Its own
/// <c>SummaryWriter</c> cannot mark where a run resumed, so that steps that are done again would show twice.
/// </summary>
internal sealed class TensorBoardWriter : IDisposable
{
    private readonly FileStream file;

    private TensorBoardWriter(FileStream file) => this.file = file;

    /// <summary>
    /// Begins an event file in a run folder. TensorBoard drops what earlier files of the folder say of <paramref name="firstStep"/> and
    /// later ones.
    /// </summary>
    public static TensorBoardWriter Open(string folder, long firstStep)
    {
        // Files are read in the order of their names, and a file that a killed process left may end within a record: nothing goes after it.
        var time = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        string Path(long time) =>
            System.IO.Path.Combine(folder, $"events.out.tfevents.{time.ToString("D10", CultureInfo.InvariantCulture)}.{Dns.GetHostName()}");
        while (File.Exists(Path(time)))
            time++;
        var writer = new TensorBoardWriter(
            new FileStream(Path(time), FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete)
        );
        writer.Append(new Event { FileVersion = "brain.Event:2" });
        writer.Append(new Event { Step = firstStep, SessionLog = new() { Status = SessionLog.Types.SessionStatus.Start } });
        writer.file.Flush();
        return writer;
    }

    /// <summary>Appends one event with the scalars of a step, and hands it to the system.</summary>
    public void Write(long step, IEnumerable<(string Name, double Value)> scalars)
    {
        var summary = new Summary();
        summary.Value.AddRange(scalars.Select(scalar => new Summary.Types.Value { Tag = scalar.Name, SimpleValue = (float)scalar.Value }));
        Append(new Event { Step = step, Summary = summary });
        file.Flush();
    }

    public void Dispose() => file.Dispose();

    private void Append(Event message)
    {
        message.WallTime = (DateTime.UtcNow - DateTime.UnixEpoch).TotalSeconds;
        file.Write(Frame(message.ToByteArray()));
    }

    /// <summary>A TFRecord: length (8 bytes), CRC of the length (4), data, CRC of the data (4), all little-endian.</summary>
    private static byte[] Frame(ReadOnlySpan<byte> data)
    {
        var frame = new byte[8 + 4 + data.Length + 4];
        BinaryPrimitives.WriteInt64LittleEndian(frame, data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(8), MaskedCrc(frame.AsSpan(0, 8)));
        data.CopyTo(frame.AsSpan(12));
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(12 + data.Length), MaskedCrc(data));
        return frame;
    }

    /// <summary>
    /// CRC-32C, rotated and shifted so that a CRC of data that holds CRCs keeps its strength (tsl/lib/hash/crc32c.h, Mask).
    /// </summary>
    private static uint MaskedCrc(ReadOnlySpan<byte> data)
    {
        const uint MaskDelta = 0xa282ead8;
        var crc = uint.MaxValue;
        foreach (var value in data)
            crc = BitOperations.Crc32C(crc, value);
        return BitOperations.RotateRight(~crc, 15) + MaskDelta;
    }
}
