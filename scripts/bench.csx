// Measures speed: dotnet script scripts/bench.csx                                   a training step, against what is possible
//                 dotnet script scripts/bench.csx -- data                           text to tokens to examples
//                 dotnet script scripts/bench.csx -- weights size=base              safetensors to weights
//                 dotnet script scripts/bench.csx -- configs/bench.yaml key=value   another shape, precision, number of threads

#load "../core/bin/Release/net10.0/electra.csx"

using Electra.Bench;
using Electra.Running;

var what = Args.FirstOrDefault() is "data" or "weights" ? Args[0] : "";
var args = what == "" ? Args : Args.Skip(1);

return await Experiment.Run<BenchConfig>(args.FirstOrDefault()?.Contains('=') ?? true ? args.Prepend("configs/bench.yaml") : args,
    run => what switch
    {
        "data" => DataBench.Run(run),
        "weights" => WeightsBench.Run(run),
        _ => TrainingBench.Run(run),
    });
