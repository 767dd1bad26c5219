using System.Security.Cryptography;
using System.Text;

namespace Electra.Storage;

/// <summary>Names content: what is the same has the same name.</summary>
internal static class Fingerprint
{
    /// <summary>Twelve hexadecimal digits of the SHA-256 of some bytes.</summary>
    public static string Of(ReadOnlySpan<byte> content) => Convert.ToHexStringLower(SHA256.HashData(content))[..12];

    /// <summary>Twelve hexadecimal digits of the SHA-256 of a text's UTF-8.</summary>
    public static string Of(string text) => Of(Encoding.UTF8.GetBytes(text));
}
