using System.Globalization;
using System.Text.RegularExpressions;
using Electra.Bench;
using Electra.Configuration;
using Electra.Model;
using Electra.Native;
using Electra.Running;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Tests.Bench;

public sealed class BenchTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Floating_point_operations_are_counted_from_the_shapes()
    {
        // One layer, hidden 8, intermediate 16, one head, two rows of 4 tokens, in both models; then the heads.
        var config = new ElectraConfig
        {
            VocabularySize = 50,
            EmbeddingSize = 8,
            HiddenSize = 8,
            Layers = 1,
            AttentionHeads = 1,
            IntermediateSize = 16,
            GeneratorDivisor = 1,
        };
        using var products = new StepProducts(config, batch: 2, length: 4, masked: 3, Compute.Reference);
        double layer = 2 * 8 * (3 * 8 * 8 + 8 * 8 + 2 * 8 * 16) + (2 * 2 * 2 * 4 * 4 * 8);
        double heads = 2 * (3 * 8 * 8 + 3 * 8 * 50 + 8 * 8 * 8 + 8 * 8);
        Assert.Equal(3 * (2 * layer + heads), products.Flops);
        Assert.True(products.Milliseconds(1) > 0);
    }

    [Fact]
    public void Operators_are_counted_without_views()
    {
        using var x = ones(4, 4);
        if (OperatorCounter.Count(() => x.view(16).add(x.view(16)).mul(x.view(16)).Dispose()) is { } count)
            Assert.Equal(2, count);
    }

    [Fact]
    public async Task The_script_prints_the_table_for_any_shape()
    {
        string[] tiny =
        [
            "steps=3",
            "plain_steps=1",
            "batch_size=2",
            "length=16",
            "compute={device: cpu, threads: 1}",
            "model={vocabulary_size: 100, hidden_size: 32, layers: 1, attention_heads: 2, intermediate_size: 64}",
        ];
        (await ScriptRunner.Run(folder, [ScriptRunner.Kit("bench.csx"), "--", .. tiny]))
            .Succeeded()
            .Said("discriminator", "step / floor", "plain port / step", "share of peak", "peak memory");
    }

    [Fact]
    public async Task Ranks_are_measured_against_one_process()
    {
        OpenMpi.Require();
        string[] tiny =
        [
            "ranks",
            "steps=3",
            "batch_size=2",
            "length=16",
            "compute.device=cpu",
            "model={vocabulary_size: 100, hidden_size: 32, layers: 1, attention_heads: 2, intermediate_size: 64}",
        ];
        var result = await OpenMpi.StartScript(2, folder, [ScriptRunner.Kit("bench.csx"), "--", .. tiny]).Finish();
        result.Succeeded().Said("2 × 1 thread against 1 × 2 threads; Open MPI", "ratio", "of the step", "GB/s");
        Assert.Single(result.Lines, line => line.StartsWith("demo ", StringComparison.Ordinal));
        Assert.Single(result.Lines, line => line.StartsWith("small ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task One_process_is_told_how_ranks_are_started() =>
        (await ScriptRunner.Run(folder, [ScriptRunner.Kit("bench.csx"), "--", "ranks"])).Refused("mpirun -np 2");

    [Fact]
    public void Loading_weights_is_measured_and_takes_no_memory_of_its_own()
    {
        var output = new StringWriter();
        var config = Config.Parse<BenchConfig>("{model: {hidden_size: 512, attention_heads: 8, layers: 4}, steps: 9}", "bench.yaml");
        Assert.Equal(
            0,
            WeightsBench.Run(
                new Run<BenchConfig>(
                    config,
                    new RunConsole(output, terminal: null),
                    ScriptText.Read("bench.csx"),
                    TestContext.Current.CancellationToken
                )
            )
        );
        var ratio = Assert.Single(Regex.Matches(output.ToString(), @"loaded / read\s+([\d.]+)")).Groups[1].Value;
        Assert.InRange(double.Parse(ratio, CultureInfo.InvariantCulture), 0.1, 10); // about 1 on a quiet machine
        Assert.Contains("allocated beside that model        0.", output.ToString());
    }

    [Fact]
    public async Task Text_to_examples_is_measured()
    {
        using var tiny = new TinyPretraining();
        string[] data = ["data", $"corpus={tiny.File("text.txt")}", "vocabulary={size: 120}", $"datasets={tiny.File("datasets")}"];
        (await ScriptRunner.Run(tiny.Folder, [ScriptRunner.Kit("bench.csx"), "--", .. data]))
            .Succeeded()
            .Said("1 worker ", "bit-equal", "tokenizer's share", "peak memory");
    }
}
