using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Electra.Scripting;

/// <summary>Says what is wrong with a script, and what to do where the compiler cannot know it.</summary>
internal static class ScriptErrors
{
    /// <summary>
    /// The compiler's errors and warnings, one a line. A directive that leads nowhere brings a crowd of errors after it: where
    /// there is advice on one, only such errors are shown, with the advice.
    /// </summary>
    public static string Describe(IReadOnlyList<Diagnostic> diagnostics)
    {
        var advised = diagnostics
            .Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)
            .Select(diagnostic => (diagnostic, advice: Advice(diagnostic)))
            .Where(pair => pair.advice is not null)
            .Select(pair => $"{pair.diagnostic}\n{pair.advice}")
            .ToArray();
        return string.Join(
            '\n',
            advised.Length > 0
                ? advised
                : diagnostics
                    .Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning)
                    .Select(diagnostic => diagnostic.ToString())
        );
    }

    private static string? Advice(Diagnostic diagnostic)
    {
        if (DirectiveTarget(diagnostic.Location) is not { } target)
            return null;
        if (
            target.StartsWith("nuget:", StringComparison.OrdinalIgnoreCase)
            || target.StartsWith("sdk:", StringComparison.OrdinalIgnoreCase)
            || target.Contains("://")
        )
            return $"The bundled script runner reads no packages, and no scripts from the web.\n{CommandLine.PublicTool}";

        var file = Path.GetFullPath(target, Path.GetDirectoryName(diagnostic.Location.SourceTree!.FilePath)!);
        var folders = file.Split(Path.DirectorySeparatorChar);
        var output = Array.LastIndexOf(folders, "bin");
        return output >= 0 && output + 1 < folders.Length && !File.Exists(file)
            ? $"This file is made by the build. Build first: dotnet build -c {folders[output + 1]}"
            : null;
    }

    /// <summary>What a <c>#load</c> or <c>#r</c> at this place names; null where there is no such directive.</summary>
    private static string? DirectiveTarget(Location location) =>
        location.SourceTree?.GetRoot().FindTrivia(location.SourceSpan.Start).GetStructure() switch
        {
            LoadDirectiveTriviaSyntax load => load.File.ValueText,
            ReferenceDirectiveTriviaSyntax reference => reference.File.ValueText,
            _ => null,
        };
}
