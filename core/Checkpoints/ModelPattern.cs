using Electra.Checkpoints.Formats;
using Electra.Checkpoints.HuggingFace;
using Electra.Data.Readers;
using Electra.Storage;

namespace Electra.Checkpoints;

/// <summary>Names that stand for all models that fit them: <c>checkpoints/pretrain/demo_*_100</c>.</summary>
internal static class ModelPattern
{
    /// <summary>Whether a name is a pattern, and no file or folder of that name.</summary>
    public static bool Is(string name) => Glob.IsPattern(name) && !Path.Exists(Paths.Find(name));

    /// <summary>The models that fit a pattern, named as the pattern is: the same from whatever directory.</summary>
    /// <param name="key">The key of the configuration that has the pattern.</param>
    /// <param name="pattern">The pattern.</param>
    /// <exception cref="UserErrorException">No model fits it.</exception>
    public static IReadOnlyList<string> Fitting(string key, string pattern)
    {
        pattern = Portable(pattern);
        string[] parts = pattern.Split('/'), fixedParts = [.. parts.TakeWhile(part => !Glob.IsPattern(part))];
        var beginning = string.Join('/', fixedParts) + (fixedParts.Length > 0 ? "/" : "");
        var root = Paths.Find(beginning == "" ? "." : beginning);
        string[] found =
        [
            .. from folder in Directory.Exists(root) ? Below(root, parts.Length - fixedParts.Length) : []
            let source = beginning + Portable(Path.GetRelativePath(root, folder))
            where Glob.Fits(source, pattern) && IsModel(folder)
            orderby source
            select source,
        ];
        return found.Length > 0
            ? found
            : throw new UserErrorException(
                $"{key}: no model fits {pattern}: folders of models that runs left, such as checkpoints/pretrain/demo_36_100, are "
                    + "looked for"
            );
    }

    /// <summary>Whether a folder holds a model, or the two of a pair.</summary>
    public static bool IsModel(string folder) =>
        new[] { folder, Path.Combine(folder, HuggingFaceFolder.FolderOf(ModelPart.Discriminator)) }
            .SelectMany(_ => WeightFiles.Names, Path.Combine)
            .Any(File.Exists);

    /// <summary>A path as it is written on every system.</summary>
    public static string Portable(string path) => path.Replace('\\', '/');

    private static IEnumerable<string> Below(string folder, int depth) =>
        depth == 0 ? [] : Directory.EnumerateDirectories(folder).SelectMany(one => Below(one, depth - 1).Prepend(one));
}
