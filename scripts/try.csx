// Asks a trained model: type sentences, and see which tokens the discriminator suspects and what the generator would say. Reads a pipe too.
//
//   dotnet script scripts/try.csx -- checkpoints/pretrain/demo_36_100
//   echo "The method [MASK] a value." | dotnet script scripts/try.csx -- google/electra-small-discriminator google/electra-small-generator
//
// In a sentence with [MASK] the masks are filled; in any other the suspected tokens are marked: the {moon? 83% → river 40%, house 12%}.

#load "../core/bin/Release/net10.0/electra.csx"

using Electra.Pretraining;
using Electra.Running;
using Electra.Tensors;

return await Experiment.RunOn<TryConfig>(Args, operand: "models", run =>
{
    var config  = run.Config;
    var compute = Compute.Open(config.Compute, Precision.Float32);
    using var model = TrainedModel.Open(config.Models[0], config.Models.ElementAtOrDefault(1), compute, run.Console, run.Stopping);
    foreach (var sentence in run.Lines("> "))
        run.Console.Line(model.Annotate(sentence, config.Best, config.Threshold));
    return 0;
});
