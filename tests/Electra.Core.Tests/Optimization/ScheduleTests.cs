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
