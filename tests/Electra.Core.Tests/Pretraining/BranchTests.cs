using System.Text.Json.Nodes;
using Electra.Checkpoints.Formats;

namespace Electra.Tests.Pretraining;

/// <summary>Runs that are prolonged and annealed from a state of another.</summary>
public sealed class BranchTests : IDisposable
{
    private static readonly string[] Stable =
    [
        "training.schedule=warmup_stable_decay", "training.decay.share=0.25", "training.averages.ema=0.9", "checkpoints.keep_last=9",
    ];

    private readonly TinyPretraining tiny = new();

    public void Dispose() => tiny.Dispose();

    [Fact]
    public async Task A_run_prolonged_from_its_stable_part_is_the_longer_run_bit_for_bit()
    {
        await tiny.Done([.. Stable, "name=whole", "training.steps=24"]);
        await tiny.Done([.. Stable, "name=short", "training.steps=16"]);

        var branched = await tiny.Done([.. Stable, "name=longer", "training.steps=24", $"branch_from={tiny.Of("short", "states/step_8")}"]);
        branched.Said("Branching at step 8 from");
        RunFolders.AssertSameBytes(
            tiny.Of("whole", "states/step_24/tensors.safetensors"),
            tiny.Of("longer", "states/step_24/tensors.safetensors")
        );
        Assert.Equal(RunFolders.Values(tiny.Of("whole"))[8..], RunFolders.Values(tiny.Of("longer")));
        Assert.Equal(Result("whole")["flops"]!.GetValue<double>(), Result("longer")["flops"]!.GetValue<double>());
        Assert.Equal(Result("whole")["parameter_flops"]!.GetValue<double>(), Result("longer")["parameter_flops"]!.GetValue<double>());
        var card = File.ReadAllText(tiny.File("runs/longer_11081_100/discriminator/README.md"));
        Assert.Contains("short_11081/states/step_8, after 8 updates", card);

        (await tiny.Done([.. Stable, "name=longer", "training.steps=24", $"branch_from={tiny.Of("short", "states/step_8")}"]))
            .Said("This run is complete");
        // The newest state of a run is its end: what else is different is what one wants to know.
        (await tiny.Done(["name=cooled", "training.steps=20", "training.schedule=constant", $"branch_from={tiny.Of("short")}"]))
            .Said("Branching at step 16 from");
        await tiny.Refused(
            ["name=cooled", "training.steps=20", "training.schedule=constant", $"branch_from={tiny.Of("short", "states/step_8")}"],
            "is another experiment",
            "branch_from"
        );
    }

    [Fact]
    public async Task A_branch_that_cannot_be_is_refused_in_words()
    {
        await tiny.Done("name=base");
        var states = tiny.Of("base", "states");
        await tiny.Refused(["name=b", $"branch_from={states}/step_12"], "has 12 updates, and training.steps counts these too");
        await tiny.Refused(["name=b", $"branch_from={states}/step_7"], "there is no saved state in", "There is step_8, step_12");
        await tiny.Refused(["name=b", $"branch_from={tiny.File("nowhere")}"], "there is no saved state in", "such as checkpoints/pretrain");
        await tiny.Refused(
            ["name=b", "training.steps=20", $"branch_from={states}/step_8", "model.hidden_size=64"],
            "is of a model with other parameters"
        );
        string[] tokens = File.ReadAllLines(tiny.File("runs/base_11081_100/discriminator/vocab.txt"));
        File.WriteAllLines(tiny.File("vocab.txt"), [.. tokens[..^2], tokens[^1], tokens[^2]]);
        await tiny.Refused(
            [
                "name=b", "training.steps=20", $"branch_from={states}/step_8", $"vocabulary.file={tiny.File("vocab.txt")}",
                "vocabulary.size=null",
            ],
            "was trained with another vocabulary"
        );
        await tiny.Refused(["name=b", $"branch_from={states}/step_8", "init=x"], "branch_from", "brings its own weights");
        Assert.False(Directory.Exists(tiny.File("runs/b_11081_100")));
    }

    [Fact]
    public async Task A_branch_may_keep_other_averages_and_is_of_another_run()
    {
        await tiny.Done("name=base", "training.averages={last: 2, every: 2}");
        var from = $"branch_from={tiny.Of("base", "states/step_8")}";
        await tiny.Refused(["name=base", "resume=never", "training.steps=20", from], "is of this run itself", "name=");
        await tiny.Refused(["name=base", "resume=never", "training.steps=5", from], "is of this run itself");
        Assert.True(File.Exists(tiny.Of("base", "states/step_8/state.json")));

        await tiny.Done("name=b", "training.steps=20", "training.averages={last: 3, every: 6}", from);
        // The snapshots are of 12 and 18, and of no run before.
        using var state = SafeTensorsFile.Open(tiny.Of("b", "states/step_20/tensors.safetensors"));
        Assert.Equal(2, state.Load("latest_taken").item<long>());

        await tiny.Refused(
            ["name=b", "resume=never", "training.steps=5", from],
            "has 8 updates, and training.steps counts these too"
        );
        Assert.True(File.Exists(tiny.Of("b", "states/step_20/state.json")), "what the run left stays until there is another");
    }

    private JsonObject Result(string name) => JsonNode.Parse(File.ReadAllText(tiny.Of(name, "result.json")))!.AsObject();
}
