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

    /// <param name="Folder">Where libtorch was loaded from.</param>
    /// <param name="Handles">The libraries.</param>
    /// <param name="CudaFailure">Why its CUDA half could not be loaded; null where it was, or is not there.</param>
    private sealed record Loaded(string Folder, IReadOnlyDictionary<string, nint> Handles, string? CudaFailure);

    /// <summary>The folder that libtorch was loaded from.</summary>
    /// <exception cref="LibTorchException">libtorch cannot be loaded.</exception>
    public static string Folder => Library.Value.Folder;

    /// <summary>Loads libtorch now. Without this call it is loaded when the first tensor is made.</summary>
    /// <exception cref="LibTorchException">libtorch cannot be loaded: the message says what was tried and what to do.</exception>
    public static void EnsureLoaded() => _ = Library.Value;

    /// <summary>The version that it says it is.</summary>
    /// <exception cref="LibTorchException">libtorch cannot be loaded.</exception>
    public static Version? Version => LibTorchCheck.VersionOf(Library.Value.Handles["torch_cpu"]);

    /// <summary>Whether the libtorch that is used, loaded or not, was built for CUDA.</summary>
    public static bool IsForCuda =>
        Folders().FirstOrDefault(HasTorch) is { } folder && File.Exists(Path.Combine(folder, FileName("torch_cuda")));

    /// <summary>Why no CUDA device can be used, in words.</summary>
    /// <exception cref="LibTorchException">libtorch cannot be loaded.</exception>
    public static string CudaProblem =>
        !IsForCuda
            ? $"libtorch in {Folder} is for the CPU alone (dotnet build -c Release -p:TorchBackend=cuda brings the other)"
            : Library.Value.CudaFailure
                ?? CudaDriver.Problem()
                ?? (
                    CudaDriver.Version is { Major: < 12 } old
                        ? $"the NVIDIA driver is of CUDA {old}, and this libtorch needs one of CUDA 12 or later"
                        : "libtorch finds no device (CUDA_VISIBLE_DEVICES says which it may use)"
                );

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
        string? given = Given;
        string[] folders = Folders();
        var tried = new List<string>();
        if (folders.FirstOrDefault(HasTorch) is not { } torch)
        {
            tried.AddRange(folders.Select(folder => $"{Path.Combine(folder, FileName("torch_cpu"))}: no such file"));
            throw LibTorchException.NotLoaded(tried, given);
        }

        OpenMPThreads.LimitSpinning();
        // In the order of their dependencies: a library that is in already satisfies the next one's request for its name.
        var handles = new Dictionary<string, nint>();
        string? cudaFailure = null;
        foreach (var library in new[] { "c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch" })
        {
            var file = Path.Combine(torch, FileName(library));
            if (!File.Exists(file))
                continue;
            if (TryLoad(file, tried) is { } handle)
                handles[library] = handle;
            else if (library is "c10" or "torch_cpu")
                throw LibTorchException.NotLoaded(tried, given);
            else
                cudaFailure ??= $"{Path.GetFileName(file)} cannot be loaded: {tried[^1]}";
            if (library != "torch_cpu" || given is null)
                continue;
            if (LibTorchCheck.Problem(LibTorchCheck.VersionOf(handles[library])) is { } problem)
                throw LibTorchException.NotLoaded([$"{file}: {problem}"], given);
        }

        foreach (var folder in folders.Concat(LibraryFolders.All.Select(home => Path.Combine(home, "libtorch"))).Distinct())
        {
            var file = Path.Combine(folder, FileName("LibTorchSharp"));
            if (LoadTorchSharp(file, given is not null, tried) is not { } handle)
                continue;
            handles["LibTorchSharp"] = handle;
            MathKernels.UseBestInstructions(handles["torch_cpu"]);
            HeapSettings.KeepFreedMemory();
            return new Loaded(torch, handles, cudaFailure);
        }
        throw LibTorchException.NotLoaded(tried, given);
    }

    /// <summary>TorchSharp's native half, mended where it must be.</summary>
    private static nint? LoadTorchSharp(string file, bool isToBeChecked, List<string> tried)
    {
        if (!File.Exists(file))
        {
            tried.Add($"{file}: no such file");
            return null;
        }
        return Bound(file) ?? (OperatingSystem.IsLinux() ? OlderLibStdCxx.LoadMended(file, Bound) : null);

        nint? Bound(string copy)
        {
            if (TryLoad(copy, tried) is not { } loaded)
                return null;
            if (!isToBeChecked || LibTorchCheck.Missing(copy) is not { } missing)
                return loaded;
            tried.Add($"{file}: this libtorch does not have all that it calls: {missing}");
            return null;
        }
    }

    /// <summary>The folder that <see cref="FolderVariable"/> names; null where it does not.</summary>
    internal static string? Given => Environment.GetEnvironmentVariable(FolderVariable) is { Length: > 0 } given ? given : null;

    private static string[] Folders() =>
        Given is { } given
            ? [given]
            :
            [
                .. LibraryFolders.All.SelectMany(home =>
                    new[] { Path.Combine(home, "libtorch"), Path.Combine(home, "runtimes", Rid, "native") }
                ),
            ];

    private static bool HasTorch(string folder) => File.Exists(Path.Combine(folder, FileName("torch_cpu")));

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
            ? $"{LibTorch.FolderVariable}={given} must name the lib folder of libtorch 2.10 or 2.11 (the one that holds libtorch_cpu); "
                + "unset it to use the build's own."
            : $"Build the project again (dotnet build -c Release), or set {LibTorch.FolderVariable} to the lib folder of an existing "
                + "libtorch 2.10.";
        return new LibTorchException($"libtorch could not be loaded. Tried:\n  {string.Join("\n  ", tried)}\n{remedy}");
    }
}
