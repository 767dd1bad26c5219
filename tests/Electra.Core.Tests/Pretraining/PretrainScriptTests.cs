using System.Text.Json;
using Electra.Tests.Scripting;

namespace Electra.Tests.Pretraining;

/// <summary>scripts/pretrain.csx itself, run as a user runs it, on a tiny model and a little text.</summary>
public sealed class PretrainScriptTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public PretrainScriptTests() => TinyExperiment.Write(folder);

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_run_trains_measures_saves_and_says_what_it_learned()
    {
        var run = await Pretrain();
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.All(
            ["held-out: masked-token accuracy", "discriminator: AUC", "Three sentences", "→", "ElectraForPreTraining", "What next"],
            part => Assert.Contains(part, run.Output)
        );
        Assert.DoesNotContain("\u001b[", run.Output, StringComparison.Ordinal);
        Assert.All(
            [
                "runs/tiny_11081/config.yaml",
                "runs/tiny_11081/metrics.jsonl",
                "runs/tiny_11081/curves.png",
                "runs/tiny_11081/states/step_12/state.json",
                "runs/tiny_11081_50/discriminator/model.safetensors",
                "runs/tiny_11081_100/generator/config.json",
                "runs/tiny_11081_100/discriminator/vocab.txt",
            ],
            file => Assert.True(File.Exists(folder.File(file)), file)
        );
        Assert.False(Directory.Exists(folder.File("runs/tiny_11081/states/step_4")), "only the last two states are kept");
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_losses_bit_for_bit_and_another_one_others()
    {
        var losses = new List<double[]>();
        foreach (var overrides in new string[][] { ["name=a"], ["name=b"], ["name=c", "seed=5"] })
        {
            Assert.Equal(0, (await Pretrain(overrides)).ExitCode);
            losses.Add(Losses($"runs/{overrides[0][5..]}_{(overrides.Length == 2 ? 5 : 11081)}"));
        }
        Assert.Equal(12, losses[0].Length);
        Assert.Equal(losses[0], losses[1]);
        Assert.NotEqual(losses[0], losses[2]);
    }

    [Fact]
    public async Task A_run_that_was_stopped_goes_on_as_if_it_had_not_been()
    {
        Assert.Equal(0, (await Pretrain("name=whole")).ExitCode);
        // A budget of a millisecond stops after each step, as a signal does.
        for (int start = 0; start < 3; start++)
        {
            var stopped = await Pretrain("name=parts", "training.max_minutes=0.00001");
            Assert.Equal(0, stopped.ExitCode);
            Assert.Contains("goes on from here", stopped.Output);
        }
        var finished = await Pretrain("name=parts");
        Assert.Contains("Going on from step", finished.Output);
        Assert.Equal(Losses("runs/whole_11081"), Losses("runs/parts_11081"));
    }

    [Fact]
    public async Task Ctrl_c_saves_and_says_how_to_go_on()
    {
        var process = ScriptRunner.Start(
            folder,
            "-c",
            "release",
            TinyExperiment.Script,
            "--",
            folder.File("tiny.yaml"),
            "training.steps=100000",
            "checkpoints.every=0"
        );
        var cancellation = TestContext.Current.CancellationToken;
        while (await process.StandardOutput.ReadLineAsync(cancellation) is { } line && !line.Contains("step         5 "))
        {
        }
        using (var kill = System.Diagnostics.Process.Start("kill", ["-TERM", process.Id.ToString()]))
            await kill.WaitForExitAsync(cancellation);
        var stopped = await ScriptRunner.Finish(process);
        Assert.Equal(143, stopped.ExitCode);
        Assert.Contains("The same command goes on from here", stopped.Output);
        Assert.Single(Directory.GetDirectories(folder.File("runs/tiny_11081/states")));
    }

    [Fact]
    public async Task Mistakes_are_named_and_nothing_is_left_behind()
    {
        await Refused(["training.learning_rat=1"], "learning_rat", "learning_rate");
        await Refused(["model.attention_heads=5"], "model.attention_heads", "must divide");
        await Refused([$"corpus={folder.File("missing.txt")}"], "missing.txt");
        await Refused(["training.batch_size=4096"], "fewer than one batch");
        await Refused(["vocabulary=google/electra-small-discriminator"], "vocabulary");
        await Refused(["compute.device=cuda:99"], "cuda:99 was asked for", "CUDA device");
        Assert.False(Directory.Exists(folder.File("runs/tiny_11081/states")));

        async Task Refused(string[] overrides, params string[] said)
        {
            var run = await Pretrain(overrides);
            Assert.Equal(1, run.ExitCode);
            Assert.All(said, part => Assert.Contains(part, run.Error));
            Assert.DoesNotContain("   at ", run.Error);
        }
    }

    [Fact]
    public async Task Another_experiment_of_the_same_name_is_refused_with_what_differs()
    {
        Assert.Equal(0, (await Pretrain()).ExitCode);
        var other = await Pretrain("training.learning_rate=0.002", "evaluation.examples=8");
        Assert.Equal(1, other.ExitCode);
        Assert.Contains("learning_rate: 0.002", other.Error);
        Assert.DoesNotContain("examples: 8", other.Error);
        Assert.Contains("learning_rate: 0.001", File.ReadAllText(folder.File("runs/tiny_11081/config.yaml")));
        var over = await Pretrain("training.learning_rate=0.002", "resume=never", "training.max_minutes=0.00001");
        Assert.True(over.ExitCode == 0, over.Error);
        Assert.Contains("The same command without resume=never and with a larger training.max_minutes goes on from here.", over.Output);
    }

    [Fact]
    public async Task What_a_run_leaves_can_be_run_again_and_trained_on()
    {
        var run = await Pretrain("checkpoints.percents=[]");
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.True(File.Exists(folder.File("runs/tiny_11081_100/discriminator/model.safetensors")));
        foreach (var again in new string[][] { ["name=again"], ["name=more", $"init={folder.File("runs/tiny_11081_100")}"] })
        {
            var other = await ScriptRunner.Run(
                folder,
                ["-c", "release", TinyExperiment.Script, "--", folder.File("runs/tiny_11081/config.yaml"), .. again]
            );
            Assert.True(other.ExitCode == 0, other.Error);
        }
        Assert.Equal(Losses("runs/tiny_11081"), Losses("runs/again_11081"));
        var both = await Pretrain("name=both", $"vocabulary={{file: {folder.File("runs/tiny_11081_100")}, size: 120}}");
        Assert.Contains("vocabulary.size is of a vocabulary that is trained", both.Error);
    }

    [Fact]
    public async Task What_it_says_to_do_next_can_be_pasted()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs sh");
        var run = await Pretrain("name=paste", $"checkpoints.folder={folder.File("it's here")}");
        Assert.True(run.ExitCode == 0, run.Error);
        foreach (
            var (next, more) in new[]
            {
                ("another learning rate", " dry_run=true"),
                ("elsewhere, as ONNX", " out=" + folder.File("exported")),
            }
        )
        {
            var command = run.Lines.Single(line => line.StartsWith($"  {next} ", StringComparison.Ordinal))[(next.Length + 2)..].Trim();
            var pasted = await ScriptRunner.Finish(
                ScriptRunner.StartProgram("sh", folder.Path, new Dictionary<string, string>(), "-c", command + more)
            );
            Assert.True(pasted.ExitCode == 0, $"{command}\n{pasted.Output}{pasted.Error}");
        }
        Assert.NotEmpty(Directory.GetFiles(folder.File("exported"), "model.onnx", SearchOption.AllDirectories));
    }

    private Task<ScriptResult> Pretrain(params string[] overrides) =>
        ScriptRunner.Run(
            folder,
            ["-c", "release", TinyExperiment.Script, "--", folder.File("tiny.yaml"), "compute.threads=1", .. overrides]
        );

    private double[] Losses(string run) =>
    [
        .. from line in File.ReadLines(folder.File($"{run}/metrics.jsonl"))
           let json = JsonDocument.Parse(line).RootElement
           where json.TryGetProperty("loss", out _)
           select json.GetProperty("loss").GetDouble(),
    ];
}
