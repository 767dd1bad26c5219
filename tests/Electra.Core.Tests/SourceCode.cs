using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Electra.Tests;

/// <summary>The library's source, read as the compiler reads it: which namespace uses which, and how long its parts are.</summary>
internal sealed class SourceCode
{
    private const string ImplicitUsings = """
        global using System; global using System.IO; global using System.Linq; global using System.Net.Http;
        global using System.Collections.Generic; global using System.Threading; global using System.Threading.Tasks;
        """;

    private readonly CSharpCompilation compilation;

    /// <summary>Parses every file under a folder; names are resolved by the compiler, so that aliases and constants count.</summary>
    public SourceCode(string folder)
    {
        Folder = folder;
        var options = new CSharpParseOptions(LanguageVersion.Latest, DocumentationMode.Parse);
        Files = [.. PathsUnder(folder).Select(path => CSharpSyntaxTree.ParseText(File.ReadAllText(path), options, path))];
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) is not ("Electra.Core.dll" or "Electra.Core.Tests.dll"))
            .Select(path => MetadataReference.CreateFromFile(path));
        compilation = CSharpCompilation.Create(
            "Source",
            [.. Files, CSharpSyntaxTree.ParseText(ImplicitUsings, options)],
            references,
            new CSharpCompilationOptions(
                OutputKind.DynamicallyLinkedLibrary,
                allowUnsafe: true,
                nullableContextOptions: NullableContextOptions.Enable
            )
        );
    }

    public string Folder { get; }

    public IReadOnlyList<SyntaxTree> Files { get; }

    /// <summary>The folder `core` of this checkout.</summary>
    public static string Core([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "core"));

    /// <summary>The source files under a folder, without what a build wrote.</summary>
    public static IEnumerable<string> PathsUnder(string folder) =>
        Directory
            .EnumerateFiles(folder, "*.cs*", SearchOption.AllDirectories)
            .Where(path => Path.GetExtension(path) is ".cs" or ".csx")
            .Where(path => !Path.GetRelativePath(folder, path).Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj"))
            .Order(StringComparer.Ordinal);

    public string Relative(string path) => Path.GetRelativePath(Folder, path).Replace('\\', '/');

    public static string NamespaceOf(SyntaxTree file) =>
        file.GetRoot().DescendantNodes().OfType<BaseNamespaceDeclarationSyntax>().Single().Name.ToString();

    /// <summary>Every use of a type or member of the library itself: who uses what of which namespace, and where.</summary>
    public IEnumerable<(string From, string To, string What, string Where)> Uses()
    {
        foreach (var file in Files)
        {
            var from = NamespaceOf(file);
            var model = compilation.GetSemanticModel(file);
            foreach (var name in file.GetRoot().DescendantNodes(descendIntoTrivia: true).OfType<SimpleNameSyntax>())
            {
                var info = model.GetSymbolInfo(name);
                foreach (var type in TypesOf(info.Symbol ?? info.CandidateSymbols.FirstOrDefault()))
                    if (
                        type.ContainingNamespace is { IsGlobalNamespace: false } space
                        && space.ToDisplayString() is var to
                        && IsOfTheLibrary(to)
                    )
                        yield return (from, to, type.Name, Where(name));
            }
            foreach (var directive in file.GetRoot().DescendantNodes().OfType<UsingDirectiveSyntax>())
                if (
                    directive.Name is { } name
                    && model.GetSymbolInfo(name).Symbol is INamespaceSymbol space
                    && IsOfTheLibrary(space.ToDisplayString())
                )
                    yield return (from, space.ToDisplayString(), "using", Where(directive));
        }
    }

    /// <summary>The type that is named, or whose member is, and the type of that member: what flows out of it unnamed counts too.</summary>
    private static IEnumerable<ITypeSymbol> TypesOf(ISymbol? symbol)
    {
        ITypeSymbol?[] types = symbol switch
        {
            ITypeSymbol type => [type],
            IMethodSymbol method => [method.ContainingType, method.ReturnType],
            IPropertySymbol property => [property.ContainingType, property.Type],
            IFieldSymbol field => [field.ContainingType, field.Type],
            ILocalSymbol local => [local.Type],
            IParameterSymbol parameter => [parameter.Type],
            _ => [symbol?.ContainingType],
        };
        return types.Select(type => (type as IArrayTypeSymbol)?.ElementType ?? type).OfType<INamedTypeSymbol>().SelectMany(WithArguments);
    }

    private static IEnumerable<ITypeSymbol> WithArguments(INamedTypeSymbol type) =>
        type.TypeArguments.OfType<INamedTypeSymbol>().SelectMany(WithArguments).Prepend(type);

    private static bool IsOfTheLibrary(string space) => space == "Electra" || space.StartsWith("Electra.", StringComparison.Ordinal);

    /// <summary>
    /// Names that the compiler could not resolve, beside those that generators write: <see cref="Uses"/> does not see them.
    /// </summary>
    public IReadOnlyList<string> Unresolved() =>
        [
            .. compilation
                .GetDiagnostics()
                .Where(diagnostic => diagnostic.Id is "CS0246" or "CS0234" or "CS0103" or "CS0012")
                .Select(diagnostic => diagnostic.ToString()),
        ];

    /// <summary>Methods, constructors, accessors and local functions, with the comment before each and their lines.</summary>
    public IEnumerable<(string Name, string Comment, string Where, int Lines)> Functions() =>
        from file in Files
        from node in file.GetRoot().DescendantNodes()
        where node is BaseMethodDeclarationSyntax or AccessorDeclarationSyntax or LocalFunctionStatementSyntax
        let span = node.GetLocation().GetLineSpan()
        select (node.ToString().Split('\n')[0].Trim(), node.GetLeadingTrivia().ToFullString(), Where(node),
            span.EndLinePosition.Line - span.StartLinePosition.Line + 1);

    private string Where(SyntaxNode node)
    {
        var span = node.GetLocation().GetLineSpan();
        return $"{Relative(span.Path)}:{span.StartLinePosition.Line + 1}";
    }
}
