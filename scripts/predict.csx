// Predicts with fine-tuned runs: test sets, as gluebenchmark.com wants them, or any lines of text (predict.input; - is the standard input).
//
//   dotnet script scripts/predict.csx -- configs/demo-glue.yaml
//   dotnet script scripts/predict.csx -- configs/glue.yaml tasks=rte predict.input=pairs.txt
//   dotnet script scripts/predict.csx -- configs/score.yaml checkpoint=google/electra-small-generator predict.input=sentences.txt

#load "../core/bin/Release/net10.0/electra.csx"

using Electra.Running;
using Electra.Finetuning;
using Electra.Finetuning.Prediction;
using Electra.Scoring;
using Electra.Tensors;

return await Experiment.RunOnce<FinetuneConfig>(Args, run =>
{
    var config  = run.Config;
    var compute = Compute.Open(config.Compute, config.Training.Precision);

    // ---- scores of sentences, minimal pairs or lists of hypotheses, by the model as it was pre-trained -------------------
    if (config.Predict.Score != SentenceScoreKind.None) return SentenceScores.Write(run, compute);

    // ---- lines of text: label and probability out ----------------------------------------------------------------------
    if (config.Predict.Input != "") return TextPredictions.Predict(run, compute);

    // ---- runs: of each task the best by its dev metric, or those that are named; several are an ensemble ----------------
    run.Console.Heading("Runs");
    var chosen = ChosenRuns.Choose(config);
    ChosenRuns.Describe(chosen, run.Console);

    // ---- test sets: outputs for every row, averaged over the runs of an ensemble ------------------------------------------
    run.Console.Heading("Test sets");
    var tests = TestSets.Predict(chosen, config, compute, run.Console, run.Stopping);

    // ---- a file each, zipped, and checked as the site checks it -------------------------------------------------------------
    run.Console.Heading("Predictions");
    return Submission.Write(Path.Combine(config.Predict.Folder, config.Group), tests, run.Console);
});
