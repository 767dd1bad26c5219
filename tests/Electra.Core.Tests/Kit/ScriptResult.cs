namespace Electra.Tests.Kit;

/// <summary>What a process that has ended left behind.</summary>
internal sealed record ScriptResult(int ExitCode, string Output, string Error)
{
    /// <summary>The lines of the output that are not empty.</summary>
    public string[] Lines => Output.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Asserts that it did what it was asked for.</summary>
    public ScriptResult Succeeded() => Ended(0);

    /// <summary>Asserts the exit code. A failure shows what was said.</summary>
    public ScriptResult Ended(int exitCode)
    {
        Assert.True(ExitCode == exitCode, $"exit code {ExitCode}, and {exitCode} was expected\n{Error}\n{Output}");
        return this;
    }

    /// <summary>Asserts that a user's mistake was explained: an exit code of 1, what was said, and no stack trace.</summary>
    public ScriptResult Refused(params string[] said) => Refused(1, said);

    /// <summary>Asserts that a user's mistake was explained, with another exit code.</summary>
    public ScriptResult Refused(int exitCode, params string[] said)
    {
        Ended(exitCode);
        Assert.All(said, part => Assert.Contains(part, Error));
        Assert.DoesNotContain("   at ", Error);
        return this;
    }

    /// <summary>Asserts that the output has each of some texts.</summary>
    public ScriptResult Said(params string[] parts)
    {
        Assert.All(parts, part => Assert.Contains(part, Output));
        return this;
    }
}
