using System.Text.RegularExpressions;
using Electra.Storage;

namespace Electra.Data.Readers;

/// <summary>How a file holds text.</summary>
internal enum SourceFormat
{
    Text,
    JsonLines,
    Parquet,
}

/// <summary>A file of a corpus.</summary>
/// <param name="Path">Its full path.</param>
/// <param name="Name">Its path within the source, which names it wherever the source lies.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Modified">When it was changed last.</param>
internal sealed partial record SourceFile(string Path, string Name, long Bytes, DateTime Modified)
{
    private static readonly string[] TextExtensions = [".txt", ".text", ".md"], JsonExtensions = [".jsonl", ".ndjson", ".json"];

    /// <summary>The extensions whose format is known.</summary>
    public static string Extensions { get; } =
        $"{string.Join(' ', TextExtensions)} {string.Join(' ', JsonExtensions)} .parquet, or one of them with .gz or .zst";

    /// <summary>How it holds text, by its extension.</summary>
    public SourceFormat Format => FormatOf(Path) ?? SourceFormat.Text;

    /// <summary>Its path as it is shown to the user.</summary>
    public string Shown => Paths.Shown(Path);

    /// <summary>How a file holds text; null where its extension is not known.</summary>
    public static SourceFormat? FormatOf(string path)
    {
        var extension = ExtensionOf(path);
        return TextExtensions.Contains(extension) ? SourceFormat.Text
            : JsonExtensions.Contains(extension) ? SourceFormat.JsonLines
            : extension == ".parquet" ? SourceFormat.Parquet
            : null;
    }

    /// <summary>The extension of a file in lower case, without the one that says how it is compressed.</summary>
    public static string ExtensionOf(string path) =>
        System.IO.Path.GetExtension(CompressionExtension().Replace(path.ToLowerInvariant(), ""));

    /// <summary>Describes a file on this machine.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="name">Its path within the source.</param>
    /// <exception cref="UserErrorException">It is not a regular file, or a pointer of Git LFS in its place.</exception>
    public static SourceFile Of(string path, string name)
    {
        InputFile.Check(path);
        var file = new FileInfo(path);
        file = file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
        return new SourceFile(System.IO.Path.GetFullPath(path), name, file.Length, file.LastWriteTimeUtc);
    }

    [GeneratedRegex(@"\.(gz|zst)$")]
    private static partial Regex CompressionExtension();
}
