using Microsoft.CodeAnalysis.CSharp.Scripting.Hosting;
using Microsoft.CodeAnalysis.Scripting.Hosting;

namespace Electra.Scripting;

/// <summary>What a script sees besides its imports: the names that dotnet-script gives its scripts.</summary>
/// <param name="arguments">The script's own arguments.</param>
public sealed class ScriptGlobals(IEnumerable<string> arguments)
{
    /// <summary>The script's own arguments.</summary>
    public IList<string> Args { get; } = [.. arguments];

    /// <summary>Writes a value as C# would spell it (strings in quotes, collections with their elements). Loads the compiler.</summary>
    public void Print(object? value) => Console.Out.WriteLine(CSharpObjectFormatter.Instance.FormatObject(value, new PrintOptions()));
}
