namespace Electra.Scripting;

/// <summary>Where a script is looked for.</summary>
internal static class ScriptPath
{
    /// <summary>
    /// The full path of a script that is named relative to the working directory; else, for scripts/run from elsewhere, to the root of
    /// this runner's checkout or to its scripts/. Null where there is none.
    /// </summary>
    public static string? Find(string script) => Folders.Select(folder => Path.GetFullPath(script, folder)).FirstOrDefault(File.Exists);

    private static IEnumerable<string> Folders
    {
        get
        {
            yield return Directory.GetCurrentDirectory();
            // <root>/scripts/host/bin/Release/net10.0/; the packed tool lies in no checkout.
            var scripts = Path.GetFullPath("../../../..", AppContext.BaseDirectory);
            if (!File.Exists(Path.Combine(scripts, "host", "Electra.Script.csproj")))
                yield break;
            yield return Path.GetDirectoryName(scripts)!;
            yield return scripts;
        }
    }
}
