// Tables over fine-tuning runs: mean, deviation, best and interval over seeds, beside the published numbers; Markdown, CSV, a picture.
//
//   dotnet script scripts/stats.csx -- checkpoints/glue 'compare=[demo, scratch]'
//
// Also over a CSV file of scores (model,task,run,score in per cent), alone or beside the runs.

#load "../core/bin/Release/net10.0/electra.csx"

using Electra.Running;
using Electra.Statistics;

return await Experiment.RunOn<StatisticsConfig>(Args, operand: "scores", run =>
{
    var config = run.Config;

    // ---- scores: every finished run --------------------------------------------------------------------------------
    run.Console.Heading("Runs");
    var scores = ScoreSet.Read(config.Scores, config.Groups);
    scores.Describe(run.Console);

    // ---- tables: tasks, averages, the original's tables 1, 4 and 5, and one group against another -------------------
    // Any of them alone: [ScoreTables.PerTask(scores), ScoreTables.Compared(scores, "a", "b", ComparisonTest.Welch)]
    var tables = StatisticsReport.Tables(scores, config);
    StatisticsReport.Print(tables, run.Console, config.Detail);

    // ---- Markdown, CSV and a picture ---------------------------------------------------------------------------------
    StatisticsReport.Write(tables, scores, config, run.Console);
    return 0;
});
