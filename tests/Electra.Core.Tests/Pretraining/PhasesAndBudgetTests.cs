using Electra.Running;

namespace Electra.Tests.Pretraining;

/// <summary>Runs in phases, with averages, and by the clock: how they end, and what comes of them when they are stopped.</summary>
public sealed class PhasesAndBudgetTests : IDisposable
{
    private static readonly string[] Phases =
    [
        "training.steps=60",
        "training.phases=[{max_length: 16, share: 0.5}, {max_length: 32, share: 0.5, batch_size: 4}]",
        "training.averages={ema: 0.9, last: 3, every: 5, model: ema}",
        "checkpoints.every=7",
        "workers=1",
    ];

    private readonly TinyPretraining tiny = new();

    public void Dispose() => tiny.Dispose();

    [Fact]
    public async Task A_run_with_phases_and_averages_resumes_to_the_same_end()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs kill");
        await tiny.Done([.. Phases, "name=whole"]);
        foreach (int step in new[] { 12, 40 })
        {
            using var run = tiny.Start([.. Phases, "name=stopped"]);
            await run.WaitForLine($"step {step,9} ");
            run.Send("USR1");
            (await run.Finish()).Ended(75);
        }
        await tiny.Done([.. Phases, "name=stopped"]);
        foreach (
            var file in new[]
            {
                "/states/step_60/tensors.safetensors", "_100/discriminator/model.safetensors", "_100/weights/generator/model.safetensors",
                "_50/last/discriminator/model.safetensors",
            }
        )
            RunFolders.AssertSameBytes(tiny.File($"runs/whole_11081{file}"), tiny.File($"runs/stopped_11081{file}"));
        RunFolders.AssertSameLogs(tiny.Of("whole"), tiny.Of("stopped"));
        Assert.NotEqual(
            RunFolders.Hash(tiny.File("runs/whole_11081_100/discriminator/model.safetensors")),
            RunFolders.Hash(tiny.File("runs/whole_11081_100/weights/discriminator/model.safetensors"))
        );
        var card = File.ReadAllText(tiny.File("runs/whole_11081_100/discriminator/README.md"));
        Assert.Contains("the exponential moving average of decay 0.9", card);
        Assert.Contains("up to update 30 8 examples of up to 16 tokens", card);
        Assert.Contains("FLOPs by Google's count", card);
        Assert.Contains(MetricsLog.Read(tiny.Of("whole")), row => row.Values.ContainsKey("held_out/ema_auc"));
    }

    /// <summary>What is kept beside the weights changes nothing that they learn.</summary>
    [Fact]
    public async Task Averages_are_never_fed_back()
    {
        await tiny.Done("name=plain");
        await tiny.Done("name=averaged", "training.averages={ema: 0.5, last: 2, every: 3}");
        Assert.Equal(RunFolders.Values(tiny.Of("plain")), RunFolders.Values(tiny.Of("averaged")));
        RunFolders.AssertSameBytes(
            tiny.File("runs/plain_11081_100/discriminator/model.safetensors"),
            tiny.File("runs/averaged_11081_100/discriminator/model.safetensors")
        );
    }

    [Fact]
    public async Task A_budget_ends_the_run_annealed_and_goes_on_where_it_was_stopped()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs kill");
        string[] budget = ["training.budget=6s", "logging.every=20", "name=timed"];
        using (var run = tiny.Start(budget))
        {
            await run.WaitForLine("step        20 ");
            run.Send("USR1");
            (await run.Finish()).Ended(75);
        }
        (await tiny.Done(budget)).Said("Resuming from step", "The rate follows the clock", "What it learned");
        double[] shares = RunFolders.Values(tiny.Of("timed"), "budget_share");
        Assert.Equal(0, shares[0]);
        Assert.Equal(shares.Order(), shares);
        Assert.InRange(shares[^1], 0, 1);
        // The recipe's schedule over millionths of the time, a tenth of it warm-up, however long each update took.
        double[] scheduled =
        [
            .. shares.Select(share => Math.Floor(share * 1e6) / 1e6).Select(share => 1e-3 * Math.Min(1, share / 0.1) * (1 - share)),
        ];
        Assert.All(
            RunFolders.Values(tiny.Of("timed"), "learning_rate"),
            rate => Assert.Contains(scheduled, expected => Math.Abs(rate - expected) < 1e-12)
        );
        Assert.True(File.Exists(tiny.File("runs/timed_11081_50/discriminator/model.safetensors")));
        Assert.True(PretrainResult.IsIn(tiny.Of("timed")));
        Assert.Equal(shares.Length, PretrainResult.Load(tiny.Of("timed")).Updates);
        (await tiny.Done(budget)).Said("This run is complete");
    }

    [Theory]
    [InlineData("training={steps: 9, budget: 8h}", "training.budget", "give one of the two")]
    [InlineData("training={warmup_steps: 5, budget: 8h}", "training.warmup_steps", "training.warmup_share")]
    [InlineData("training.budget=8 hours", "training.budget", "a time such as 90m, 8h or 1d12h")]
    [InlineData("training.budget=0h", "training.budget", "cannot be 0h")]
    [InlineData("training={budget: 8h, schedule: inverse_root, warmup_share: 0}", "training.schedule", "without a warm-up")]
    [InlineData("training.steps=0", "training.steps", "at least 1")]
    [InlineData("training={warmup_steps: 5, warmup_share: 0.1}", "training.warmup_share", "give one of the two")]
    [InlineData("training.decay.power=2", "training.decay.power", "is of the schedule polynomial")]
    [InlineData("training.averages.model=ema", "training.averages.model", "averages.ema=0.999 keeps one")]
    [InlineData("training.phases=[{max_length: 32, share: 0.5}]", "training.phases", "add up to 0.5")]
    [InlineData("training.phases=[{max_length: 16, share: 1}]", "training.phases", "examples.max_length")]
    [InlineData("training.phases=[{max_length: 32, share: 0.01}, {max_length: 32, share: 0.99}]", "training.phases", "is none")]
    [InlineData("training.phases=[{max_length: 32, share: 0.5}, {max_length: 32, share: 0.5, warmup_steps: 9}]", "is warm-up (9)")]
    [InlineData("training.phases=[{max_length: 1024, share: 1}]", "training.phases", "model.max_positions")]
    public async Task Keys_that_contradict_each_other_are_refused(string value, params string[] said) => await tiny.Refused([value], said);
}
