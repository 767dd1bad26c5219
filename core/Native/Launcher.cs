using System.Globalization;
using System.Text.RegularExpressions;

namespace Electra.Native;

/// <summary>What the launcher of several processes (mpirun, srun, torchrun) says of this one.</summary>
/// <param name="Name">The launcher, in words.</param>
/// <param name="Rank">This process, from 0.</param>
/// <param name="WorldSize">How many processes there are.</param>
/// <param name="LocalRank">This process among those of its machine.</param>
/// <param name="LocalSize">How many processes its machine has; 0: not said.</param>
/// <param name="HasMpi">Whether MPI finds the other processes.</param>
internal sealed partial record Launcher(string Name, int Rank, int WorldSize, int LocalRank, int LocalSize, bool HasMpi)
{
    private const string OpenMpi = "OMPI_COMM_WORLD", SlurmTasks = "SLURM_STEP_TASKS_PER_NODE", SlurmNode = "SLURM_NODEID";

    /// <summary>The launcher of this process; null: none, or one that started it alone.</summary>
    /// <exception cref="UserErrorException">The variables do not name a process.</exception>
    public static Launcher? Current => Find(Environment.GetEnvironmentVariable);

    /// <summary>Whether mpirun gave this process a terminal of its own, whatever mpirun itself writes to.</summary>
    public static bool MakesTerminals => Environment.GetEnvironmentVariable($"{OpenMpi}_SIZE") is { Length: > 0 };

    /// <summary>Finds the launcher by the variables that it sets. The innermost counts: torchrun under srun, mpirun under sbatch.</summary>
    /// <param name="get">Reads a variable.</param>
    /// <exception cref="UserErrorException">The variables do not name a process.</exception>
    public static Launcher? Find(Func<string, string?> get)
    {
        bool Has(string name) => get(name) is { Length: > 0 };
        // A batch script of Slurm has SLURM_PROCID and SLURM_NTASKS too; a task that srun started has the numbers of its step.
        bool isStep = Has("SLURM_STEP_NUM_TASKS") && Has("SLURM_PROCID");
        bool hasMpi = Has("PMIX_RANK") || Has("PMI_RANK");
        Launcher? Of(string name, string rank, string size, string localRank, string localSize, bool mpi) =>
            Has(rank) && Has(size) ? Read(get, name, rank, size, localRank, localSize, mpi) : null;

        var found =
            (Has("TORCHELASTIC_RUN_ID") ? Of("torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", false) : null)
            ?? Of("mpirun", $"{OpenMpi}_RANK", $"{OpenMpi}_SIZE", $"{OpenMpi}_LOCAL_RANK", $"{OpenMpi}_LOCAL_SIZE", true)
            ?? (isStep ? Of("srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", SlurmTasks, hasMpi) : null)
            ?? Of("mpiexec", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS", true)
            ?? Of("the environment", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", false);
        return found is { WorldSize: > 1 } ? found : null;
    }

    /// <summary>
    /// What names the processes that were started together, and no others: a job of MPI, a step or an array of Slurm. Null: nothing does.
    /// </summary>
    /// <param name="get">Reads a variable.</param>
    public static string? JobOf(Func<string, string?> get)
    {
        string? Named(params string[] variables) =>
            get(variables[0]) is { Length: > 0 } ? string.Join(' ', variables.Select(name => $"{name}={get(name)}")) : null;
        return Named("PMIX_NAMESPACE", "OMPI_MCA_orte_precondition_transports", "SLURM_RESTART_COUNT")
            ?? (get("SLURM_PROCID") is { Length: > 0 } ? Named("SLURM_STEP_ID", "SLURM_JOB_ID", "SLURM_RESTART_COUNT") : null)
            ?? Named("SLURM_ARRAY_JOB_ID");
    }

    /// <summary>The place of this process in an array of Slurm's jobs, and their number; the first of one where it is in none.</summary>
    public static (int Index, int Count) ArrayTask(Func<string, string?> get)
    {
        bool Has(string name, out int value) =>
            int.TryParse(get($"SLURM_ARRAY_TASK_{name}"), NumberStyles.None, CultureInfo.InvariantCulture, out value);
        if (!Has("ID", out int id) || !Has("COUNT", out int count) || count < 1)
            return (0, 1);
        int first = Has("MIN", out int min) ? min : 0, step = Has("STEP", out int every) ? Math.Max(1, every) : 1;
        return (Math.Max(0, id - first) / step % count, count);
    }

    private static Launcher Read(
        Func<string, string?> get,
        string name,
        string rank,
        string size,
        string localRank,
        string localSize,
        bool hasMpi
    )
    {
        int Number(string variable, int missing, int least, int most)
        {
            if (get(variable) is not { Length: > 0 } text)
                return missing;
            if (variable == SlurmTasks)
                text = OfNode(text, get(SlurmNode));
            return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n >= least && n <= most
                ? n
                : throw new UserErrorException(
                    $"{variable}={text} in the environment is not what {name} sets: a number from {least} to {most} is expected"
                );
        }
        int processes = Number(size, 1, 1, 1_000_000), own = Number(rank, 0, 0, processes - 1);
        return new(name, own, processes, Number(localRank, own, 0, own), Number(localSize, 0, 1, processes), hasMpi);
    }

    /// <summary>
    /// The entry of a node in a list of Slurm's: <c>4,2</c> is one node with 4 and one with 2, <c>2(x3),1</c> three with 2 and one with 1.
    /// Of a node that is not known, the largest; a list that is not one of these stays as it is.
    /// </summary>
    private static string OfNode(string list, string? node)
    {
        var counts = new List<int>();
        foreach (var entry in list.Split(','))
        {
            var match = TasksOfNodes().Match(entry);
            if (!match.Success)
                return list;
            int nodes = match.Groups["nodes"] is { Success: true, Value: var text } ? Parsed(text) : 1;
            counts.AddRange(Enumerable.Repeat(Parsed(match.Groups["tasks"].Value), nodes));
        }
        bool isKnown = int.TryParse(node, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < counts.Count;
        return (isKnown ? counts[index] : counts.Max()).ToString(CultureInfo.InvariantCulture);

        static int Parsed(string digits) => int.Parse(digits, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"^(?<tasks>[0-9]{1,6})(\(x(?<nodes>[1-9][0-9]{0,5})\))?$")]
    private static partial Regex TasksOfNodes();
}
