using System.IO.Hashing;
using System.Runtime.InteropServices;
using Electra.Data.Examples;

namespace Electra.Data.Tasks;

/// <summary>What belongs to encoded rows beside their token ids, as files: each array, then four bytes that tell whether it is still
/// what was written.</summary>
/// <param name="Labels">The labels, example after example.</param>
/// <param name="Positions">Of each label the position in its example, where the head reads positions, or first and end of a span; else
/// none.</param>
/// <param name="Ends">Where the labels of each example end.</param>
internal sealed record StoredLabels(float[] Labels, int[] Positions, ExampleEnd[] Ends)
{
    private static readonly string[] Files = ["rows.labels", "rows.positions", "rows.ends"];

    /// <summary>Writes the files, part after part.</summary>
    internal sealed class Writer(string folder) : IDisposable
    {
        private readonly FileStream[] files = [.. Files.Select(name => File.Create(Path.Combine(folder, name)))];
        private readonly Crc32[] checksums = [.. Files.Select(_ => new Crc32())];
        private int rows, labels;

        /// <summary>Adds what an encoder holds.</summary>
        public void Append(TaskEncoder encoder)
        {
            var ends = new ExampleEnd[encoder.Ends.Length];
            for (int i = 0; i < ends.Length; i++)
                ends[i] = new ExampleEnd(rows + encoder.Ends[i].Row, labels + encoder.Ends[i].Labels);
            Append(0, MemoryMarshal.AsBytes(encoder.Labels));
            Append(1, MemoryMarshal.AsBytes(encoder.Positions));
            Append(2, MemoryMarshal.AsBytes<ExampleEnd>(ends));
            rows += encoder.Rows;
            labels += encoder.Labels.Length;
        }

        /// <summary>Makes the files whole.</summary>
        public void Finish()
        {
            foreach (var (file, checksum) in files.Zip(checksums))
                file.Write(BitConverter.GetBytes(checksum.GetCurrentHashAsUInt32()));
        }

        public void Dispose()
        {
            foreach (var file in files)
                file.Dispose();
        }

        private void Append(int file, ReadOnlySpan<byte> bytes)
        {
            files[file].Write(bytes);
            checksums[file].Append(bytes);
        }
    }

    /// <summary>Reads the files.</summary>
    /// <param name="files">The store beside them.</param>
    /// <param name="examples">The examples in it.</param>
    /// <exception cref="UserErrorException">They are damaged.</exception>
    public static StoredLabels Read(ExampleStoreFiles files, long examples)
    {
        var stored = new StoredLabels(Array<float>(files, 0), Array<int>(files, 1), Array<ExampleEnd>(files, 2));
        int labels = stored.Ends.Length == 0 ? 0 : stored.Ends[^1].Labels;
        return stored.Ends.Length == examples && stored.Labels.Length == labels
            && stored.Positions.Length is var positions && (positions == 0 || positions == labels || positions == 2 * labels)
            ? stored
            : throw files.Damaged(Path.Combine(files.Folder, Files[2]), "it is not of these rows");
    }

    private static T[] Array<T>(ExampleStoreFiles files, int number)
        where T : unmanaged
    {
        var file = Path.Combine(files.Folder, Files[number]);
        byte[] bytes = File.Exists(file) ? File.ReadAllBytes(file) : throw files.Damaged(file, "the file is missing");
        if (
            bytes.Length < sizeof(uint)
            || (bytes.Length - sizeof(uint)) % Marshal.SizeOf<T>() != 0
            || Crc32.HashToUInt32(bytes.AsSpan(..^sizeof(uint))) != BitConverter.ToUInt32(bytes.AsSpan(^sizeof(uint)..))
        )
            throw files.Damaged(file, "the labels are not what was written");
        return MemoryMarshal.Cast<byte, T>(bytes.AsSpan(..^sizeof(uint))).ToArray();
    }
}
