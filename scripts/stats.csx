// Statistics over runs: what may be concluded of two groups, mean, deviation and interval over seeds; Markdown, CSV, a picture.
//
//   dotnet script scripts/stats.csx -- checkpoints/glue 'compare=[demo, scratch]'
//   dotnet script scripts/stats.csx -- checkpoints/pretrain group=demo
//   dotnet script scripts/stats.csx -- checkpoints/pretrain checkpoints/glue
//
// Also over a CSV file of scores (model,task,run,score in per cent), alone or beside the runs.

#load "../core/bin/Release/net10.0/electra.csx"

using Electra.Finetuning;
using Electra.Pretraining;
using Electra.Running;
using Electra.Statistics;

return await Experiment.RunOn<StatisticsConfig>(Args, operand: "scores", run =>
{
    var config = run.Config;

    // ---- both kinds: a row for each experiment ------------------------------------------------------------------------
    if (SideBySide.IsAskedOf(config.Scores))
    {
        SideBySide.Write<PretrainConfig, FinetuneConfig>(config, run.Console);
        return 0;
    }

    // ---- pre-training runs: every held-out figure over seeds, all curves in one picture --------------------------------
    if (PretrainSet.IsIn(config.Scores))
    {
        var runs = PretrainSet.Read<PretrainConfig>(config.Scores, config.Groups.Count > 0 ? config.Groups : config.Compare);
        runs.Describe(run.Console);
        PretrainReport.Write(runs, config, run.Console);
        return 0;
    }

    // ---- scores: every finished run --------------------------------------------------------------------------------
    run.Console.Heading("Runs");
    var scores = ScoreSet.Read<FinetuneConfig>(config.Scores, config.Groups);
    scores.Describe(run.Console);

    // ---- tables: the conclusion first; all others, the original's among them, with detail=true -----------------------
    // Any of them alone: [ScoreTables.PerTask(scores), ScoreTables.Compared(scores, "a", "b", ComparisonTest.Welch)]
    var tables = StatisticsReport.Tables(scores, config);
    StatisticsReport.Print(tables, run.Console, config.Detail);

    // ---- Markdown, CSV and a picture ---------------------------------------------------------------------------------
    StatisticsReport.Write(tables, scores, config, run.Console);
    return 0;
});
