namespace Electra.Tests.Scripting;

public class RunningTests
{
    [Fact]
    public async Task A_script_has_arguments_imports_and_await_and_returns_its_exit_code()
    {
        using var folder = TestData.Temporary();
        Directory.CreateDirectory(folder.File("scripts"));
        File.WriteAllText(folder.File("scripts/script.csx"), """
            #load "values.csx"
            await Task.Delay(1);
            var text = new StringBuilder().AppendJoin('|', Args.Select(argument => argument.ToUpperInvariant()));
            WriteLine(text);
            Print("quoted");
            WriteLine(FromLoadedFile(new List<int> { 1, 2 }));
            WriteLine(CultureInfo.InvariantCulture.LCID);
            return Args.Count;
            """);
        File.WriteAllText(folder.File("scripts/values.csx"), """
            global using System.Globalization;
            int FromLoadedFile(IEnumerable<int> values) => values.Sum();
            """);

        var result = await ScriptRunner.Run(folder, "scripts/script.csx", "a", "b=c", "--", "--help", "--", "-c");

        Assert.Equal("", result.Error);
        Assert.Equal(["A|B=C|--HELP|--|-C", "\"quoted\"", "3", "127"], result.Lines);
        Assert.Equal(5, result.ExitCode);
    }

    [Fact]
    public async Task A_script_that_throws_or_exits_says_so_with_its_exit_code()
    {
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("ends.csx"), """
            void Fail() =>
                throw new InvalidOperationException("out of cheese");
            switch (Args[0])
            {
                case "throw": Fail(); break;
                case "exit": Environment.Exit(7); break;
                case "set": Environment.ExitCode = 8; break;
            }
            """);

        var thrown = await ScriptRunner.Run(folder, "-c", "release", "ends.csx", "throw");
        Assert.Equal(1, thrown.ExitCode);
        Assert.StartsWith("System.InvalidOperationException: out of cheese", thrown.Error);
        Assert.Contains("ends.csx:line 2", thrown.Error);

        var ends = await Task.WhenAll(
            new[] { "exit", "set", "none" }.Select(end => ScriptRunner.Run(folder, "-c", "release", "ends.csx", end))
        );
        Assert.Equal([7, 8, 0], ends.Select(end => end.ExitCode));
    }

    [Fact]
    public async Task Signals_reach_the_script_which_decides_its_exit_code()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals to send");
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("waits.csx"), """
            using System.Runtime.InteropServices;
            var end = new TaskCompletionSource<int>();
            var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => { signal.Cancel = true; end.TrySetResult(15); });
            Console.CancelKeyPress += (_, key) => { key.Cancel = true; end.TrySetResult(2); };
            WriteLine("ready");
            var result = await end.Task;
            terminated.Dispose();
            return result;
            """);

        foreach (var (signal, exitCode) in new[] { ("TERM", 15), ("INT", 2) })
        {
            using var script = ScriptRunner.Start(folder, "waits.csx");
            Assert.Equal("ready", await script.ReadLine());
            script.Send(signal);
            (await script.Finish()).Ended(exitCode);
        }
    }

    [Fact]
    public async Task A_library_may_be_built_again_while_a_script_uses_it()
    {
        using var folder = TestData.Temporary();
        EmittedLibrary.Write(folder.File("Library.dll"), number: 3);
        File.WriteAllText(folder.File("uses.csx"), """
            #r "Library.dll"
            var library = typeof(Library);
            WriteLine("ready");
            ReadLine();
            WriteLine(library.GetField("Number").GetRawConstantValue());
            """);

        using var script = ScriptRunner.Start(folder, "uses.csx");
        Assert.Equal("ready", await script.ReadLine());
        File.WriteAllText(folder.File("Library.dll"), "another build");
        await script.Type("\n");
        var result = await script.Finish();

        Assert.Equal(("3", "", 0), (Assert.Single(result.Lines), result.Error, result.ExitCode));
    }

    [Fact]
    public async Task Dotnet_script_is_this_runner_in_every_folder_of_the_repository()
    {
        Assert.SkipUnless(ScriptRunner.IsLocalTool, "built without the bundled script runner");

        var direct = await new RunningScript("dotnet", [ScriptRunner.Assembly, "--version"], TestData.Repository).Finish();
        var tool = await new RunningScript("dotnet", ["script", "--version"], Path.Combine(TestData.Repository, "scripts")).Finish();

        Assert.Equal(0, tool.ExitCode);
        Assert.Contains("bundled", tool.Output);
        Assert.Equal(direct.Output, tool.Output);
    }
}
