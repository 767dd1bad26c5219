using System.IO.MemoryMappedFiles;

namespace Electra.Storage;

/// <summary>A file seen as memory, to read; the operating system loads what is read and drops it again when memory is short.</summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile? file;
    private readonly MemoryMappedViewAccessor? view;
    private byte* start;

    public MappedFile(string path)
    {
        Length = new FileInfo(path).Length;
        // An empty file cannot be mapped.
        if (Length == 0)
            return;
        file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, mapName: null, capacity: 0, MemoryMappedFileAccess.Read);
        view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        start += view.PointerOffset;
    }

    public long Length { get; }

    /// <summary>
    /// The values number <paramref name="from"/> up to <paramref name="from"/> + <paramref name="count"/> of a file of
    /// <typeparamref name="T"/>.
    /// </summary>
    public ReadOnlySpan<T> Values<T>(long from, int count)
        where T : unmanaged
    {
        ObjectDisposedException.ThrowIf(start is null, this);
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(from + count, Length / sizeof(T));
        return new(start + from * sizeof(T), count);
    }

    public void Dispose()
    {
        if (start is not null)
            view!.SafeMemoryMappedViewHandle.ReleasePointer();
        start = null;
        view?.Dispose();
        file?.Dispose();
    }
}
