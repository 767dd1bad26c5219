using System.ComponentModel.DataAnnotations;
using Electra.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Electra.Tensors;

/// <summary>The number format of matrix products and activations. Parameters, sums of gradients, normalisation statistics and losses
/// are always float32.</summary>
public enum Precision
{
    /// <summary>bfloat16 where the device multiplies it faster than float32, float32 elsewhere.</summary>
    Auto,

    /// <summary>32-bit floating point throughout.</summary>
    Float32,

    /// <summary>bfloat16 products and activations over float32 parameters; needs no loss scaling.</summary>
    Bfloat16,

    /// <summary>float16 products and activations over float32 parameters, with loss scaling: for GPUs older than bfloat16, and slow on
    /// CPUs.</summary>
    Float16,

    /// <summary>float32, its products on CUDA in TF32 (10 bits of mantissa; Ampere and newer).</summary>
    Tf32,
}

/// <summary>What connects the processes that train one model.</summary>
public enum Communication
{
    /// <summary>NCCL between GPUs, MPI between CPUs.</summary>
    Auto,

    /// <summary>MPI. What is on a GPU goes through the memory of the CPU.</summary>
    Mpi,

    /// <summary>NCCL.</summary>
    Nccl,

    /// <summary>Nothing: each process is a run of its own.</summary>
    None,
}

/// <summary>Where to compute: choices that do not change what is computed.</summary>
public sealed record ComputeOptions
{
    /// <summary>
    /// <c>auto</c> (a CUDA device, else the CPU), <c>cpu</c>, <c>cuda</c> or <c>cuda:1</c>. Where a launcher started several processes on a
    /// machine, <c>auto</c> and <c>cuda</c> give each of them the next device.
    /// </summary>
    [RegularExpression("auto|cpu|cuda(:[0-9]{1,3})?", ErrorMessage = "auto, cpu, cuda or cuda:1")]
    public string Device { get; init; } = "auto";

    /// <summary>
    /// Whether the same run gives the same bits on the same GPU and libtorch: slower, and what has no deterministic form in libtorch is
    /// refused when it is met. The CPU's results are always the same for a number of threads.
    /// </summary>
    public bool Deterministic { get; init; }

    /// <summary>CPU threads of the matrix kernels; 0: one for each processor that is this process's share.</summary>
    [Range(0, 1024)]
    public int Threads { get; init; }

    /// <summary>
    /// What connects the processes that a launcher (mpirun, srun, torchrun) started to train one model: <c>auto</c>, <c>mpi</c>,
    /// <c>nccl</c>; or <c>none</c>: each is a run of its own.
    /// </summary>
    public Communication Communication { get; init; }

    /// <summary>Minutes that such a process waits for the others before it takes them for lost, and ends all.</summary>
    [Range(0.01, 10_080.0)]
    public double TimeoutMinutes { get; init; } = 30;

    /// <summary>
    /// Warns where a build for CUDA finds no device, and where there are more threads than processors that this process may use (its
    /// affinity, its container's share).
    /// </summary>
    /// <param name="workers">How many compute at the same time, each with its share of <see cref="Threads"/>, at least one.</param>
    public IEnumerable<string> Warnings(int workers = 1)
    {
        if (Device == "auto" && LibTorch.IsForCuda && !cuda.is_available())
            yield return $"this build is for CUDA, which cannot be used: {LibTorch.CudaProblem}. All is computed on the CPU.";
        int processors = Environment.ProcessorCount;
        if (Threads > processors)
            yield return $"compute.threads is {Threads}, but this process may use {processors} processor{(processors == 1 ? "" : "s")}: "
                + "more threads than processors are several times slower. compute.threads=0 is one thread for each.";
        else if (workers > processors)
            yield return $"workers is {workers}, but this process may use {processors} processor{(processors == 1 ? "" : "s")}: "
                + "more workers than processors are slower.";
    }
}

/// <summary>A device and the precision to use on it.</summary>
/// <param name="Device">Where parameters and activations live.</param>
/// <param name="Precision">Any but <see cref="Precision.Auto"/>.</param>
/// <param name="Threads">CPU threads of the matrix kernels.</param>
public sealed record Compute(Device Device, Precision Precision, int Threads)
{
    /// <summary>One CPU device in float32: what tests compare on.</summary>
    public static Compute Reference => new(CPU, Precision.Float32, 1);

    /// <summary>
    /// Whether <see cref="Device"/> is a CUDA device; or libtorch's meta device, on which tests follow the steps of CUDA without one.
    /// </summary>
    public bool IsCuda => TakesStepsOfCuda || Device.type != DeviceType.CPU;

    /// <summary>Whether the CPU takes the steps of CUDA, in libtorch's operators: tests compare them with numbers that are known.</summary>
    internal bool TakesStepsOfCuda { get; init; }

    /// <summary>The number format of activations.</summary>
    public ScalarType ActivationType => Precision switch
    {
        Precision.Bfloat16 => ScalarType.BFloat16,
        Precision.Float16 => ScalarType.Float16,
        _ => ScalarType.Float32,
    };

    /// <summary>The precision as configurations and results spell it.</summary>
    internal string PrecisionName => Precision.ToString().ToLowerInvariant();

    /// <summary>Loads libtorch, finds the device, and sets the number of threads for the whole process.</summary>
    /// <exception cref="UserErrorException">There is no such device, libtorch cannot be loaded, or the environment has an unknown
    /// switch.</exception>
    public static Compute Open(ComputeOptions options, Precision precision = Precision.Auto)
    {
        EnvironmentSwitch.Check();
        LibTorch.EnsureLoaded();
        var device = FindDevice(options.Device);
        int threads = options.Threads > 0 ? options.Threads : Processors.Count;
        set_num_threads(threads);
        if (precision == Precision.Auto)
            precision = MultipliesBFloat16Faster(device) ? Precision.Bfloat16 : Precision.Float32;
        if (device.type == DeviceType.CUDA)
        {
            backends.cuda.matmul.allow_tf32 = precision == Precision.Tf32;
            DeterministicAlgorithms.Use(options.Deterministic);
        }
        return new Compute(device, precision, threads);
    }

    /// <inheritdoc/>
    public override string ToString() =>
        $"{(IsCuda ? Device.ToString() : $"CPU, {Threads} thread{(Threads == 1 ? "" : "s")}")}, {PrecisionName}";

    private static Device FindDevice(string name)
    {
        if (name == "cpu" || (name == "auto" && !cuda.is_available()))
            return CPU;
        int devices = cuda.is_available() ? cuda.device_count() : 0;
        if (devices == 0)
            throw new UserErrorException(
                $"compute.device: {name} was asked for, but there is no CUDA device to use: {LibTorch.CudaProblem}. compute.device=cpu "
                    + "computes on the CPU."
            );
        int index = name.StartsWith("cuda:", StringComparison.Ordinal)
            ? int.Parse(name["cuda:".Length..], System.Globalization.CultureInfo.InvariantCulture)
            : (Launcher.Current?.LocalRank ?? 0) % devices;
        if (index >= devices)
            throw new UserErrorException($"compute.device: {name} was asked for, but the last CUDA device is cuda:{devices - 1}.");
        return new Device(DeviceType.CUDA, index);
    }

    private static bool MultipliesBFloat16Faster(Device device) =>
        device.type == DeviceType.CUDA ? CudaDriver.HasBFloat16(device.index) : CpuDevice.MultipliesBFloat16Faster;
}
