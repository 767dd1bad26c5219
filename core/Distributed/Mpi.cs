using System.Runtime.InteropServices;
using System.Text;
using Electra.Native;

namespace Electra.Distributed;

/// <summary>What the constants of MPI's C interface are in a library: numbers, or addresses.</summary>
internal readonly record struct MpiConstants()
{
    public required nint World { get; init; }
    public required nint Float { get; init; }
    public required nint Double { get; init; }
    public required nint Byte { get; init; }
    public required nint Sum { get; init; }
    public required nint Max { get; init; }
    public required nint ErrorsReturn { get; init; }
    public nint InPlace { get; init; } = 1;
    public nint StatusIgnore { get; init; }

    /// <summary>MPICH and its kin (Intel MPI, MVAPICH, Cray MPICH): 32-bit numbers of its <c>mpi.h</c>.</summary>
    public static MpiConstants Mpich => new()
    {
        World = 0x44000000,
        Float = 0x4c00040a,
        Double = 0x4c00080b,
        Byte = 0x4c00010d,
        Sum = 0x58000003,
        Max = 0x58000001,
        ErrorsReturn = 0x54000001,
        InPlace = -1,
        StatusIgnore = 1,
    };

    /// <summary>The binary interface that MPI 5.0 fixes for all libraries: the numbers of the forum's <c>mpi.h</c>.</summary>
    public static MpiConstants Standard => new()
    {
        World = 0x101,
        Float = 0x210,
        Double = 0x214,
        Byte = 0x247,
        Sum = 0x21,
        Max = 0x23,
        ErrorsReturn = 0x142,
    };

    /// <summary>Open MPI: the addresses of variables that its library exports.</summary>
    public static MpiConstants OpenMpi(nint library)
    {
        nint Of(string name) => NativeLibrary.GetExport(library, $"ompi_mpi_{name}");
        return new()
        {
            World = Of("comm_world"),
            Float = Of("float"),
            Double = Of("double"),
            Byte = Of("byte"),
            Sum = Of("op_sum"),
            Max = Of("op_max"),
            ErrorsReturn = Of("errors_return"),
        };
    }
}

/// <summary>
/// The C interface of MPI, of whatever library the machine has: no compiler is needed, for functions have the same names everywhere, and
/// constants follow from the library (<see cref="MpiConstants"/>).
/// </summary>
internal sealed unsafe class Mpi
{
    /// <summary>Names the library to use.</summary>
    public const string Variable = "ELECTRA_MPI";

    /// <summary>MPI_THREAD_SERIALIZED: calls from any thread, one at a time.</summary>
    private const int Serialized = 2;

    private static readonly string[] Standard = ["libmpi_abi.so.1", "libmpi_abi.so.0", "libmpi_abi.so"];
    private static readonly string[] OpenMpi = ["libmpi.so.40", "libmpi.so.80", "libmpi.so"];
    private static readonly string[] Mpich = ["libmpi.so.12", "libmpich.so.12", "libmpich.so"];

    private readonly MpiConstants constants;
    private readonly string name;
    private readonly delegate* unmanaged<nint, nint, int, out int, int> init;
    private readonly delegate* unmanaged<out int, int> initialized;
    private readonly delegate* unmanaged<int> finalize;
    private readonly delegate* unmanaged<nint, out int, int> rank, size;
    private readonly delegate* unmanaged<nint, out nint, int> duplicate;
    private readonly delegate* unmanaged<nint, nint, int, nint, nint, nint, int> allReduce;
    private readonly delegate* unmanaged<nint, int, nint, int, nint, int> broadcast;
    private readonly delegate* unmanaged<nint, out nint, int> beginBarrier;
    private readonly delegate* unmanaged<ref nint, out int, nint, int> test;
    private readonly delegate* unmanaged<nint, int, int> abort;
    private readonly delegate* unmanaged<nint, nint, int> setErrors;
    private readonly delegate* unmanaged<int, byte*, out int, int> errorString;
    private readonly delegate* unmanaged<byte*, out int, int> version;

    private Mpi(nint library, string name)
    {
        this.name = name;
        // The name first: what a library is linked with is found by its exports too.
        constants =
            name.Contains("mpi_abi", StringComparison.Ordinal) ? MpiConstants.Standard
            : NativeLibrary.TryGetExport(library, "ompi_mpi_comm_world", out _) ? MpiConstants.OpenMpi(library)
            : MpiConstants.Mpich;
        nint Function(string function) => NativeLibrary.GetExport(library, $"MPI_{function}");
        init = (delegate* unmanaged<nint, nint, int, out int, int>)Function("Init_thread");
        initialized = (delegate* unmanaged<out int, int>)Function("Initialized");
        finalize = (delegate* unmanaged<int>)Function("Finalize");
        rank = (delegate* unmanaged<nint, out int, int>)Function("Comm_rank");
        size = (delegate* unmanaged<nint, out int, int>)Function("Comm_size");
        duplicate = (delegate* unmanaged<nint, out nint, int>)Function("Comm_dup");
        allReduce = (delegate* unmanaged<nint, nint, int, nint, nint, nint, int>)Function("Allreduce");
        broadcast = (delegate* unmanaged<nint, int, nint, int, nint, int>)Function("Bcast");
        beginBarrier = (delegate* unmanaged<nint, out nint, int>)Function("Ibarrier");
        test = (delegate* unmanaged<ref nint, out int, nint, int>)Function("Test");
        abort = (delegate* unmanaged<nint, int, int>)Function("Abort");
        setErrors = (delegate* unmanaged<nint, nint, int>)Function("Comm_set_errhandler");
        errorString = (delegate* unmanaged<int, byte*, out int, int>)Function("Error_string");
        version = (delegate* unmanaged<byte*, out int, int>)Function("Get_library_version");
    }

    /// <summary>Loads the library of a launcher: another one would make of each process a world of its own.</summary>
    /// <exception cref="UserErrorException">There is none.</exception>
    public static Mpi Load(Launcher launcher)
    {
        var given = Environment.GetEnvironmentVariable(Variable);
        string[] candidates = given is { Length: > 0 } ? [given] : Candidates(launcher.Name, Environment.GetEnvironmentVariable);
        foreach (var candidate in candidates)
            if (NativeLibrary.TryLoad(candidate, out nint library) && NativeLibrary.TryGetExport(library, "MPI_Init_thread", out _))
                return new Mpi(library, candidate);
        throw new UserErrorException(
            given is { Length: > 0 }
                ? $"{Variable}={given} is not a library of MPI that can be loaded"
                : $"{launcher.Name} started {launcher.WorldSize} processes, and none of MPI's libraries can be loaded "
                    + $"({string.Join(", ", candidates)}). Its folder must be in LD_LIBRARY_PATH, or {Variable} name the file"
        );
    }

    /// <summary>
    /// The libraries to try. The launcher's own comes first: that with the interface of MPI 5 may be another's, of which each process is
    /// a world of one. srun speaks PMIx with Open MPI, and PMI with MPICH.
    /// </summary>
    internal static string[] Candidates(string launcher, Func<string, string?> get) =>
        launcher == "mpiexec" || (launcher == "srun" && get("PMIX_RANK") is not { Length: > 0 })
            ? [.. Mpich, .. Standard, .. OpenMpi]
            : [.. OpenMpi, .. Standard, .. Mpich];

    /// <summary>All processes.</summary>
    public nint World => constants.World;

    public nint Float => constants.Float;

    public nint Double => constants.Double;

    public nint Sum => constants.Sum;

    public nint Max => constants.Max;

    /// <summary>The library, its version and its file.</summary>
    public string Description
    {
        get
        {
            byte* text = stackalloc byte[8192];
            Check(version(text, out int length), "Get_library_version");
            var first = Encoding.ASCII.GetString(text, length).Split('\n', '\0', ',')[0].Trim();
            return $"{first} ({name})";
        }
    }

    /// <summary>Joins the other processes.</summary>
    public void Begin()
    {
        Check(initialized(out int isRunning), "Initialized");
        if (isRunning == 0)
            Check(init(0, 0, Serialized, out _), "Init_thread");
        // Errors come back as codes, instead of ending the process without a word of where.
        Check(setErrors(World, constants.ErrorsReturn), "Comm_set_errhandler");
    }

    /// <summary>Leaves the other processes. What all did together is done: an error means nothing any more.</summary>
    public void End() => _ = finalize();

    public int Rank()
    {
        Check(rank(World, out int value), "Comm_rank");
        return value;
    }

    public int Size()
    {
        Check(size(World, out int value), "Comm_size");
        return value;
    }

    /// <summary>The same processes under another name: calls of the two do not meet.</summary>
    public nint Duplicate()
    {
        nint made = 0; // of which some libraries write 32 bits
        Check(duplicate(World, out made), "Comm_dup");
        return made;
    }

    public void AllReduce(nint data, int count, nint type, nint operation) =>
        Check(allReduce(constants.InPlace, data, count, type, operation, World), "Allreduce");

    public void Broadcast(nint data, int bytes, int root, nint communicator) =>
        Check(broadcast(data, bytes, constants.Byte, root, communicator), "Bcast");

    /// <summary>Waits for all of a communicator.</summary>
    /// <param name="communicator">The communicator.</param>
    /// <param name="goesOn">Asked now and then, with the time that it has taken: whether to wait on.</param>
    /// <returns>Whether all came.</returns>
    public bool Meet(nint communicator, Func<TimeSpan, bool> goesOn)
    {
        nint request = 0;
        Check(beginBarrier(communicator, out request), "Ibarrier");
        for (long since = System.Diagnostics.Stopwatch.GetTimestamp(); ; Thread.Sleep(5))
        {
            Check(test(ref request, out int isDone, constants.StatusIgnore), "Test");
            if (isDone != 0)
                return true;
            if (!goesOn(System.Diagnostics.Stopwatch.GetElapsedTime(since)))
                return false;
        }
    }

    public void Abort(int exitCode) => abort(World, exitCode);

    private void Check(int error, string function)
    {
        if (error == 0)
            return;
        byte* text = stackalloc byte[1024];
        bool isKnown = errorString(error, text, out int length) == 0;
        var reason = isKnown ? Encoding.ASCII.GetString(text, length).TrimEnd('\0') : $"error {error}";
        throw new CommunicationException($"the other ranks cannot be reached: MPI_{function}: {reason}");
    }
}
