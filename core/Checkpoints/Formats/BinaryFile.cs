using System.IO.Hashing;
using Electra.Native;
using Electra.Storage;
using Microsoft.Win32.SafeHandles;
using TorchSharp;
using static TorchSharp.torch;

namespace Electra.Checkpoints.Formats;

/// <summary>
/// A file that is open to be read at any place. Bytes go from the file straight to where they are needed: reading ELECTRA-Base this way
/// takes less time than copying it out of mapped memory and half the pages, and a file that shrinks meanwhile is an error and no crash.
/// </summary>
internal sealed unsafe class BinaryFile : IDisposable
{
    private const int Chunk = 1 << 26; // a span holds two gigabytes at most, and a system call as much

    private readonly SafeFileHandle handle;

    /// <exception cref="UserErrorException">There is no such file, or it may not be read.</exception>
    public BinaryFile(string path)
    {
        Path = path;
        InputFile.Check(path);
        try
        {
            handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            Length = RandomAccess.GetLength(handle);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new UserErrorException($"{Paths.Shown(path)} cannot be read: {e.Message}", e);
        }
    }

    public string Path { get; }

    public long Length { get; }

    /// <summary>Bytes of the file.</summary>
    /// <exception cref="InvalidDataException">The file ends before them.</exception>
    public byte[] Read(long start, int count)
    {
        if (start < 0 || count < 0 || start > Length - count)
            throw new InvalidDataException($"it ends at byte {Length:N0}, and {count:N0} bytes were expected from byte {start:N0} on");
        var bytes = new byte[count];
        Read(start, bytes);
        return bytes;
    }

    /// <summary>Fills a contiguous CPU tensor with bytes of the file.</summary>
    /// <exception cref="InvalidDataException">The file ends before them.</exception>
    public void Read(long start, Tensor destination)
    {
        var to = (byte*)NativeTensors.DataPointer(destination);
        for (long left = destination.numel() * destination.ElementSize; left > 0; left -= Chunk, to += Chunk, start += Chunk)
            Read(start, new Span<byte>(to, (int)Math.Min(left, Chunk)));
    }

    /// <summary>Fills a tensor on any device with elements of a type, converting them where it has another.</summary>
    /// <exception cref="InvalidDataException">The file ends before them.</exception>
    public void Read(long start, ScalarType type, Tensor destination)
    {
        using var _ = no_grad();
        if (destination.device_type == DeviceType.CPU && destination.dtype == type && destination.is_contiguous())
            Read(start, destination);
        else
        {
            using var loaded = empty(destination.shape, dtype: type);
            Read(start, loaded);
            destination.copy_(loaded);
        }
    }

    /// <summary>The CRC-32 of a part of the file.</summary>
    /// <exception cref="InvalidDataException">The file ends before it.</exception>
    public uint Checksum(long start, long length)
    {
        var checksum = new Crc32();
        var buffer = new byte[Math.Min(length, 1 << 20)];
        for (; length > 0; start += buffer.Length, length -= buffer.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(length, buffer.Length));
            Read(start, part);
            checksum.Append(part);
        }
        return checksum.GetCurrentHashAsUInt32();
    }

    public void Dispose() => handle.Dispose();

    private void Read(long start, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            int count = RandomAccess.Read(handle, destination, start);
            if (count == 0)
                throw new InvalidDataException($"it ends at byte {start:N0}, {destination.Length:N0} bytes too early");
            destination = destination[count..];
            start += count;
        }
    }
}
