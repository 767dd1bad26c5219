namespace Electra.Native;

/// <summary>Variables of the environment that switch something: each has one value, or is not set.</summary>
internal static class EnvironmentSwitch
{
    /// <summary>Computes everything with libtorch's operators.</summary>
    public static readonly (string Variable, string Value) PlainKernels = ("ELECTRA_KERNELS", "plain");

    /// <summary>Leaves MKL's choice of instructions alone.</summary>
    public static readonly (string Variable, string Value) DefaultMkl = ("ELECTRA_MKL", "default");

    /// <summary>Leaves the C library's heap alone.</summary>
    public static readonly (string Variable, string Value) DefaultHeap = ("ELECTRA_HEAP", "default");

    /// <summary>Goes on where files cannot be locked.</summary>
    public static readonly (string Variable, string Value) OptionalLocks = ("ELECTRA_LOCKS", "optional");

    /// <summary>Whether one is set.</summary>
    public static bool IsSet((string Variable, string Value) way) => Environment.GetEnvironmentVariable(way.Variable) == way.Value;

    /// <summary>Checks all.</summary>
    /// <exception cref="UserErrorException">One is set to something else.</exception>
    public static void Check() => Check(Environment.GetEnvironmentVariable);

    /// <summary>Checks all, as an environment has them.</summary>
    internal static void Check(Func<string, string?> environment)
    {
        foreach (var (variable, value) in new[] { PlainKernels, DefaultMkl, DefaultHeap, OptionalLocks })
            if (environment(variable) is { Length: > 0 } set && set != value)
                throw new UserErrorException($"{variable} is {set}. It may be {value}, or not set.");
    }
}
