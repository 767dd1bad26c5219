using Electra.Native;
using Electra.Tensors;

namespace Electra.Distributed;

/// <summary>Joins the processes that a launcher started.</summary>
/// <remarks>
/// mpirun, mpiexec and srun --mpi=… give MPI all that it needs. torchrun, srun without MPI, and a loop in a shell give numbers alone (RANK,
/// WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT): ranks on GPUs then meet by TCP, and NCCL connects them.
/// </remarks>
internal static class World
{
    private const string Address = "MASTER_ADDR", Port = "MASTER_PORT";
    private const int UsualPort = 29500;

    /// <summary>The ranks of this run; one process where no launcher started several, or each is to be a run of its own.</summary>
    /// <exception cref="UserErrorException">A launcher started several, and nothing connects them.</exception>
    public static ICommunicator Join(ComputeOptions options)
    {
        if (options.Communication == Communication.None || Launcher.Current is not { } launcher)
            return SingleProcess.Instance;
        var patience = TimeSpan.FromMinutes(options.TimeoutMinutes);
        var device = options.Communication == Communication.Mpi ? null : Compute.Open(options);
        bool usesNccl = device is { IsCuda: true };
        if (options.Communication == Communication.Nccl && !usesNccl)
            throw new UserErrorException("compute.communication: nccl connects GPUs, and the device is the CPU: use mpi");
        if (!launcher.HasMpi && !usesNccl)
            throw new UserErrorException(
                $"{Started(launcher)}, and nothing connects them: on CPUs that is MPI. Start them by mpirun, or by srun with "
                    + "--mpi=pmix; or make each a run of its own, with a name or seed of its own (compute.communication=none)"
            );
        ICommunicator control = launcher.HasMpi ? new MpiCommunicator(launcher, patience) : Meet(launcher, patience);
        // One without a GPU has all go by way of their memory, to be told where they compare what they compute on.
        return control.Any(!usesNccl) ? control : new NcclCommunicator(Nccl.Load(), device!.Device, control, patience);
    }

    private static TcpCommunicator Meet(Launcher launcher, TimeSpan patience)
    {
        var (host, port) = MeetingPlace(launcher, Environment.GetEnvironmentVariable);
        return new TcpCommunicator(launcher.Rank, launcher.WorldSize, host, port, patience);
    }

    /// <summary>Where rank 0 listens.</summary>
    /// <param name="launcher">The launcher.</param>
    /// <param name="get">Reads a variable.</param>
    /// <exception cref="UserErrorException">Nothing says it.</exception>
    internal static (string Host, int Port) MeetingPlace(Launcher launcher, Func<string, string?> get)
    {
        if (get(Address) is not { Length: > 0 } host)
            throw new UserErrorException(
                $"{Started(launcher)} without MPI, and {Address} does not name the machine of rank 0: torchrun sets it; under srun, "
                    + $"export {Address}=$(scontrol show hostnames $SLURM_JOB_NODELIST | head -n 1)"
            );
        int port = UsualPort;
        if (get(Port) is { Length: > 0 } text && !(int.TryParse(text, out port) && port is > 0 and < 65535))
            throw new UserErrorException($"{Port}={text} in the environment is not a port: a number from 1 to 65534 is expected");
        return (host, launcher.Name == "torchrun" ? port + 1 : port); // on its own port torchrun itself listens
    }

    private static string Started(Launcher launcher) =>
        launcher.Name == "the environment"
            ? $"the environment says that this is one of {launcher.WorldSize} processes (RANK, WORLD_SIZE)"
            : $"{launcher.Name} started {launcher.WorldSize} processes";
}
