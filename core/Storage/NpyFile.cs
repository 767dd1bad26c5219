using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Electra.Storage;

/// <summary>An array of float32 as NumPy saves it (numpy, <c>lib/format.py</c>, version 1.0).</summary>
internal static class NpyFile
{
    private const int Alignment = 64;

    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0];

    /// <summary>Whether a name is such a file's.</summary>
    public static bool Is(string path) => path.EndsWith(".npy", StringComparison.OrdinalIgnoreCase);

    /// <summary>Writes vectors of one length.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="rows">How many there are.</param>
    /// <param name="values">Their values, row after row, in parts.</param>
    public static void Write(Stream stream, int rows, IReadOnlyList<float[]> values)
    {
        long width = rows == 0 ? 0 : values.Sum(part => (long)part.Length) / rows;
        var header = string.Create(
            CultureInfo.InvariantCulture,
            $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {width}), }}"
        );
        int before = Magic.Length + sizeof(ushort);
        header = header.PadRight((before + header.Length + 1 + Alignment - 1) / Alignment * Alignment - before - 1) + "\n";
        stream.Write(Magic);
        stream.Write(BitConverter.GetBytes((ushort)header.Length));
        stream.Write(Encoding.ASCII.GetBytes(header));
        foreach (float[] part in values)
            stream.Write(MemoryMarshal.AsBytes(part.AsSpan()));
    }
}
