namespace Electra.Tests.Pretraining;

/// <summary>scripts/pretrain.csx itself, run as a user runs it, on a tiny model and a little text.</summary>
public sealed class PretrainScriptTests : IDisposable
{
    private readonly TinyPretraining tiny = new();

    public void Dispose() => tiny.Dispose();

    [Fact]
    public async Task A_run_trains_measures_saves_and_says_what_it_learned()
    {
        var run = await tiny.Done();
        run.Said("held-out: masked-token accuracy", "discriminator: AUC", "Three sentences", "→", "ElectraForPreTraining", "What next");
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
            file => Assert.True(File.Exists(tiny.File(file)), file)
        );
        Assert.False(Directory.Exists(tiny.File("runs/tiny_11081/states/step_4")), "only the last two states are kept");
    }

    [Fact]
    public async Task Losses_follow_from_the_seed_bit_for_bit()
    {
        var losses = new List<double[]>();
        foreach (var overrides in new string[][] { ["name=a"], ["name=b"], ["name=c", "seed=5"] })
        {
            await tiny.Done(overrides);
            losses.Add(RunFolders.Values(tiny.File($"runs/{overrides[0][5..]}_{(overrides.Length == 2 ? 5 : 11081)}")));
        }
        Assert.Equal(12, losses[0].Length);
        Assert.Equal(losses[0], losses[1]);
        Assert.NotEqual(losses[0], losses[2]);
    }

    [Fact]
    public async Task A_run_that_was_stopped_goes_on_as_if_it_had_not_been()
    {
        await tiny.Done("name=whole");
        // A budget of a millisecond stops after each step, as a signal does.
        for (int start = 0; start < 3; start++)
            (await tiny.Done("name=parts", "training.max_minutes=0.00001")).Said("resumes from here");
        (await tiny.Done("name=parts")).Said("Resuming from step");
        Assert.Equal(RunFolders.Values(tiny.Of("whole")), RunFolders.Values(tiny.Of("parts")));
    }

    /// <summary>In float32, where the order of a sum changes its last bits alone.</summary>
    [Fact]
    public async Task A_run_that_goes_on_with_another_micro_batch_size_learns_the_same()
    {
        await tiny.Done("name=whole", "training.precision=float32");
        foreach (int size in new[] { 3, 1, 0 })
            await tiny.Done("name=cut", "training.precision=float32", $"training.micro_batch_size={size}", "training.max_minutes=0.00001");
        (await tiny.Done("name=cut", "training.precision=float32", "training.micro_batch_size=5")).Said("Resuming from step");
        var (whole, cut) = (RunFolders.Values(tiny.Of("whole")), RunFolders.Values(tiny.Of("cut")));
        Assert.Equal(12, cut.Length);
        foreach (var (expected, actual) in whole.Zip(cut))
            Assert.Equal(expected, actual, 1e-4 * expected);
    }

    /// <summary>Lines as documents, several of which share a row.</summary>
    [Fact]
    public async Task A_run_on_packed_rows_goes_on_as_if_it_had_not_been_stopped()
    {
        string[] packed =
        [
            "corpus.documents=line",
            "examples.max_length=64",
            "examples.packing=best_fit",
            "objective.masking.unit=word",
            "objective.masking.style=fixed_share",
        ];
        (await tiny.Done(["name=whole", .. packed])).Said("packing", "rows of up to 64 tokens");
        await tiny.Done(["name=parts", "training.max_minutes=0.00001", .. packed]);
        (await tiny.Done(["name=parts", .. packed])).Said("Resuming from step");
        Assert.Equal(RunFolders.Values(tiny.Of("whole")), RunFolders.Values(tiny.Of("parts")));
        await tiny.Refused(["name=whole", .. packed, "examples.packing=none"], "packing: none");
        await tiny.Refused(["objective.masking.max_span=3"], "objective.masking.max_span", "unit=span");
    }

    [Fact]
    public async Task Mistakes_are_named_and_nothing_is_left_behind()
    {
        await tiny.Refused(["training.learning_rat=1"], "learning_rat", "learning_rate");
        await tiny.Refused(["model.attention_heads=5"], "model.attention_heads", "must divide");
        await tiny.Refused([$"corpus={tiny.File("missing.txt")}"], "missing.txt");
        await tiny.Refused(["training.batch_size=4096"], "fewer than one batch");
        await tiny.Refused(["vocabulary=google/electra-small-discriminator"], "vocabulary");
        await tiny.Refused(["compute.device=cuda:99"], "cuda:99 was asked for", "CUDA device");
        Assert.False(Directory.Exists(tiny.File("runs/tiny_11081/states")));
        await File.WriteAllTextAsync(tiny.File("runs/tiny_11081_100"), "x", TestContext.Current.CancellationToken);
        await tiny.Refused([], "tiny_11081_100 is a file: a folder is to be written there");
    }

    [Fact]
    public async Task Another_experiment_of_the_same_name_is_refused_with_what_differs()
    {
        await tiny.Done();
        var other = await tiny.Refused(["training.learning_rate=0.002", "evaluation.examples=8"], "learning_rate: 0.002");
        Assert.DoesNotContain("examples: 8", other.Error);
        Assert.Contains("learning_rate: 0.001", File.ReadAllText(tiny.File("runs/tiny_11081/config.yaml")));
        var over = await tiny.Done("training.learning_rate=0.002", "resume=never", "training.max_minutes=0.00001");
        Assert.Contains("The same command without resume=never and with a larger training.max_minutes resumes from here.", over.Output);
    }

    [Fact]
    public async Task What_a_run_leaves_is_a_configuration_and_a_model_for_the_next()
    {
        await tiny.Done("checkpoints.percents=[]");
        Assert.True(File.Exists(tiny.File("runs/tiny_11081_100/discriminator/model.safetensors")));
        foreach (var again in new string[][] { ["name=again"], ["name=more", $"init={tiny.File("runs/tiny_11081_100")}"] })
            (await ScriptRunner.Run(tiny.Folder, [tiny.Script, "--", tiny.Of("tiny", "config.yaml"), .. again])).Succeeded();
        Assert.Equal(RunFolders.Values(tiny.Of("tiny")), RunFolders.Values(tiny.Of("again")));
        await tiny.Refused(
            ["name=both", $"vocabulary={{file: {tiny.File("runs/tiny_11081_100")}, size: 120}}"],
            "vocabulary.size is of a vocabulary that is trained"
        );
    }

    [Fact, Trait("Category", "Long")]
    public async Task What_it_says_to_do_next_can_be_pasted()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs sh");
        var run = await tiny.Done("name=paste", $"checkpoints.folder={tiny.File("it's here")}");
        foreach (
            var (next, more) in new[]
            {
                ("another learning rate", " dry_run=true"),
                ("elsewhere, as ONNX", " out=" + tiny.File("exported")),
            }
        )
        {
            var command = run.Lines.Single(line => line.StartsWith($"  {next} ", StringComparison.Ordinal))[(next.Length + 2)..].Trim();
            (await new RunningScript("sh", ["-c", command + more], tiny.Folder.Path).Finish()).Succeeded();
        }
        Assert.NotEmpty(Directory.GetFiles(tiny.File("exported"), "model.onnx", SearchOption.AllDirectories));
    }
}
