using System.Reflection;
using System.Reflection.Emit;

namespace Electra.Tests.Scripting;

/// <summary>A library to refer to: <c>public class Library { public const int Number = …; }</c>.</summary>
internal static class EmittedLibrary
{
    /// <summary>Writes the library. Its constant is compiled into scripts, so that only a new compilation sees a new one.</summary>
    public static void Write(string path, int number)
    {
        var assembly = new PersistedAssemblyBuilder(new AssemblyName("Library"), typeof(object).Assembly);
        var type = assembly.DefineDynamicModule("Library").DefineType("Library", TypeAttributes.Public | TypeAttributes.Class);
        type.DefineField("Number", typeof(int), FieldAttributes.Public | FieldAttributes.Static | FieldAttributes.Literal)
            .SetConstant(number);
        type.CreateType();
        assembly.Save(path);
    }
}
