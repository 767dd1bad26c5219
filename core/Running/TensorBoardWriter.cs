using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Numerics;
using Google.Protobuf;

namespace Electra.Running;

/// <summary>
/// Scalars in TensorBoard's event files: TFRecord frames around <c>tensorflow.Event</c> messages (tensorflow/core/util/event.proto,
/// tensorflow/core/framework/summary.proto, tensorflow/core/lib/io/record_writer.cc).
/// </summary>
internal sealed class TensorBoardWriter : IDisposable
{
    // Field numbers of tensorflow.Event, .Summary, .Summary.Value and .SessionLog.
    private const int EventWallTime = 1, EventStep = 2, EventFileVersion = 3, EventSummary = 5, EventSessionLog = 7;
    private const int SummaryValue = 1, ValueTag = 1, ValueSimpleValue = 2;
    private const int SessionLogStatus = 1, SessionLogStart = 1;

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
        writer.Append(0, message => WriteString(message, EventFileVersion, "brain.Event:2"));
        writer.Append(
            firstStep,
            message => WriteMessage(message, EventSessionLog, log => WriteVarint(log, SessionLogStatus, SessionLogStart))
        );
        writer.file.Flush();
        return writer;
    }

    /// <summary>Appends one event with the scalars of a step, and hands it to the system.</summary>
    public void Write(long step, IEnumerable<(string Name, double Value)> scalars)
    {
        Append(step, message => WriteMessage(message, EventSummary, summary =>
        {
            foreach (var (name, number) in scalars)
                WriteMessage(summary, SummaryValue, value =>
                {
                    WriteString(value, ValueTag, name);
                    value.WriteTag(ValueSimpleValue, WireFormat.WireType.Fixed32);
                    value.WriteFloat((float)number);
                });
        }));
        file.Flush();
    }

    public void Dispose() => file.Dispose();

    private void Append(long step, Action<CodedOutputStream> content)
    {
        var data = Message(message =>
        {
            message.WriteTag(EventWallTime, WireFormat.WireType.Fixed64);
            message.WriteDouble((DateTime.UtcNow - DateTime.UnixEpoch).TotalSeconds);
            WriteVarint(message, EventStep, step);
            content(message);
        });
        file.Write(Frame(data));
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

    private static byte[] Message(Action<CodedOutputStream> write)
    {
        using var stream = new MemoryStream();
        using (var message = new CodedOutputStream(stream, leaveOpen: true))
            write(message);
        return stream.ToArray();
    }

    private static void WriteMessage(CodedOutputStream output, int field, Action<CodedOutputStream> write)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(Message(write)));
    }

    private static void WriteString(CodedOutputStream output, int field, string text)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteString(text);
    }

    private static void WriteVarint(CodedOutputStream output, int field, long value)
    {
        output.WriteTag(field, WireFormat.WireType.Varint);
        output.WriteInt64(value);
    }
}
