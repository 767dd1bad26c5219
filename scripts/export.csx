// Takes models elsewhere: to a folder that Hugging Face's library loads, or to ONNX (float32, float16, int8), each with a model card.
//
//   dotnet script scripts/export.csx -- checkpoints/pretrain/small_11081_100 to=onnx
//   dotnet script scripts/export.csx -- google/electra-small-discriminator to=onnx features=true
//   dotnet script scripts/export.csx -- checkpoints/pretrain/small_11081_50 checkpoints/pretrain/small_11081_100 merge=mean
//
// Whatever the kit can open: its own runs, fine-tuned ones too, Hugging Face folders, .safetensors, .bin and .pth files, TensorFlow
// checkpoints of Google's code, Google's archives as they are downloaded (electra_small.zip), names on the hub.

#load "../core/bin/Release/net10.0/electra.csx"

using Electra.Checkpoints;
using Electra.Running;
using Electra.Export;

return await Experiment.RunOn<ExportConfig>(Args, operand: "models", run =>
{
    var models = run.Config.Models.Select(source => PretrainedModel.Open(source, run.Config.Part, run.Console, run.Stopping));
    if (run.Config.Merge != "")
        models = [PretrainedModel.Merge(run.Config.Merge, [.. models], run.Config.MergeWeights)];
    foreach (var model in models)
    {
        using var opened = model;
        var folder = ModelExport.Write(model, run.Config);
        ModelExport.Describe(model, folder, run.Console);
        ModelExport.Compare(model, folder, run.Config, run.Console, run.Stopping);
    }
    return 0;
});
