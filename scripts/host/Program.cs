using System.Reflection;
using Electra.Scripting;

try
{
    return CommandLine.Parse(args) switch
    {
        CommandLine.Run run => await Run(run),
        CommandLine.ShowVersion => Say($"{Version()} (bundled script runner)"),
        _ => Say(CommandLine.Usage),
    };
}
catch (Exception e) when (e is ScriptErrorException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}

static async Task<int> Run(CommandLine.Run run)
{
    var script = ScriptPath.Find(run.Script) ?? throw new ScriptErrorException($"Couldn't find file '{run.Script}'");
    var compiled = Compile(script, run.Optimized, run.CacheFolder);
    try
    {
        var result = await compiled.Run(run.Arguments);
        return Environment.ExitCode != 0 ? Environment.ExitCode : result;
    }
    catch (Exception e)
    {
        Console.Error.WriteLine(e);
        return 1;
    }
}

static CompiledScript Compile(string script, bool optimized, string? cacheFolder)
{
    if (cacheFolder is null)
        return Compiler.Compile(script, optimized);
    if (ScriptCache.TryRead(cacheFolder, script, optimized) is { } kept)
        return kept;
    var start = DateTime.UtcNow;
    var compiled = Compiler.Compile(script, optimized);
    ScriptCache.TryWrite(cacheFolder, script, optimized, compiled, start);
    return compiled;
}

static int Say(string text)
{
    Console.WriteLine(text);
    return 0;
}

static string Version() => typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
