namespace Electra.Native;

/// <summary>How the threads of libgomp, on which libtorch's and the kit's kernels run, wait for the next kernel.</summary>
internal static class OpenMPThreads
{
    private const string SpinCount = "GOMP_SPINCOUNT", WaitPolicy = "OMP_WAIT_POLICY";

    /// <summary>
    /// By default they spin for about 300,000 turns, a millisecond and more, before they sleep: on processors that others use too, a
    /// training step then takes 6 to 20 times as long where two runs share a machine, instead of twice. After 3,000 turns a run alone
    /// is about as fast as before. Milliseconds of the demo's update alone, and of two runs at once, on two cores of a Xeon: 1,000 turns
    /// 76 and 125, 3,000 turns 76 and 123, 5,000 turns 70 and 131, 20,000 turns 70 and 176; 100 turns are a fifth slower alone.
    /// </summary>
    /// <remarks>Must run before libgomp is loaded, and in the C library: .NET's own variables do not reach native code.</remarks>
    /// <returns>Whether it was set: not where the user has set one of the two variables, nor where libtorch has another OpenMP.</returns>
    public static bool LimitSpinning() =>
        OperatingSystem.IsLinux()
        && Environment.GetEnvironmentVariable(SpinCount) is null && Environment.GetEnvironmentVariable(WaitPolicy) is null
        && NativeVariable.Set(SpinCount, "3000");
}
