// Fine-tunes ELECTRA on GLUE or tasks of your own: every task × every run, each with its scores, dev predictions and weights.
//
//   dotnet script scripts/finetune.csx -- configs/glue.yaml checkpoint=checkpoints/pretrain/small_11081_100 'tasks=[rte, cola]' runs=0..9
//
// A run that is finished is never made again: the same command resumes where it stopped.

#load "../core/bin/Release/net10.0/electra.csx"

using Electra.Running;
using Electra.Finetuning;
using Electra.Tensors;

return await Experiment.Run<FinetuneConfig>(Args, run =>
{
    var config = run.Config;

    // ---- checkpoint and data: rows → tokens, encoded once and kept under datasets/ ------------------------------------
    run.Console.Heading("Checkpoint and data");
    using var start = FinetuneStart.Open(config, run.Console, run.Stopping);

    // ---- method: outputs, loss, a rate for each layer, how it moves (core/Finetuning/FinetuneMethod.cs) ----------------
    // Each can be another: FinetuneMethod.From(…) with
    // { Loss = (task, logits, labels) => cross_entropy(logits, labels.to(int64), label_smoothing: 0.1) }
    var method  = FinetuneMethod.From(config.Training);
    var compute = Compute.Open(config.WorkerCompute, config.Training.Precision);
    run.Console.Table(("device", compute), ("workers", config.Workers));

    // ---- runs: train, measure after every epoch, save --------------------------------------------------------------------
    FinetuneLoop.Train(run, start, method, compute);
});
