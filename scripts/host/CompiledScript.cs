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
        AssemblyLoadContext.Default.Resolving += FindLibrary;
        var assembly = AssemblyLoadContext.Default.LoadFromStream(new MemoryStream(Image));
        // Roslyn's names for the class that a script becomes and for the method that runs it.
        var start = assembly
            .GetType("Submission#0", throwOnError: true)!
            .GetMethod("<Factory>")!
            .CreateDelegate<Func<object?[], Task<int>>>();
        return await start([new ScriptGlobals(arguments), null]);
    }

    /// <summary>A referenced library lies where <c>#r</c> says, and what it needs lies beside it.</summary>
    private Assembly? FindLibrary(AssemblyLoadContext context, AssemblyName name)
    {
        var file = name.Name + ".dll";
        if (References.FirstOrDefault(reference => Path.GetFileName(reference) == file) is { } library)
            return LoadCopy(context, library);
        return
            References.Select(reference => Path.Combine(Path.GetDirectoryName(reference)!, file)).FirstOrDefault(File.Exists)
                is { } neighbour
            ? context.LoadFromAssemblyPath(neighbour)
            : null;
    }

    /// <summary>
    /// Loads a library from memory. The compiler writes over a library in place, which breaks every process that has the file
    /// mapped (or fails, where such files are locked): nobody should have to keep from building for as long as a training runs.
    /// </summary>
    private static Assembly LoadCopy(AssemblyLoadContext context, string library)
    {
        var symbols = Path.ChangeExtension(library, ".pdb");
        return context.LoadFromStream(
            new MemoryStream(File.ReadAllBytes(library)),
            File.Exists(symbols) ? new MemoryStream(File.ReadAllBytes(symbols)) : null);
    }
}
