using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace Electra.Native;

/// <summary>Finds the native library of ONNX Runtime, in whatever host this library runs.</summary>
internal static class OnnxRuntimeLibrary
{
    private static readonly string FileName =
        OperatingSystem.IsWindows() ? "onnxruntime.dll" : OperatingSystem.IsMacOS() ? "libonnxruntime.dylib" : "libonnxruntime.so";

    private static readonly Lock Gate = new();
    private static bool isFound;

    /// <summary>To be called before anything of ONNX Runtime is used.</summary>
    public static void Find()
    {
        lock (Gate)
        {
            if (isFound)
                return;
            isFound = true;
            try
            {
                OrtEnv.DisableDllImportResolver = true;
                NativeLibrary.SetDllImportResolver(typeof(OrtEnv).Assembly, (name, _, _) => name == "onnxruntime" ? Library() : 0);
            }
            catch (InvalidOperationException)
            {
                // The process has used it already, and so has found it.
            }
        }
    }

    /// <summary>The library beside this one; 0 leaves the search to .NET.</summary>
    private static nint Library() =>
        LibraryFolders
            .All.Select(folder => Path.Combine(folder, "onnxruntime", FileName))
            .Select(file => File.Exists(file) && NativeLibrary.TryLoad(file, out nint library) ? library : 0)
            .FirstOrDefault(library => library != 0);
}
