using CsCheck;
using Electra.Optimization;

namespace Electra.Tests.Optimization;

public class ScheduleTests
{
    [Fact]
    public void Every_schedule_gives_the_rates_of_the_original_code()
    {
        foreach (var run in Golden.Json("d_schedules").EnumerateArray())
        {
            var name = run.GetProperty("schedule").GetString()!;
            long steps = run.GetProperty("total_steps").GetInt64();
            double peak = run.GetProperty("lr_max").GetDouble();
            long warmup = run.TryGetProperty("warmup_steps", out var w) ? w.GetInt64()
                : run.TryGetProperty("warmup_pct", out var share) ? (long)(share.GetDouble() * steps) : 0;
            var kind = Enum.Parse<ScheduleKind>(name.Replace("_", ""), ignoreCase: true);
            var schedule = run.TryGetProperty("pct_start", out var start)
                ? k =>
                    Schedule.OneCycle(
                        k,
                        peak,
                        steps,
                        run.GetProperty("div").GetDouble(),
                        run.GetProperty("div_final").GetDouble(),
                        start.GetDouble()
                    )
                : Schedule.Of(kind, peak, steps, warmup);
            // fastai keeps the position in a one-cycle in float32.
            double tolerance = kind is ScheduleKind.OneCycle or ScheduleKind.AdjustedOneCycle ? 2e-7 : 1e-12;

            var (ks, rates) = (run.GetProperty("steps"), run.GetProperty("lr"));
            for (int i = 0; i < ks.GetArrayLength(); i++)
            {
                var actual = schedule(ks[i].GetInt64());
                Assert.True(
                    Math.Abs(actual.LearningRate - rates[i].GetDouble()) <= tolerance * peak,
                    $"{name} of {steps} steps: {actual.LearningRate} at step {ks[i]}, not {rates[i]}"
                );
                if (run.TryGetProperty("mom", out var momentum))
                    Assert.Equal(momentum[i].GetDouble(), actual.Momentum!.Value, 2e-7);
            }
        }
    }

    /// <summary>The multipliers that Google's formula and the code of ModernBERT, cramming and transformers give.</summary>
    [Fact]
    public void Schedules_of_later_work_give_the_rates_of_their_code()
    {
        string[] others = ["one_minus_sqrt", "budget_triangle", "batch_ramp"];
        var rows = Golden.Json("m_schedules").GetProperty("rows").EnumerateArray().ToList();
        foreach (var row in rows.Where(row => !others.Contains(row.GetProperty("schedule").GetString())))
            Check(row, row.GetProperty("schedule").GetString()! switch
            {
                "poly" => (ScheduleKind.Polynomial, new() { Power = row.GetProperty("power").GetDouble() }),
                "wsd_linear" => (
                    ScheduleKind.WarmupStableDecay,
                    new() { Steps = row.GetProperty("decay_steps").GetInt64(), Final = row.GetProperty("final").GetDouble() }
                ),
                "cosine" => (ScheduleKind.Cosine, new()),
                "inverse_root" => (ScheduleKind.InverseRoot, new() { Steps = row.GetProperty("cooldown_steps").GetInt64() }),
                "cosine_inverse_root" => (ScheduleKind.CosineInverseRoot, new DecayOptions
                {
                    Steps = row.GetProperty("cooldown_steps").GetInt64(),
                    Final = row.GetProperty("final").GetDouble(),
                    CosineShare = row.GetProperty("cosine_steps").GetDouble() / row.GetProperty("total_steps").GetInt64(),
                }),
                var name => throw new InvalidOperationException($"what is {name}?"),
            });
        foreach (var row in rows.Where(row => row.GetProperty("schedule").GetString() == "one_minus_sqrt"))
            Check(
                row,
                (
                    ScheduleKind.WarmupStableDecay,
                    new()
                    {
                        Steps = row.GetProperty("decay_steps").GetInt64(),
                        Final = row.GetProperty("final").GetDouble(),
                        Form = DecayForm.OneMinusSqrt,
                    }
                )
            );
        foreach (var row in rows.Where(row => row.GetProperty("schedule").GetString() == "budget_triangle"))
            foreach (var (x, rate) in Doubles(row, "share_of_budget").Zip(Doubles(row, "multiplier")))
                Assert.Equal(rate, RateDecay.Triangle(x, 0.25, row.GetProperty("base").GetDouble()), 1e-6);
        Assert.Equal(
            [0.25, 0.75, 1, 0.4, 0],
            new[] { 0, 500, 750, 900, 1000 }.Select(k => Schedule.Of(ScheduleKind.Triangle, 1, 1000, 0)(k).LearningRate),
            (expected, actual) => Math.Abs(expected - actual) < 1e-12
        );

        static void Check(System.Text.Json.JsonElement row, (ScheduleKind Kind, DecayOptions Decay) form)
        {
            var schedule = Schedule.Of(
                form.Kind,
                1,
                row.GetProperty("total_steps").GetInt64(),
                row.GetProperty("warmup_steps").GetInt64(),
                form.Decay
            );
            // ModernBERT's warm-up begins at 1e-10 instead of 0.
            foreach (var (k, rate) in Doubles(row, "k").Zip(Doubles(row, "multiplier")))
                Assert.Equal(rate, schedule((long)k).LearningRate, 1.1e-10);
        }

        static IEnumerable<double> Doubles(System.Text.Json.JsonElement row, string name) =>
            row.GetProperty(name).EnumerateArray().Select(value => value.GetDouble());
    }

    /// <summary>Check values of Google's polynomial.</summary>
    [Theory]
    [InlineData(1.0, 50, 0.475)]
    [InlineData(0.5, 50, 0.48734)]
    [InlineData(1.0, 500, 0.5)]
    [InlineData(0.5, 500, 0.707107)]
    public void A_polynomial_warms_up_and_falls_at_once(double power, long k, double expected) =>
        Assert.Equal(expected, Schedule.Of(ScheduleKind.Polynomial, 1, 1000, 100, new() { Power = power })(k).LearningRate, 1e-5);

    [Fact]
    public void A_key_of_another_schedule_is_refused_and_not_ignored()
    {
        Assert.Equal(
            ["power: is of the schedule polynomial, and the schedule is warmup_stable_decay"],
            Problems(ScheduleKind.WarmupStableDecay, new() { Power = 0.5, Share = 0.2, Final = 0, Form = DecayForm.OneMinusSqrt })
        );
        Assert.Equal(
            ["steps: says the same as share in another way: give one of the two"],
            Problems(ScheduleKind.InverseRoot, new() { Share = 0.2, Steps = 5 })
        );
        foreach (var kind in Enum.GetValues<ScheduleKind>())
            Assert.Empty(new DecayOptions().Problems(kind));

        static IEnumerable<string> Problems(ScheduleKind kind, DecayOptions decay) =>
            decay.Problems(kind).Select(problem => $"{problem.Key}: {problem.Problem}");
    }

    [Fact]
    public void The_named_one_cycles_are_the_originals()
    {
        foreach (var (kind, divisor, share) in new[] { (ScheduleKind.OneCycle, 25, 0.25), (ScheduleKind.AdjustedOneCycle, 1e5, 0.01) })
            Assert.Equal(
                Schedule.OneCycle(777, 5e-4, 1_000_000, divisor, 1e5, share),
                Schedule.Of(kind, 5e-4, 1_000_000, warmup: 10_000)(777)
            );
    }

    [Theory]
    [InlineData(ScheduleKind.OriginalLinear)]
    [InlineData(ScheduleKind.SeparateLinear)]
    [InlineData(ScheduleKind.OneCycle)]
    [InlineData(ScheduleKind.AdjustedOneCycle)]
    [InlineData(ScheduleKind.Constant)]
    [InlineData(ScheduleKind.Polynomial)]
    [InlineData(ScheduleKind.Cosine)]
    [InlineData(ScheduleKind.WarmupStableDecay)]
    [InlineData(ScheduleKind.InverseRoot)]
    [InlineData(ScheduleKind.CosineInverseRoot)]
    [InlineData(ScheduleKind.Triangle)]
    public void Rates_stay_between_zero_and_the_peak_with_any_warmup(ScheduleKind kind)
    {
        foreach (long warmup in new[] { 0, 1, 50, 100 })
        {
            var schedule = Schedule.Of(kind, 1e-3, 100, warmup);
            Assert.All(Enumerable.Range(0, 101), k => Assert.InRange(schedule(k).LearningRate, 0, 1e-3 * (1 + 1e-9)));
        }
    }

    [Fact]
    public void Whatever_the_run_its_rates_are_numbers_that_rise_once_and_fall_once() =>
        Gen.Select(Gen.Enum<ScheduleKind>(), Gen.Double[0, 10], Gen.Long[1, 2_000_000], Gen.Double[0, 1.5], Gen.Int[2, 60])
            .Sample(
                (kind, peak, steps, warmupShare, points) =>
                {
                    var schedule = Schedule.Of(kind, peak, steps, (long)(warmupShare * steps));
                    StepRates[] rates = [.. Enumerable.Range(0, points).Select(i => schedule(steps * i / (points - 1)))];
                    Assert.All(rates, rate => Assert.InRange(rate.LearningRate, 0, peak * (1 + 1e-9)));
                    Assert.All(rates, rate => Assert.InRange(rate.Momentum ?? 0.9, 0.85 - 1e-9, 0.95 + 1e-9));
                    bool falls = false;
                    foreach (var (before, after) in rates.Zip(rates.Skip(1)))
                    {
                        Assert.False(falls && after.LearningRate > before.LearningRate + peak * 1e-12, "it rises again");
                        falls |= after.LearningRate < before.LearningRate - peak * 1e-12;
                    }
                },
                iter: 2_000
            );
}
