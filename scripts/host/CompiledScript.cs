using System.Reflection;
using System.Runtime.Loader;

namespace Electra.Scripting;

/// <summary>A script, compiled.</summary>
/// <param name="Image">The assembly, with its debug information.</param>
/// <param name="Sources">Every file the text came from: the script and what it loads.</param>
/// <param name="References">The libraries that the script refers to by <c>#r</c>.</param>
internal sealed record CompiledScript(byte[] Image, IReadOnlyList<string> Sources, IReadOnlyList<string> References)
{
    /// <summary>Runs the script in this process, to its end.</summary>
    /// <returns>What the script returns; 0 where it returns nothing.</returns>
    public async Task<int> Run(IReadOnlyList<string> arguments)
    {
        AssemblyLoadContext.Default.Resolving += FindBesideReferences;
        // From memory: the cache may be written anew by another run while this one goes on.
        var assembly = AssemblyLoadContext.Default.LoadFromStream(new MemoryStream(Image));
        // Roslyn's names for the class that a script becomes and for the method that runs it.
        var start = assembly.GetType("Submission#0", throwOnError: true)!.GetMethod("<Factory>")!.CreateDelegate<Func<object?[], Task<int>>>();
        return await start([new ScriptGlobals(arguments), null]);
    }

    /// <summary>A referenced library lies where <c>#r</c> says, and what it needs lies beside it.</summary>
    private Assembly? FindBesideReferences(AssemblyLoadContext context, AssemblyName name)
    {
        var file = name.Name + ".dll";
        var candidates = References.Where(reference => Path.GetFileName(reference) == file)
            .Concat(References.Select(reference => Path.Combine(Path.GetDirectoryName(reference)!, file)));
        return candidates.FirstOrDefault(File.Exists) is { } found ? context.LoadFromAssemblyPath(found) : null;
    }
}
