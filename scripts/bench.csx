// Measures speed: dotnet script scripts/bench.csx                                   a training step, against what is possible
//                 dotnet script scripts/bench.csx -- data                           text to tokens to examples
//                 dotnet script scripts/bench.csx -- configs/bench.yaml key=value   another shape, precision, number of threads

#load "../core/bin/Release/net10.0/electra.csx"

using Electra.Bench;
using Electra.Experiments;

bool data = Args.FirstOrDefault() == "data";
var  args = data ? Args.Skip(1) : Args;

return await Experiment.Run<BenchConfig>(args.FirstOrDefault()?.Contains('=') ?? true ? args.Prepend("configs/bench.yaml") : args,
    run => data ? DataBench.Run(run) : TrainingBench.Run(run));
