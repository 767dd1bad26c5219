using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Scripting;
using Microsoft.CodeAnalysis.Emit;
using Microsoft.CodeAnalysis.Scripting;

namespace Electra.Scripting;

/// <summary>
/// Compiles scripts. Nothing outside this file and <see cref="ScriptErrors"/> touches Roslyn on the way to a kept script.
/// </summary>
internal static class Compiler
{
    /// <summary>dotnet-script's imports: namespaces, and the members of System.Console.</summary>
    private static readonly string[] Imports =
    [
        "System", "System.IO", "System.Collections.Generic", "System.Console", "System.Diagnostics", "System.Dynamic",
        "System.Linq", "System.Linq.Expressions", "System.Text", "System.Threading.Tasks",
    ];

    /// <summary>Differences in the versions of framework assemblies, which say nothing about the script.</summary>
    private static readonly string[] Suppressed = ["CS1701", "CS1702", "CS1705"];

    /// <summary>Compiles a script and writes its warnings to standard error.</summary>
    /// <param name="script">The full path of the script.</param>
    /// <param name="optimized">Whether to compile as in a release build.</param>
    /// <exception cref="ScriptErrorException">The script has errors.</exception>
    public static CompiledScript Compile(string script, bool optimized)
    {
        var folder = Path.GetDirectoryName(script)!;
        var options = ScriptOptions.Default
            .WithReferences(FrameworkReferences())
            .WithImports(Imports)
            .WithFilePath(script)
            .WithFileEncoding(Encoding.UTF8)
            .WithSourceResolver(new SourceFileResolver([], folder))
            .WithMetadataResolver(ScriptMetadataResolver.Default.WithBaseDirectory(folder))
            .WithLanguageVersion(LanguageVersion.Preview)
            .WithOptimizationLevel(optimized ? OptimizationLevel.Release : OptimizationLevel.Debug)
            .WithEmitDebugInformation(true);
        using var text = File.OpenRead(script);
        var compilation = CSharpScript.Create<int>(text, options, typeof(ScriptGlobals)).GetCompilation();
        compilation = compilation
            .WithAssemblyName("script")
            .WithOptions(compilation.Options.WithSpecificDiagnosticOptions(NullableWarningsAreErrors));

        using var image = new MemoryStream();
        var result = compilation.Emit(image, options: new EmitOptions(debugInformationFormat: DebugInformationFormat.Embedded));
        var diagnostics = result.Diagnostics.Where(diagnostic => !Suppressed.Contains(diagnostic.Id)).ToArray();
        if (!result.Success)
            throw new ScriptErrorException(ScriptErrors.Describe(diagnostics));
        foreach (var warning in diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Warning))
            Console.Error.WriteLine(warning);

        return new CompiledScript(
            image.ToArray(),
            [.. compilation.SyntaxTrees.Select(tree => tree.FilePath).Where(File.Exists).Distinct()],
            [
                .. compilation
                    .DirectiveReferences.OfType<PortableExecutableReference>()
                    .Select(reference => reference.FilePath)
                    .OfType<string>()
                    .Distinct(),
            ]
        );
    }

    /// <summary>As in dotnet-script: a script that turns nullable annotations on means them.</summary>
    private static IEnumerable<KeyValuePair<string, ReportDiagnostic>> NullableWarningsAreErrors =>
        Enumerable.Range(8600, 56).Select(number => KeyValuePair.Create($"CS{number}", ReportDiagnostic.Error));

    private static IEnumerable<MetadataReference> FrameworkReferences()
    {
        var framework = Path.GetDirectoryName(typeof(object).Assembly.Location);
        return ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Where(path => Path.GetDirectoryName(path) == framework)
            .Select(path => MetadataReference.CreateFromFile(path));
    }
}
