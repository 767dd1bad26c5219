using System.Runtime.InteropServices;

namespace Electra.Native;

/// <summary>Variables of the environment as native code sees them: it does not see what .NET sets.</summary>
internal static partial class NativeVariable
{
    /// <summary>Sets a variable that is not set yet.</summary>
    /// <returns>Whether native code has it now.</returns>
    public static bool Set(string name, string value) => setenv(name, value, overwrite: 0) == 0;

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string name, string value, int overwrite);
}
