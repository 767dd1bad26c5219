using System.Globalization;

namespace Electra;

/// <summary>Sizes in messages.</summary>
internal static class ByteCount
{
    /// <summary><c>24.9 GB</c>, of 10⁹ bytes each.</summary>
    public static string Gigabytes(double bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.#} GB");
}
