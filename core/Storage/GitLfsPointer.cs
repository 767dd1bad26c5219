using System.Text;
using System.Text.RegularExpressions;

namespace Electra.Storage;

/// <summary>
/// The few lines of text that Git leaves in the place of a large file until <c>git lfs pull</c> has fetched it: the file is there,
/// has the right name, and holds something else.
/// </summary>
internal static partial class GitLfsPointer
{
    /// <summary>
    /// A pointer is never longer (git-lfs, docs/spec.md). A longer file may be several, joined as the parts of a text are.
    /// </summary>
    private const int HeadBytes = 1024;

    /// <summary>Refuses a pointer by its open file, which is read from the start; any other file passes.</summary>
    /// <exception cref="UserErrorException">The file is a pointer.</exception>
    public static void Refuse(FileStream file, string path)
    {
        Span<byte> head = stackalloc byte[HeadBytes];
        file.Seek(0, SeekOrigin.Begin);
        var text = Encoding.UTF8.GetString(head[..file.ReadAtLeast(head, HeadBytes, throwOnEndOfStream: false)]);
        if (!Pointer().IsMatch(text))
            return;
        var size = Size().Match(text) is { Success: true } match ? $" of {match.Groups[1].Value} bytes" : "";
        throw new UserErrorException(
            $"{Paths.Shown(path)} is a pointer of Git LFS, and not the file{size} itself. "
                + "Fetch it with git lfs pull in its folder, or download it again."
        );
    }

    [GeneratedRegex(@"\A\uFEFF?version https?://[^\s]*(git-lfs|hawser|git-media)[^\s]*\r?\n(ext-.*\n)*oid ")]
    private static partial Regex Pointer();

    [GeneratedRegex(@"^size (\d+)\r?$", RegexOptions.Multiline)]
    private static partial Regex Size();
}
