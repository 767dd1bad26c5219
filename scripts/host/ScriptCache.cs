using System.Security.Cryptography;
using System.Text;

namespace Electra.Scripting;

/// <summary>
/// Keeps compiled scripts, one file for each script and configuration, that holds the assembly and the hashes of all it was made from.
/// A folder that cannot be read or written only means that nothing is kept.
/// </summary>
internal static class ScriptCache
{
    /// <summary>The user's own folder for compiled scripts; null where the user has no folders.</summary>
    public static string? DefaultFolder =>
        Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify)
            is { Length: > 0 } folder
            ? Path.Combine(folder, "electra-script")
            : null;

    /// <summary>The kept script, if everything that it was made from is still the same.</summary>
    public static CompiledScript? TryRead(string folder, string script, bool optimized)
    {
        try
        {
            using var reader = new BinaryReader(File.OpenRead(EntryPath(folder, script, optimized)));
            if (
                reader.ReadString() != Compatibility
                || ReadUnchanged(reader) is not { } sources
                || ReadUnchanged(reader) is not { } references
            )
                return null;
            return new CompiledScript(reader.ReadBytes(reader.ReadInt32()), sources, references);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Keeps a script, unless one of its inputs was written to since the compiler began to read (in UTC).</summary>
    public static void TryWrite(string folder, string script, bool optimized, CompiledScript compiled, DateTime compilationStart)
    {
        try
        {
            if (compiled.Sources.Concat(compiled.References).Any(input => File.GetLastWriteTimeUtc(input) >= compilationStart))
                return;
            Directory.CreateDirectory(folder);
            var entry = EntryPath(folder, script, optimized);
            // Another run must never see half a file: write beside it, then rename.
            var temporary = $"{entry}.{Environment.ProcessId}";
            using (var writer = new BinaryWriter(File.Create(temporary)))
            {
                writer.Write(Compatibility);
                WriteHashed(writer, compiled.Sources);
                WriteHashed(writer, compiled.References);
                writer.Write(compiled.Image.Length);
                writer.Write(compiled.Image);
            }
            File.Move(temporary, entry, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next run compiles again.
        }
    }

    /// <summary>What a compiled script needs to find as it was, besides its inputs: this very runner, and the runtime.</summary>
    private static string Compatibility => $"{typeof(ScriptCache).Module.ModuleVersionId} {Environment.Version}";

    private static string EntryPath(string folder, string script, bool optimized)
    {
        var identity = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{script}|{optimized}")));
        return Path.Combine(folder, $"{Path.GetFileNameWithoutExtension(script)}-{identity[..16]}.compiled");
    }

    private static void WriteHashed(BinaryWriter writer, IReadOnlyList<string> paths)
    {
        writer.Write(paths.Count);
        foreach (var path in paths)
        {
            writer.Write(path);
            writer.Write(Hash(path));
        }
    }

    /// <summary>The paths of a list that <see cref="WriteHashed"/> wrote; null if one of the files has changed.</summary>
    private static string[]? ReadUnchanged(BinaryReader reader)
    {
        var paths = new string[reader.ReadInt32()];
        for (var i = 0; i < paths.Length; i++)
        {
            paths[i] = reader.ReadString();
            if (!reader.ReadBytes(SHA256.HashSizeInBytes).AsSpan().SequenceEqual(Hash(paths[i])))
                return null;
        }
        return paths;
    }

    private static byte[] Hash(string path) => SHA256.HashData(File.ReadAllBytes(path));
}
