using System.Collections;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Electra.Hub;
using Electra.Model;
using Electra.Native;
using Electra.Pretraining;
using Electra.Running;
using Electra.Storage;
using Electra.Tensors;
using Electra.Training;

namespace Electra.Bench;

/// <summary>
/// Tells what this machine and this build are: what to look at first where something is wrong, and what a report of it needs.
/// </summary>
public static class Doctor
{
    // What changes how the kit, libtorch or the runtime behave; none of them is a secret.
    private static readonly string[] Prefixes =
        ["ELECTRA_", "MKL_", "OMP_", "KMP_", "CUDA_", "NVIDIA_", "SLURM_JOB_", "LD_", "DOTNET_", "TMP"];

    /// <summary>Prints it.</summary>
    /// <returns>The exit code: 0, or 1 where libtorch cannot be loaded or files cannot be locked.</returns>
    public static int Report() => Report(RunConsole.Standard());

    internal static int Report(RunConsole console)
    {
        bool isWell = true;
        LibTorch.PrintsFailure = false; // it is told here
        console.Heading("This machine");
        console.Table(System());
        console.Heading("libtorch");
        console.Table(Tried(Torch));
        console.Heading("Files and the hub");
        console.Table(Tried(Files));
        (string Name, object? Value)[] variables = [.. Variables()];
        if (variables.Length > 0)
        {
            console.Heading("Variables that are set");
            console.Table(variables);
        }
        return isWell ? 0 : Experiment.UserError;

        IEnumerable<(string, object?)> Tried(Func<IEnumerable<(string, object?)>> rows)
        {
            var told = new List<(string, object?)>();
            try
            {
                foreach (var row in rows())
                    told.Add(row);
            }
            catch (UserErrorException e)
            {
                isWell = false;
                told.Add(("error", e.Message));
            }
            return told;
        }
    }

    private static IEnumerable<(string, object?)> System()
    {
        yield return ("system", $"{RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}");
        yield return (".NET", RuntimeInformation.FrameworkDescription);
        yield return ("kit", typeof(Doctor).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion);
        yield return ("processor", $"{Processor()}; {Environment.ProcessorCount} threads that this process may use");
        yield return ("instructions", string.Join(", ", Instructions()));
        yield return ("memory", ByteCount.Gigabytes(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes));
    }

    private static IEnumerable<(string, object?)> Torch()
    {
        LibTorch.EnsureLoaded();
        yield return ("version", LibTorch.Version);
        yield return ("from", $"{LibTorch.Folder}{(LibTorch.Given is null ? "" : $" ({LibTorch.FolderVariable})")}");
        yield return ("TorchSharp", typeof(TorchSharp.torch).Assembly.GetName().Version);
        bool isUsable = TorchSharp.torch.cuda.is_available();
        yield return ("CUDA", isUsable ? "can be used" : $"cannot be used: {LibTorch.CudaProblem}");
        yield return ("NVIDIA driver", CudaDriver.Problem() ?? $"serves CUDA {CudaDriver.Version}");
        foreach (var (number, device) in CudaDriver.Devices.Index())
        {
            yield return ($"cuda:{number}", device);
            yield return ("pre-training there", PretrainingOn(device));
        }
        var compute = Compute.Open(new ComputeOptions());
        yield return ("compute.device: auto", compute.Device);
        yield return ("training.precision: auto", compute.PrecisionName);
        yield return ("compute.threads: 0", compute.Threads);
        yield return ("MKL's vendor check", MathKernels.State);
    }

    /// <summary>What pre-training at its defaults should take of a device's memory.</summary>
    internal static string PretrainingOn(CudaDevice device)
    {
        var config = Recipes.Defaults(Recipe.ElectraPytorch, ModelSize.Small);
        var compute = Compute.Reference with { Precision = device.HasBFloat16 ? Precision.Bfloat16 : Precision.Float32 };
        long parameters = ElectraPair.CountParameters(config.Model with { VocabularySize = Vocabularies.DefaultSize });
        var memory = PretrainMemory.Of(config, Vocabularies.DefaultSize, parameters, compute.Precision);
        return $"size: small, {compute.PrecisionName}: {memory.On(device)}";
    }

    private static IEnumerable<(string, object?)> Files()
    {
        var root = Paths.Root;
        yield return ("checkout", root);
        yield return ("free space there", ByteCount.Gigabytes(new DriveInfo(root).AvailableFreeSpace));
        yield return ("locks there", Locks(root));
        var hub = HubSettings.FromEnvironment();
        yield return ("hub", hub);
        yield return ("hub token", hub.Token is null ? "none" : "given");
    }

    /// <exception cref="UserErrorException">The file system does not lock files.</exception>
    private static string Locks(string folder)
    {
        var file = Path.Combine(folder, $".lock-{Guid.NewGuid():N}");
        try
        {
            using var taken = FileLock.TryTake(file);
            return "work";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"not tried: {e.Message}";
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static IEnumerable<(string, object?)> Variables() =>
        from DictionaryEntry variable in Environment.GetEnvironmentVariables()
        let name = (string)variable.Key
        where Prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal))
        orderby name
        select (name, variable.Value);

    private static IEnumerable<string> Instructions()
    {
        if (Avx2.IsSupported)
            yield return "AVX2";
        if (Avx512F.IsSupported)
            yield return "AVX-512";
        yield return CpuDevice.MultipliesBFloat16Faster ? "bfloat16 products"
            : CpuDevice.HasBFloat16 ? "bfloat16 products, slower than float32's"
            : "no bfloat16 products";
    }

    private static string Processor()
    {
        const string Line = "model name";
        var named = File.Exists("/proc/cpuinfo")
            ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith(Line, StringComparison.Ordinal))
            : null;
        return named?.Split(':', 2)[^1].Trim() ?? $"{RuntimeInformation.ProcessArchitecture}";
    }
}
