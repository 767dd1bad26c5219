using Electra.Distributed;
using Electra.Native;
using Electra.Tensors;

namespace Electra.Tests.Distributed;

/// <summary>What launchers say in the environment.</summary>
public class LauncherTests
{
    [Theory]
    [InlineData(
        "OMPI_COMM_WORLD_RANK=5 OMPI_COMM_WORLD_SIZE=8 OMPI_COMM_WORLD_LOCAL_RANK=1 OMPI_COMM_WORLD_LOCAL_SIZE=4",
        "mpirun 5/8 1/4 MPI"
    )]
    [InlineData("PMI_RANK=1 PMI_SIZE=2 MPI_LOCALRANKID=1 MPI_LOCALNRANKS=2", "mpiexec 1/2 1/2 MPI")]
    [InlineData("PMI_RANK=1 PMI_SIZE=2", "mpiexec 1/2 1/0 MPI")]
    [InlineData("SLURM_PROCID=3 SLURM_STEP_NUM_TASKS=6 SLURM_LOCALID=1 SLURM_STEP_TASKS_PER_NODE=2(x3) PMIX_RANK=3", "srun 3/6 1/2 MPI")]
    [InlineData("SLURM_PROCID=3 SLURM_STEP_NUM_TASKS=6 SLURM_LOCALID=1 SLURM_STEP_TASKS_PER_NODE=2(x3)", "srun 3/6 1/2 ")]
    [InlineData("SLURM_PROCID=4 SLURM_STEP_NUM_TASKS=6 SLURM_STEP_TASKS_PER_NODE=4,2 SLURM_NODEID=1", "srun 4/6 4/2 ")]
    [InlineData("SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=6 SLURM_STEP_TASKS_PER_NODE=4,2 SLURM_NODEID=0", "srun 0/6 0/4 ")]
    [InlineData("SLURM_PROCID=6 SLURM_STEP_NUM_TASKS=7 SLURM_STEP_TASKS_PER_NODE=2(x3),1 SLURM_NODEID=3", "srun 6/7 6/1 ")]
    [InlineData("SLURM_PROCID=6 SLURM_STEP_NUM_TASKS=7 SLURM_STEP_TASKS_PER_NODE=1,2(x3)", "srun 6/7 6/2 ")] // of no known node
    [InlineData("TORCHELASTIC_RUN_ID=none RANK=2 WORLD_SIZE=4 LOCAL_RANK=0 LOCAL_WORLD_SIZE=2", "torchrun 2/4 0/2 ")]
    [InlineData("RANK=2 WORLD_SIZE=4", "the environment 2/4 2/0 ")]
    // torchrun in a task of srun: the innermost counts
    [InlineData(
        "SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=2 TORCHELASTIC_RUN_ID=1 RANK=9 WORLD_SIZE=16 LOCAL_RANK=1 LOCAL_WORLD_SIZE=8",
        "torchrun 9/16 1/8 "
    )]
    // mpirun in a batch script of Slurm
    [InlineData(
        "SLURM_PROCID=0 SLURM_NTASKS=2 OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_LOCAL_RANK=1",
        "mpirun 1/2 1/0 MPI"
    )]
    public void A_process_is_numbered_by_what_started_it(string variables, string expected)
    {
        var found = Launcher.Find(Variables(variables))!;
        Assert.Equal(
            expected,
            $"{found.Name} {found.Rank}/{found.WorldSize} {found.LocalRank}/{found.LocalSize} {(found.HasMpi ? "MPI" : "")}"
        );
    }

    [Theory]
    [InlineData("")]
    [InlineData("SLURM_PROCID=0 SLURM_NTASKS=4 SLURM_JOB_ID=7")] // a batch script, which srun did not start
    [InlineData("OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=1")]
    [InlineData("RANK=0")]
    [InlineData("WORLD_SIZE=1 RANK=0")]
    public void A_process_alone_has_no_launcher(string variables) => Assert.Null(Launcher.Find(Variables(variables)));

    [Theory]
    [InlineData("RANK=4 WORLD_SIZE=4", "RANK=4 in the environment is not what the environment sets: a number from 0 to 3 is expected")]
    [InlineData("RANK=0 WORLD_SIZE=many", "WORLD_SIZE=many in the environment")]
    [InlineData("RANK=1 WORLD_SIZE=2 LOCAL_RANK=7", "LOCAL_RANK=7 in the environment")]
    [InlineData("SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=2 SLURM_STEP_TASKS_PER_NODE=2(x", "SLURM_STEP_TASKS_PER_NODE=2(x in the environment")]
    public void Impossible_numbers_are_refused(string variables, string said) =>
        Assert.Contains(said, Assert.Throws<UserErrorException>(() => Launcher.Find(Variables(variables))).Message);

    [Theory]
    [InlineData("MASTER_ADDR=node1 MASTER_PORT=1234", "torchrun", 1235)] // on its own port torchrun listens
    [InlineData("MASTER_ADDR=node1 MASTER_PORT=1234", "srun", 1234)]
    [InlineData("MASTER_ADDR=node1", "the environment", 29500)]
    public void Ranks_without_MPI_meet_where_the_environment_says(string variables, string launcher, int port) =>
        Assert.Equal(("node1", port), World.MeetingPlace(new Launcher(launcher, 0, 2, 0, 0, false), Variables(variables)));

    [Theory]
    [InlineData("", "MASTER_ADDR does not name the machine of rank 0")]
    [InlineData("MASTER_ADDR=a MASTER_PORT=x", "MASTER_PORT=x in the environment is not a port")]
    public void Without_a_place_to_meet_that_is_said(string variables, string said) =>
        Assert.Contains(
            said,
            Assert
                .Throws<UserErrorException>(() => World.MeetingPlace(new Launcher("srun", 0, 2, 0, 0, false), Variables(variables)))
                .Message
        );

    [Theory]
    [InlineData("mpirun", "OMPI_COMM_WORLD_RANK=1", "libmpi.so.40")] // Open MPI's, whose launcher it is
    [InlineData("srun", "PMIX_RANK=1", "libmpi.so.40")]
    [InlineData("srun", "PMI_RANK=1", "libmpi.so.12")] // MPICH's
    [InlineData("mpiexec", "PMI_RANK=1", "libmpi.so.12")]
    public void The_library_of_the_launcher_is_tried_first(string launcher, string variables, string first)
    {
        var candidates = Mpi.Candidates(launcher, Variables(variables));
        Assert.Equal(first, candidates[0]);
        Assert.Contains("libmpi_abi.so.0", candidates);
    }

    [Theory]
    [InlineData(
        "PMIX_NAMESPACE=7 SLURM_PROCID=1 SLURM_STEP_ID=2",
        "PMIX_NAMESPACE=7 OMPI_MCA_orte_precondition_transports= SLURM_RESTART_COUNT="
    )]
    [InlineData("SLURM_PROCID=1 SLURM_STEP_ID=2 SLURM_JOB_ID=9", "SLURM_STEP_ID=2 SLURM_JOB_ID=9 SLURM_RESTART_COUNT=")]
    [InlineData("SLURM_ARRAY_JOB_ID=4 SLURM_JOB_ID=5", "SLURM_ARRAY_JOB_ID=4")]
    [InlineData("SLURM_JOB_ID=5", null)] // a shell on a node of Slurm: what is started there has no name
    [InlineData("", null)]
    public void Processes_that_were_started_together_have_a_name(string variables, string? expected) =>
        Assert.Equal(expected, Launcher.JobOf(Variables(variables)));

    [Fact]
    public async Task Processes_that_nothing_connects_are_refused()
    {
        using var tiny = new TinyPretraining();
        var environment = new Dictionary<string, string> { ["RANK"] = "0", ["WORLD_SIZE"] = "2" };
        var result = await tiny.Start(environment, "training.steps=1").Finish();
        result.Refused("one of 2 processes (RANK, WORLD_SIZE), and nothing connects them", "compute.communication=none");
    }

    [Fact]
    public void With_none_each_process_is_a_run_of_its_own() =>
        Assert.Same(SingleProcess.Instance, World.Join(new ComputeOptions { Communication = Communication.None }));

    private static Func<string, string?> Variables(string text) =>
        text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(word => word.Split('='))
            .ToDictionary(word => word[0], word => word[1])
            .GetValueOrDefault;
}
