// Measures speed. The first word says of what; a configuration may follow it (configs/bench.yaml unless given):
//
//   data      text to tokens to examples, in characters and tokens a second
//   weights   weights from a .safetensors file into a model
//   onnx      sentences through a model, and through ONNX Runtime on the same model exported
//   seeds     statistics over seeds: 10,000 resamples of the Multi-Bootstrap
//   ranks     a training step on several processes, which mpirun starts, against one with the threads of all
//   none      a training step, against its own matrix products and a plain port
//
//   dotnet script scripts/bench.csx -- data million_characters=4
//   dotnet script scripts/bench.csx -- weights size=base
//   dotnet script scripts/bench.csx -- configs/bench.yaml batch_size=16

#load "../core/bin/Release/net10.0/electra.csx"

using Electra.Bench;
using Electra.Running;

var what = Args.FirstOrDefault() is "data" or "weights" or "onnx" or "seeds" or "ranks" ? Args[0] : "";
var args = what == "" ? Args : Args.Skip(1);

return await Experiment.Run<BenchConfig>(args.FirstOrDefault()?.Contains('=') ?? true ? args.Prepend("configs/bench.yaml") : args,
    run => what switch
    {
        "data" => DataBench.Run(run),
        "weights" => WeightsBench.Run(run),
        "onnx" => OnnxBench.Run(run),
        "seeds" => StatisticsBench.Run(run),
        "ranks" => TrainingBench.RunOnRanks(run),
        _ => TrainingBench.Run(run),
    });
