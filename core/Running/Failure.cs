using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Electra.Native;
using Electra.Storage;

namespace Electra.Running;

/// <summary>What ended a run, in words, and the exit code that goes with it.</summary>
internal static partial class Failure
{
    private const string
        LessMemory = "Less is needed with training.recompute=true or a smaller training.micro_batch_size (the result stays the same to "
            + "rounding), or with a smaller batch size, example length or model.",
        LessDeviceMemory = "Less is needed with training.recompute=true (the result stays the same), with a smaller "
            + "training.micro_batch_size (the same but for what dropout draws), or with a smaller batch size, example length or model.";

    /// <summary>What to tell the user of an exception, and the exit code.</summary>
    public static (string Message, int ExitCode) Explain(Exception exception) => Reason(Cause(exception)) is { } reason
        ? ($"error: {reason}", Experiment.UserError)
        : ($"error: this is a bug, in the kit or in the script; please report it with what follows.\n{exception}", Experiment.Bug);

    /// <summary>What happened may come wrapped: by a static constructor, a parallel loop, a call by reflection.</summary>
    public static Exception Cause(Exception exception) =>
        exception switch
        {
            TypeInitializationException or TargetInvocationException when exception.InnerException is { } inner => Cause(inner),
            AggregateException aggregate => aggregate
                .Flatten()
                .InnerExceptions.Select(Cause)
                .OrderBy(e =>
                    e switch
                    {
                        UserErrorException => 0,
                        OperationCanceledException => 2,
                        _ => 1,
                    }
                )
                .FirstOrDefault(exception),
            _ => exception,
        };

    /// <summary>What the user, the system or the machine has to do with it; null where it is a bug.</summary>
    private static string? Reason(Exception exception) =>
        exception switch
        {
            UserErrorException e => e.Message,
            // What TorchSharp throws then has another cause by its own account.
            _ when LibTorch.Failure is { } failure => failure.Message,
            OutOfMemoryException =>
                $"there is not enough memory: this process uses {ByteCount.Gigabytes(Environment.WorkingSet)} of the "
                    + $"{ByteCount.Gigabytes(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)} that it may. {LessMemory}",
            ExternalException e => OfLibTorch(e.Message),
            IOException e when DiskFull.Is(e) => $"the disk is full: {Named(e)}",
            IOException e when FileInPlaceOfFolder(e) is { } file =>
                $"{Paths.Shown(file)} is {FileStatus.Described(file)}, and a folder is expected there",
            // What the system says of a disk or a file that fails; a file that is not there is for the code that opens it to explain.
            IOException e when e is not (FileNotFoundException or DirectoryNotFoundException or EndOfStreamException) => Named(e),
            UnauthorizedAccessException e =>
                $"{Named(e).TrimEnd('.')}: the user {Environment.UserName} may not write or read there. "
                    + "Change its permissions, or choose other folders (checkpoints.folder, datasets, out).",
            _ => null,
        };

    /// <summary>What libtorch says of memory and devices; null for what only a bug in the kit or the script makes it say.</summary>
    private static string? OfLibTorch(string message)
    {
        var first = message.Split('\n')[0].Trim();
        if (CpuMemory().Match(first) is { Success: true } cpu)
        {
            double asked = double.Parse(cpu.Groups[1].Value, CultureInfo.InvariantCulture);
            return $"there is not enough memory: {ByteCount.Gigabytes(asked)} more were asked for. {LessMemory}";
        }
        if (OfDeviceMemory(message) is { } problem)
            return $"{problem} {LessDeviceMemory}";
        if (first.Contains("does not have a deterministic implementation", StringComparison.Ordinal))
            return $"compute.deterministic: libtorch has no deterministic form of an operator ({first.Split(',')[0]}). "
                + "compute.deterministic=false computes without.";
        if (first.Contains("no kernel image", StringComparison.Ordinal))
            return $"this libtorch has no code for this GPU ({first}). "
                + $"Use compute.device=cpu, or a libtorch built for it ({LibTorch.FolderVariable}).";
        if (first.Contains("driver", StringComparison.OrdinalIgnoreCase) && first.Contains("CUDA", StringComparison.Ordinal))
            return $"the NVIDIA driver does not serve this libtorch ({first}). Update it, or use compute.device=cpu.";
        return CudaFailure().IsMatch(first)
            ? $"the GPU failed ({first}). The same command resumes from the last saved state; compute.device=cpu does not use it."
            : null;
    }

    /// <summary>What libtorch says where a GPU has not enough memory; null where it says something else.</summary>
    public static string? OfDeviceMemory(string message) =>
        message.Contains("CUDA out of memory", StringComparison.Ordinal)
            ? $"the GPU has not enough memory: {CudaMemory().Match(message).Value}"
            : null;

    /// <summary>The system's message, in which a file that was being written has the name that it was to get.</summary>
    private static string Named(Exception e) => PartialName().Replace(e.Message, "$1");

    /// <summary>
    /// The file that stands where a folder was to be made: .NET says of it that a part of the path is not there, or that the file is.
    /// </summary>
    private static string? FileInPlaceOfFolder(IOException e)
    {
        if (e.Message.Split('\'') is not [_, var path, _])
            return null;
        for (string? above = path; !string.IsNullOrEmpty(above); above = Path.GetDirectoryName(above))
            if (File.Exists(above))
                return e is DirectoryNotFoundException || above == path && e.Message.EndsWith("already exists.", StringComparison.Ordinal)
                    ? above
                    : null;
        return null;
    }

    [GeneratedRegex(@"allocate memory: you tried to allocate (\d+) bytes")]
    private static partial Regex CpuMemory();

    [GeneratedRegex(@"Tried to allocate [^.]+(\.\d+ \w+)?\.")]
    private static partial Regex CudaMemory();

    // Errors of the device, not of how it was called: those a wrong index or shape leads to.
    [GeneratedRegex("CUDA error: (?!device-side assert|invalid|misaligned|an illegal)")]
    private static partial Regex CudaFailure();

    [GeneratedRegex(@"\.([^/\\']+)\.[0-9a-f]{32}\.partial")]
    private static partial Regex PartialName();
}
