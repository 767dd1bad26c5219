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

    /// <summary>On a GPU the backward pass has a thread of its own.</summary>
    [Fact]
    public void Operators_of_other_threads_are_counted_where_they_are_asked_for()
    {
        using var x = ones(4, 4);
        long? Count(bool onAllThreads) => OperatorCounter.Count(
            () =>
            {
                var other = new Thread(() => x.add(x).Dispose());
                other.Start();
                other.Join();
            },
            onAllThreads
        );
        Assert.SkipWhen(Count(false) is null, "operators are counted on Linux on x64 alone");
        Assert.Equal(0, Count(false));
        Assert.InRange(Count(true)!.Value, 1, long.MaxValue); // other tests run beside this one
    }

    /// <summary>On a GPU an operator on a list of tensors is a few kernels, however many they are.</summary>
    [Fact]
    public void An_operator_on_a_list_counts_once()
    {
        Tensor[] sums = [.. Enumerable.Range(0, 5).Select(_ => zeros(2))], terms = [.. sums.Select(_ => ones(2))];
        if (OperatorCounter.Count(() => TensorFunctions.AddEach(sums, terms)) is { } count)
            Assert.Equal(1, count);
        TensorFunctions.CopyEach(terms, sums);
        Assert.All(sums.Concat(terms), sum => Assert.Equal([1f, 1f], sum.data<float>()));
    }

    /// <summary>A wait after each stage, as the table of stages needs it, would be measured with the steps of a GPU.</summary>
    [Fact]
    public void Steps_of_a_GPU_are_timed_without_a_wait_between_them()
    {
        int waits = 0, steps = 0;
        var clock = new StageClock(Compute.Reference with { TakesStepsOfCuda = true }) { Wait = () => waits++ };
        void Step()
        {
            steps++;
            clock.Mark("forward");
        }
        clock.Begin();
        Step();
        clock.End();
        Assert.Equal((1, 1, 0), (waits, steps, clock.Totals.Count));
        clock.WholeSteps(Step);
        Assert.Equal((3, 11, 1), (waits, steps, clock.Totals.Count));
        Assert.Single(Assert.Single(clock.Stages).Times);
    }

    [Fact]
    public void Work_on_a_GPU_is_timed_many_times_between_two_waits()
    {
        var (waits, calls) = (0, 0);
        Tensor Work()
        {
            calls++;
            return ones(1);
        }
        double Best(bool isCuda) =>
            StepProducts.Best(Compute.Reference with { TakesStepsOfCuda = isCuda }, 2, Work, () => waits++);
        Assert.True(Best(isCuda: true) >= 0);
        Assert.Equal((3, 60), (waits, calls));
        Best(isCuda: false);
        Assert.Equal((3, 63), (waits, calls));
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
        Assert.Equal(0, WeightsBench.Run(RunOf(config, output)));
        var ratio = Assert.Single(Regex.Matches(output.ToString(), @"loaded / read\s+([\d.]+)")).Groups[1].Value;
        Assert.True(double.Parse(ratio, CultureInfo.InvariantCulture) > 0);
        Assert.Contains("allocated beside that model        0.", output.ToString());
    }

    [Fact]
    public void Sentences_are_measured_beside_ONNX_Runtime()
    {
        var output = new StringWriter();
        var config = Config.Parse<BenchConfig>(
            "{model: {vocabulary_size: 100, hidden_size: 128, layers: 1, attention_heads: 4, intermediate_size: 128}, steps: 3}",
            "bench.yaml"
        );
        Assert.Equal(0, OnnxBench.Run(RunOf(config, output)));
        Assert.Equal(3, Regex.Count(output.ToString(), @"(?m)^ *(32|8|1)( +\d+\.\d\d){4}"));
    }

    private static Run<BenchConfig> RunOf(BenchConfig config, StringWriter output) =>
        new(
            config,
            new RunConsole(output, terminal: null),
            ScriptText.Read("bench.csx"),
            TestContext.Current.CancellationToken
        );

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
