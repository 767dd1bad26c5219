using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text.Json;

namespace Electra.Tests.Pretraining;

/// <summary>
/// The losses of a hundred updates, as they were when the fixture was made: what changes them, changes what is learned. A change that
/// is meant makes the fixture anew: ELECTRA_UPDATE_FIXTURES=1.
/// </summary>
public sealed class GoldenCurveTests : IDisposable
{
    private const string Fixture = "golden_curve.json";

    private readonly TinyPretraining tiny = new();

    public void Dispose() => tiny.Dispose();

    private sealed record Curve(string Cpu, double[] Losses);

    [Fact]
    public async Task A_hundred_updates_have_the_losses_that_they_had()
    {
        await tiny.Done("training.precision=float32", "training.steps=100", "checkpoints.every=0");
        var losses = RunFolders.Values(tiny.Of("tiny"));
        if (Environment.GetEnvironmentVariable("ELECTRA_UPDATE_FIXTURES") == "1")
            File.WriteAllText(
                Path.Combine(TestData.Repository, "tests/Electra.Core.Tests/fixtures", Fixture),
                JsonSerializer.Serialize(new Curve(Cpu, losses)) + "\n"
            );

        var golden = JsonSerializer.Deserialize<Curve>(File.ReadAllText(TestData.Fixture(Fixture)))!;
        Assert.Equal(100, golden.Losses.Length);
        if (golden.Cpu == Cpu)
            Assert.Equal(golden.Losses, losses);
        // Elsewhere other kernels round otherwise: the same at first, and as good in the end.
        foreach (var (expected, actual) in golden.Losses.Zip(losses).Take(5))
            Assert.Equal(expected, actual, 1e-3 * expected);
        Assert.Equal(golden.Losses[^20..].Average(), losses[^20..].Average(), 0.05 * golden.Losses[^20..].Average());
    }

    /// <summary>What decides which kernels compute: the processor's name, family and model, and which vector instructions it has.</summary>
    private static string Cpu
    {
        get
        {
            if (!X86Base.IsSupported)
                return $"{RuntimeInformation.OSArchitecture}";
            // CPUID leaves 0x80000002 to 4: the brand, sixteen letters each.
            int[] registers =
            [
                .. Enumerable
                    .Range(0, 3)
                    .Select(i => X86Base.CpuId(unchecked((int)0x80000002) + i, 0))
                    .SelectMany(leaf => new[] { leaf.Eax, leaf.Ebx, leaf.Ecx, leaf.Edx }),
            ];
            var name = System.Text.Encoding.ASCII.GetString(MemoryMarshal.AsBytes(registers.AsSpan())).Trim('\0', ' ');
            var (features, moreFeatures) = (X86Base.CpuId(7, 0), X86Base.CpuId(7, 1));
            // Limits that are set from outside choose other kernels.
            var limits = string.Concat(
                new[] { "MKL_ENABLE_INSTRUCTIONS", "DOTNET_EnableAVX512" }.Select(Environment.GetEnvironmentVariable)
            );
            return $"{name} {X86Base.CpuId(1, 0).Eax:x} {features.Ebx:x} {moreFeatures.Eax:x}{limits}";
        }
    }
}
