using System.Reflection;
using System.Runtime.InteropServices;
using Electra.Configuration;
using Electra.Running;
using Electra.Tests.Configuration;

namespace Electra.Tests.Running;

public sealed class ExperimentTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();
    private readonly StringWriter output = new();
    private readonly StringWriter errors = new();

    public void Dispose() => folder.Dispose();

    private Task<int> Run(Func<Run<SampleConfig>, Task<int>> body, Action<StopSignals>? observe = null, params string[] overrides)
    {
        File.WriteAllText(folder.File("a.yaml"), $"name: x\nseed: 36\noutput_folder: '{folder.File("runs")}'\n");
        return Call(body, observe, [folder.File("a.yaml"), .. overrides]);
    }

    private Task<int> Call(Func<Run<SampleConfig>, Task<int>> body, Action<StopSignals>? observe, params string[] args) =>
        Experiment.Run(args, body, "scripts/sample.csx", new RunConsole(output, terminal: null), errors, observe);

    [Fact]
    public void A_file_where_a_folder_is_expected_is_the_users_to_move()
    {
        var file = folder.File("results");
        File.WriteAllText(file, "");
        foreach (
            var make in new Action[]
            {
                () => File.WriteAllText(Path.Combine(file, "a", "b"), ""),
                () => Directory.CreateDirectory(file),
                () => Directory.CreateDirectory(Path.Combine(file, "a")),
            }
        )
        {
            var (message, code) = Failure.Explain(Assert.ThrowsAny<IOException>(make));
            Assert.Equal((1, $"error: {file} is a file, and a folder is expected there"), (code, message));
        }
        Assert.Equal(70, Failure.Explain(Assert.ThrowsAny<IOException>(() => File.ReadAllText(folder.File("no/such")))).ExitCode);
    }

    [Fact]
    public async Task A_run_has_its_configuration_and_its_folder_with_the_resolved_configuration()
    {
        var code = await Run(run =>
        {
            Assert.Equal(7, run.Config.Training.Steps);
            Assert.Equal(36, run.Seed);
            Assert.Equal(folder.File("runs/x_36"), run.Folder);
            return Task.FromResult(3);
        }, null, "training.steps=7", "training.schedule.warmup_steps=1");

        Assert.Equal(3, code);
        Assert.Equal("", errors.ToString());
        Assert.Equal(7, Config.Load<SampleConfig>(folder.File("runs/x_36/config.yaml")).Training.Steps);
        Assert.Contains("dotnet script scripts/sample.csx -- ", File.ReadAllText(folder.File("runs/x_36/config.yaml")));
    }

    [Fact]
    public async Task A_second_process_is_kept_out_of_the_run_folder()
    {
        var code = await Run(async _ => await Run(_ => Task.FromResult(0)));

        Assert.Equal(Experiment.UserError, code);
        Assert.Contains($"is in use by process {Environment.ProcessId}", errors.ToString());
        Assert.Equal(0, await Run(_ => Task.FromResult(0)));
    }

    [Fact]
    public async Task Many_runs_in_one_script_have_a_folder_each_and_say_nothing_but_warnings()
    {
        var code = await Run(run =>
        {
            var folders = from seed in new[] { 1, 2 }
                          select run.With(run.Config with { Seed = seed }, inner =>
                          {
                              inner.Console.Line("not said");
                              inner.Console.Warning($"said by {inner.Seed}");
                              return inner.Folder;
                          });
            Assert.Equal([folder.File("runs/x_1"), folder.File("runs/x_2")], folders);
            Assert.Equal(36, run.With(run.Config, same => same.Seed));
            Assert.Contains("seed: 2", File.ReadAllText(folder.File("runs/x_2/config.yaml")));
            Assert.Contains(
                "training.steps",
                Assert
                    .Throws<UserErrorException>(() =>
                        run.With(run.Config with { Training = run.Config.Training with { Steps = -1 } }, _ => 0)
                    )
                    .Message
            );
            return Task.FromResult(0);
        });
        Assert.True(code == 0, errors.ToString());
        Assert.DoesNotContain("not said", output.ToString());
        Assert.Contains("warning: said by 2", output.ToString());
    }

    [Fact]
    public async Task No_arguments_print_the_usage_and_so_does_help()
    {
        Assert.Equal(Experiment.WrongUsage, await Call(_ => Task.FromResult(0), null));
        Assert.Equal(0, await Call(_ => Task.FromResult(0), null, "x.yaml", "--help"));
        Assert.StartsWith("usage: dotnet script scripts/sample.csx", output.ToString());
    }

    [Theory]
    [InlineData("--training.lr=3", "error: --training.lr=3 is not an option: keys are set without dashes (training.lr=value)")]
    [InlineData("-v", "error: -v is not an option")]
    public async Task An_unknown_option_is_an_error(string option, string message)
    {
        Assert.Equal(Experiment.WrongUsage, await Run(_ => Task.FromResult(0), null, option));
        Assert.StartsWith(message, errors.ToString());
    }

    [Fact]
    public async Task An_override_in_place_of_the_file_is_an_error()
    {
        Assert.Equal(Experiment.WrongUsage, await Call(_ => Task.FromResult(0), null, "seed=1"));
        Assert.StartsWith("error: the first argument must be a configuration file", errors.ToString());
    }

    public static TheoryData<Exception, int, string> Failures =>
        new()
        {
            { new UserErrorException("no such vocabulary"), Experiment.UserError, "error: no such vocabulary" },
            {
                new TypeInitializationException("X", new UserErrorException("no such vocabulary")),
                Experiment.UserError,
                "error: no such vocabulary"
            },
            {
                new TargetInvocationException(new AggregateException(new FormatException(), new UserErrorException("no such vocabulary"))),
                Experiment.UserError,
                "error: no such vocabulary"
            },
            {
                new UnauthorizedAccessException("Access to the path '/x' is denied."),
                Experiment.UserError,
                "error: Access to the path '/x' is denied: the user"
            },
            { new IOException("Input/output error : '/x'"), Experiment.UserError, "error: Input/output error : '/x'" },
            {
                new AggregateException(new OperationCanceledException(), new IOException("Input/output error")),
                Experiment.UserError,
                "error: Input/output error"
            },
            {
                new ExternalException(
                    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: "
                        + "you tried to allocate 329670961920 bytes. Error code 12 (Cannot allocate memory)\nframe #0: c10::alloc_cpu"
                ),
                Experiment.UserError,
                "error: there is not enough memory: 329.7 GB more were asked for. Less is needed with training.recompute=true or "
                    + "a smaller training.micro_batch_size (the result stays the same to rounding)"
            },
            {
                new ExternalException(
                    "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 15.77 GiB of which 3.12 GiB is free.\n"
                        + "Exception raised"
                ),
                Experiment.UserError,
                "error: the GPU has not enough memory: Tried to allocate 20.00 GiB. Less is needed with training.recompute=true "
                    + "(the result stays the same), with a smaller training.micro_batch_size (the same but for what dropout draws)"
            },
            {
                new ExternalException(
                    "cumsum_cuda_kernel does not have a deterministic implementation, but you set "
                        + "'torch.use_deterministic_algorithms(True)'. You can turn off determinism just for this operation"
                ),
                Experiment.UserError,
                "error: compute.deterministic: libtorch has no deterministic form of an operator (cumsum_cuda_kernel does not have"
            },
            {
                new ExternalException("CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors might be"),
                Experiment.UserError,
                "error: this libtorch has no code for this GPU"
            },
            {
                new ExternalException("CUDA driver version is insufficient for CUDA runtime version"),
                Experiment.UserError,
                "error: the NVIDIA driver does not serve this libtorch"
            },
            {
                new ExternalException("CUDA error: uncorrectable ECC error encountered"),
                Experiment.UserError,
                "error: the GPU failed (CUDA error: uncorrectable ECC error encountered)"
            },
            { new ExternalException("CUDA error: device-side assert triggered"), Experiment.Bug, "error: this is a bug" },
            { new ExternalException("mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)"), Experiment.Bug, "error: this is a bug" },
            {
                new AggregateException(new OutOfMemoryException()),
                Experiment.UserError,
                "error: there is not enough memory: this process uses"
            },
            {
                new UnauthorizedAccessException(
                    "Access to the path '/data/.config.yaml.0123456789abcdef0123456789abcdef.partial' is denied."
                ),
                Experiment.UserError,
                $"error: Access to the path '/data/config.yaml' is denied: the user {Environment.UserName} may not write or read there."
            },
            { new FileNotFoundException("no x"), Experiment.Bug, "error: this is a bug" },
            {
                new InvalidOperationException("broken"),
                Experiment.Bug,
                "error: this is a bug, in the kit or in the script; please report it with what follows.\n"
                    + "System.InvalidOperationException: broken"
            },
            { new OperationCanceledException(), Experiment.Bug, "error: this is a bug" },
        };

    [Theory, MemberData(nameof(Failures), DisableDiscoveryEnumeration = true)]
    public async Task A_failure_is_told_in_a_way_that_fits_it(Exception failure, int code, string message)
    {
        Assert.Equal(code, await Run(_ => throw failure));
        Assert.StartsWith(message, errors.ToString());
        Assert.Equal(code == Experiment.Bug, errors.ToString().Contains("   at "));
    }

    [Fact]
    public async Task A_full_disk_is_told_as_such()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "needs /dev/full");
        Assert.Equal(Experiment.UserError, await Run(_ =>
        {
            using var full = new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            full.WriteByte(1);
            return Task.FromResult(0);
        }));
        Assert.StartsWith("error: the disk is full", errors.ToString());
    }

    [Theory]
    [InlineData(PosixSignal.SIGINT, 130)]
    [InlineData(PosixSignal.SIGTERM, 143)]
    [InlineData(PosixSignal.SIGHUP, 129)]
    public async Task The_first_signal_asks_the_run_to_stop(PosixSignal signal, int code)
    {
        Assert.Equal(code, await Run(async run =>
        {
            await Task.Delay(Timeout.Infinite, run.Stopping);
            return 0;
        }, signals => ThreadPool.QueueUserWorkItem(_ => signals.Receive(signal))));

        Assert.Contains("warning: stopping after saving", output.ToString());
        Assert.Equal("", errors.ToString());
    }

    [Fact]
    public async Task A_parallel_loop_may_be_what_the_signal_stopped() =>
        Assert.Equal(130, await Run(run =>
        {
            run.Stopping.WaitHandle.WaitOne();
            throw new AggregateException(new OperationCanceledException(run.Stopping));
        }, signals => ThreadPool.QueueUserWorkItem(_ => signals.Receive(PosixSignal.SIGINT))));

    [Fact]
    public async Task A_signal_from_outside_arrives()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs kill");
        Assert.Equal(143, await Run(async run =>
        {
            Command.Send("TERM", Environment.ProcessId);
            await Task.Delay(Timeout.Infinite, run.Stopping);
            return 0;
        }));
    }
}
