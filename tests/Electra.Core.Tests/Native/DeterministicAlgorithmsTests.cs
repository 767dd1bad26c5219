using Electra.Native;

namespace Electra.Tests.Native;

public sealed class DeterministicAlgorithmsTests
{
    /// <summary>libtorch's own flag, which does nothing on the CPU.</summary>
    [Fact]
    public void They_are_turned_on_and_off_in_libtorch()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the flag is reached on Linux only");
        Assert.False(DeterministicAlgorithms.AreUsed);
        try
        {
            DeterministicAlgorithms.Use(true);
            Assert.True(DeterministicAlgorithms.AreUsed);
        }
        finally
        {
            DeterministicAlgorithms.Use(false);
        }
        Assert.False(DeterministicAlgorithms.AreUsed);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(":16:8")]
    [InlineData(":4096:8")]
    public void A_workspace_with_which_cuBLAS_is_deterministic_is_left_alone(string? workspace) =>
        Assert.Null(DeterministicAlgorithms.Problem(workspace));

    [Fact]
    public void Another_workspace_is_refused() =>
        Assert.Contains("CUBLAS_WORKSPACE_CONFIG=:0:0", DeterministicAlgorithms.Problem(":0:0"));
}
