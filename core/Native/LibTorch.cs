using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace Electra.Native;

/// <summary>
/// Finds libtorch and the managed libraries beside this one, whatever host runs the code: a test runner, the bundled script
/// runner, dotnet-script (which copies this one dll to a cache of its own and runs it from there).
/// </summary>
/// <remarks>
/// The build puts the native files into a <c>libtorch</c> folder where the runtime does not look by itself, so every request
/// ends here, and one place decides which libtorch is used and says what is wrong when none can be.
/// </remarks>
internal static class LibTorch
{
    /// <summary>The environment variable that names the <c>lib</c> folder of an existing libtorch (a Python installation's, say).</summary>
    public const string FolderVariable = "ELECTRA_LIBTORCH";

    private static readonly Lazy<Loaded> Library = new(Load);

    /// <summary>Why libtorch could not be loaded when TorchSharp asked for it.</summary>
    internal static LibTorchException? Failure { get; private set; }

    /// <summary>Whether a failure is printed at once: not where what runs the script tells the user how it ended.</summary>
    internal static bool PrintsFailure { get; set; } = true;

    private sealed record Loaded(string Folder, IReadOnlyDictionary<string, nint> Handles);

    /// <summary>The folder that libtorch was loaded from.</summary>
    /// <exception cref="LibTorchException">libtorch cannot be loaded.</exception>
    public static string Folder => Library.Value.Folder;

    /// <summary>Loads libtorch now. Without this call it is loaded when the first tensor is made.</summary>
    /// <exception cref="LibTorchException">libtorch cannot be loaded: the message says what was tried and what to do.</exception>
    public static void EnsureLoaded() => _ = Library.Value;

    [ModuleInitializer]
    internal static void Initialize()
    {
        var context = AssemblyLoadContext.GetLoadContext(typeof(LibTorch).Assembly)!;
        context.Resolving += ResolveManaged;
        context.ResolvingUnmanagedDll += ResolveNative;

        // Interactive hosts (Roslyn's, the public dotnet-script's) give each library a load context of its own, TorchSharp too.
        AppDomain.CurrentDomain.AssemblyLoad += (_, load) => ResolveNativeOf(load.LoadedAssembly, context);
        foreach (var loaded in AppDomain.CurrentDomain.GetAssemblies())
            ResolveNativeOf(loaded, context);
    }

    private static void ResolveNativeOf(Assembly assembly, AssemblyLoadContext own)
    {
        if (assembly.GetName().Name == "TorchSharp" && AssemblyLoadContext.GetLoadContext(assembly) is { } context && context != own)
            context.ResolvingUnmanagedDll += ResolveNative;
    }

    private static Assembly? ResolveManaged(AssemblyLoadContext context, AssemblyName name) =>
        LibraryFolders.All.Select(home => Path.Combine(home, name.Name + ".dll")).FirstOrDefault(File.Exists) is { } file
            ? context.LoadFromAssemblyPath(file)
            : null;

    private static nint ResolveNative(Assembly _, string name)
    {
        var bare = BareName(name);
        if (bare is "LibTorchSharp" or "torch_cpu" or "torch_cuda" or "c10" or "c10_cuda" or "torch")
        {
            try
            {
                return Library.Value.Handles.GetValueOrDefault(bare);
            }
            catch (LibTorchException e)
            {
                // TorchSharp goes on with advice of its own that leads astray.
                Failure = e;
                if (PrintsFailure)
                    Console.Error.WriteLine(e.Message);
                return 0;
            }
        }
        foreach (var home in LibraryFolders.All)
            foreach (var folder in new[] { Path.Combine(home, "runtimes", Rid, "native"), home })
                if (NativeLibrary.TryLoad(Path.Combine(folder, FileName(bare)), out var handle))
                    return handle;
        return 0;
    }

    private static Loaded Load()
    {
        var given = Environment.GetEnvironmentVariable(FolderVariable);
        string[] folders = given is { Length: > 0 }
            ? [given]
            :
            [
                .. LibraryFolders.All.SelectMany(home =>
                    new[] { Path.Combine(home, "libtorch"), Path.Combine(home, "runtimes", Rid, "native") }
                ),
            ];

        var tried = new List<string>();
        if (folders.FirstOrDefault(folder => File.Exists(Path.Combine(folder, FileName("torch_cpu")))) is not { } torch)
        {
            tried.AddRange(folders.Select(folder => $"{Path.Combine(folder, FileName("torch_cpu"))}: no such file"));
            throw LibTorchException.NotLoaded(tried, given);
        }

        OpenMPThreads.LimitSpinning();
        // In the order of their dependencies: a library that is in already satisfies the next one's request for its name.
        var handles = new Dictionary<string, nint>();
        foreach (var library in new[] { "c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch" })
        {
            var file = Path.Combine(torch, FileName(library));
            if (!File.Exists(file))
                continue;
            if (TryLoad(file, tried) is { } handle)
                handles[library] = handle;
            else if (library is "c10" or "torch_cpu")
                throw LibTorchException.NotLoaded(tried, given);
        }

        foreach (var folder in folders.Concat(LibraryFolders.All.Select(home => Path.Combine(home, "libtorch"))).Distinct())
            if (Path.Combine(folder, FileName("LibTorchSharp")) is var file && File.Exists(file))
            {
                var handle = TryLoad(file, tried);
                if (handle is null && OperatingSystem.IsLinux())
                    handle = OlderLibStdCxx.LoadMended(file, copy => TryLoad(copy, tried));
                if (handle is null)
                    continue;
                handles["LibTorchSharp"] = handle.Value;
                MathKernels.UseBestInstructions(handles["torch_cpu"]);
                HeapSettings.KeepFreedMemory();
                return new Loaded(torch, handles);
            }
        throw LibTorchException.NotLoaded(tried, given);
    }

    private static nint? TryLoad(string file, List<string> tried)
    {
        try
        {
            return NativeLibrary.Load(file);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            tried.Add(e.Message.Trim());
            return null;
        }
    }

    private static string BareName(string name)
    {
        name = Path.GetFileName(name);
        if (name.IndexOf(".so", StringComparison.Ordinal) is > 0 and var so)
            name = name[..so];
        if (Path.GetExtension(name) is ".dll" or ".dylib")
            name = Path.GetFileNameWithoutExtension(name);
        return name.StartsWith("lib", StringComparison.Ordinal) && !OperatingSystem.IsWindows() ? name[3..] : name;
    }

    private static string FileName(string bare) =>
        OperatingSystem.IsWindows() ? bare + ".dll" : OperatingSystem.IsMacOS() ? $"lib{bare}.dylib" : $"lib{bare}.so";

    private static string Rid =>
        OperatingSystem.IsWindows() ? "win-x64" : OperatingSystem.IsMacOS() ? "osx-arm64" : "linux-x64";
}

/// <summary>libtorch cannot be loaded: the message says what was tried and what to do.</summary>
internal sealed class LibTorchException(string message) : UserErrorException(message)
{
    internal static LibTorchException NotLoaded(IEnumerable<string> tried, string? given)
    {
        var remedy = given is { Length: > 0 }
            ? $"{LibTorch.FolderVariable}={given} must name the lib folder of libtorch 2.10 (the one that holds libtorch_cpu); "
                + "unset it to use the build's own."
            : $"Build the project again (dotnet build -c Release), or set {LibTorch.FolderVariable} to the lib folder of an existing "
                + "libtorch 2.10.";
        return new LibTorchException($"libtorch could not be loaded. Tried:\n  {string.Join("\n  ", tried)}\n{remedy}");
    }
}
