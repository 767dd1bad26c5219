using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Electra.Configuration;
using Electra.Distributed;
using Electra.Native;
using Electra.Storage;

namespace Electra.Running;

/// <summary>The frame around every script: configuration in, exit code out.</summary>
public static class Experiment
{
    /// <summary>The file in a run's folder that says what the run used.</summary>
    public const string ConfigFile = "config.yaml";

    /// <summary>The exit code of a mistake that the user can put right, or of a full disk.</summary>
    public const int UserError = 1;

    /// <summary>The exit code of a wrong call: no configuration, an unknown option.</summary>
    public const int WrongUsage = 2;

    /// <summary>
    /// The exit code of a run that a scheduler stopped (SIGUSR1, SIGUSR2, SIGXCPU): all is saved, and the same command goes on (EX_TEMPFAIL
    /// of sysexits.h, which schedulers take as a request to run the job again).
    /// </summary>
    public const int RunAgain = 75;

    /// <summary>The exit code of an error in the kit itself or in the script (EX_SOFTWARE of sysexits.h).</summary>
    public const int Bug = 70;

    /// <summary>
    /// Opens the configuration that the arguments name, takes its run folder, writes the resolved configuration there as
    /// <c>config.yaml</c>, and runs the experiment.
    /// </summary>
    /// <param name="args">The script's arguments: a configuration file, then overrides (<see cref="Config.Load{T}"/>); or
    /// <c>--help</c>.</param>
    /// <param name="body">The experiment. Its value is the exit code.</param>
    /// <param name="script">The script's path, filled in by the compiler; the help shows it.</param>
    /// <returns>
    /// The exit code: the body's; <see cref="UserError"/>, <see cref="WrongUsage"/> or <see cref="Bug"/>; 130 after Ctrl-C, 143
    /// after SIGTERM, 129 after SIGHUP and <see cref="RunAgain"/> after SIGUSR1, SIGUSR2 or SIGXCPU, when the body ended with an
    /// <see cref="OperationCanceledException"/>.
    /// </returns>
    public static Task<int> Run<T>(IEnumerable<string> args, Func<Run<T>, Task<int>> body, [CallerFilePath] string script = "")
        where T : class, IExperimentConfig<T>
        => OnConsole((console, errors) => Run(args, body, script, console, errors));

    /// <inheritdoc cref="Run{T}(IEnumerable{string}, Func{Run{T}, Task{int}}, string)"/>
    public static Task<int> Run<T>(IEnumerable<string> args, Func<Run<T>, int> body, [CallerFilePath] string script = "")
        where T : class, IExperimentConfig<T> => Run<T>(args, run => Task.FromResult(body(run)), script);

    /// <summary>
    /// As <see cref="Run{T}(IEnumerable{string}, Func{Run{T}, Task{int}}, string)"/>, for an experiment that ends well or with an
    /// exception: its exit code is 0.
    /// </summary>
    public static Task<int> Run<T>(IEnumerable<string> args, Action<Run<T>> body, [CallerFilePath] string script = "")
        where T : class, IExperimentConfig<T> => Run<T>(args, run => { body(run); return Task.FromResult(0); }, script);

    /// <summary>
    /// As <see cref="Run{T}(IEnumerable{string}, Func{Run{T}, Task{int}}, string)"/>, for a script that reads what runs have left: it is
    /// called once, also where the configuration asks for many runs.
    /// </summary>
    public static Task<int> RunOnce<T>(IEnumerable<string> args, Func<Run<T>, int> body, [CallerFilePath] string script = "")
        where T : class, IExperimentConfig<T>
        => OnConsole((console, errors) => Run<T>(args, run => Task.FromResult(body(run)), script, console, errors, isOnce: true));

    /// <summary>
    /// As <see cref="Run{T}(IEnumerable{string}, Func{Run{T}, Task{int}}, string)"/>, for a script that has no configuration file: the
    /// arguments before the first <c>key=value</c> are the values of one key, and the rest are the other keys.
    /// </summary>
    /// <param name="args">The script's arguments: at least one value, then keys; or <c>--help</c>.</param>
    /// <param name="operand">The key that the first arguments are the values of, a list of texts: what the script works on.</param>
    /// <param name="body">The work. Its value is the exit code.</param>
    /// <param name="script">The script's path, filled in by the compiler; the help shows it.</param>
    /// <returns>The exit code, as of every script.</returns>
    public static Task<int> RunOn<T>(IEnumerable<string> args, string operand, Func<Run<T>, int> body, [CallerFilePath] string script = "")
        where T : class, IExperimentConfig<T>
        => OnConsole((console, errors) => Run<T>(args, run => Task.FromResult(body(run)), script, console, errors, operand: operand));

    private static async Task<int> OnConsole(Func<RunConsole, TextWriter, Task<int>> run)
    {
        PrepareConsole();
        var code = await run(RunConsole.Standard(), Console.Error);
        LossyWriter.TellOfLoss();
        return code;
    }

    internal static async Task<int> Run<T>(
        IEnumerable<string> args, Func<Run<T>, Task<int>> body, string script, RunConsole console, TextWriter errors,
        Action<StopSignals>? observe = null, string? operand = null, bool isOnce = false)
        where T : class, IExperimentConfig<T>
    {
        var text = ScriptText.Read(script);
        ProjectRoot.UseScript(text.File);
        using var signals = new StopSignals(text => console.Warning(text));
        observe?.Invoke(signals);
        ICommunicator ranks = SingleProcess.Instance;
        try
        {
            string[] arguments = [.. args];
            if (arguments.Length == 0 || arguments.Any(argument => argument is "-h" or "--help"))
            {
                console.Write(ConfigHelp.Usage<T>(ScriptCommand.Of(text.File), text.Description, operand));
                return arguments.Length == 0 ? WrongUsage : 0;
            }
            if (WrongArgument(arguments, operand) is { } wrong)
            {
                await errors.WriteLineAsync($"error: {wrong}");
                return WrongUsage;
            }

            var config = Configuration<T>(arguments, operand);
            if (RunRanks.IsNotFirst(config))
                console = console.OfRank(RunRanks.NameOf(config));
            var run = new Run<T>(config, console, text, signals.Stopping) { Arguments = arguments };
            signals.SavingTime = () => run.SavingTime;
            if (StaleLibrary.Warning() is { } stale)
                await errors.WriteLineAsync($"warning: {stale}");
            foreach (var warning in run.Config.Warnings())
                console.Warning(warning);
            if (!isOnce && run.Config is IManyRuns<T> { AreMany: true } many)
                return await many.Make(run, body);
            if (run.Config is ISharedRun { Share: RunShare.First } && RunRanks.IsNotFirst(config))
                return 0; // rank 0 does it alone
            if (run.Config is ISharedRun { Share: RunShare.Together } shared)
                run.Share(ranks = World.Join(shared.Compute), signals);
            using var runLock = run.TakeFolder();
            return await body(run);
        }
        catch (Exception exception)
        {
            console.EndProgress();
            var (message, code) = Ended(exception, signals.ExitCode);
            RunRanks.End(ranks, message, code, said => errors.WriteLine(code == Bug ? said : console.Wrapped(said)));
            return code;
        }
        finally
        {
            console.EndProgress();
            ranks.Dispose();
        }
    }

    /// <summary>What to say of an exception, and the exit code. A run that was asked to stop has said so.</summary>
    private static (string Message, int ExitCode) Ended(Exception exception, int? asked) =>
        Failure.Cause(exception) switch
        {
            OperationCanceledException when asked is { } code => ("", code),
            OtherRankException => ("", asked ?? UserError),
            _ => Failure.Explain(exception),
        };

    /// <summary>Writes a configuration, every default resolved, and the text of the script into the folder of its run.</summary>
    internal static void WriteConfig<T>(string folder, T config, ScriptText script)
        where T : class, IExperimentConfig<T>
    {
        script.Save(folder);
        var file = Path.Combine(folder, ConfigFile);
        AtomicFile.WriteAllText(file, Header(script.File, file) + Config.ResolvedYaml(config));
    }

    private static T Configuration<T>(string[] arguments, string? operand)
        where T : class, IExperimentConfig<T>
    {
        if (operand is null)
            return Config.Load<T>(arguments[0], arguments[1..]);
        string[] values = [.. arguments.TakeWhile(argument => !IsOverride(argument))];
        return Config.Of<T>(operand, values, arguments[values.Length..]);
    }

    private static bool IsOverride(string argument) => argument.Contains('=') && !Path.Exists(Paths.Find(argument));

    private static string? WrongArgument(string[] arguments, string? operand)
    {
        if (arguments.FirstOrDefault(argument => argument.StartsWith('-')) is { } option)
            return $"{option} is not an option: keys are set without dashes ({option.TrimStart('-').Split('=')[0]}=value), and --help "
                + "lists them";
        if (operand is not null)
            return IsOverride(arguments[0])
                ? $"the first argument must be one of the {operand}; {arguments[0]} is another key. --help says more"
                : null;
        if (IsOverride(arguments[0]))
            return $"the first argument must be a configuration file, such as configs/demo.yaml; {arguments[0]} is an override";
        return null;
    }

    private static string Header(string script, string config) =>
        $"# What the run used, every default resolved. To run it again:\n#   {ScriptCommand.Of(script, Paths.Shown(config))}\n\n";

    /// <summary>
    /// Numbers read and print the same whatever the user's language, and the console gets UTF-8, as far as it can be written.
    /// </summary>
    private static void PrepareConsole()
    {
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        try
        {
            Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        }
        catch (IOException)
        {
            // There is no console to set: the output is discarded.
        }
        LossyWriter.Use();
        LibTorch.PrintsFailure = false;
    }
}
