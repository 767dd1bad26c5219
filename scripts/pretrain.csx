// Pre-trains ELECTRA: text to vocabulary, examples, generator and discriminator, and checkpoints that Hugging Face's library loads.
//
//   dotnet script scripts/pretrain.csx -- configs/demo.yaml training.steps=500
//   dotnet script scripts/pretrain.csx -- configs/demo.yaml seeds=1..8
//
// The whole experiment, top to bottom. Change a line here, or a value in the configuration or on the command line.

#load "../core/bin/Release/net10.0/electra.csx"

using Electra.Data.Corpora;
using Electra.Running;
using Electra.Model;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Tokenization;

return await Experiment.Run<PretrainConfig>(Args, Pretrain);

void Pretrain(Run<PretrainConfig> run)
{
    var config = run.Config;

    // ---- data: documents → tokens → examples, prepared once and kept under datasets/ --------------------------------
    run.Console.Heading("Data");
    var corpus    = Corpus.Open(config.Corpus);
    var tokenizer = Vocabularies.Open(config.Vocabulary, corpus, config.Datasets, run.Console, run.Stopping);
    using var initial = InitialWeights.Open(tokenizer, run); // continued pre-training: init=google/electra-small-discriminator
    using var data = PretrainData.Prepare(corpus, tokenizer, config, run.Console, run.Stopping);
    data.Describe(corpus, run.Console);
    if (config.Only == RunPart.Data) { data.Summarize(run.Console); return; }

    var compute   = Compute.Open(config.Compute, config.Training.Precision);
    if (config.Objective.Kind == ObjectiveKind.Mlm) { TrainMlm(run, tokenizer, initial, data, compute); return; }
    if (config.Objective.Kind == ObjectiveKind.Electric) { TrainElectric(run, tokenizer, initial, data, compute); return; }

    // ---- model: a generator and a discriminator that share their embeddings ------------------------------------------
    using var model = ElectraPair.Create(config.Model.For(tokenizer.Vocabulary), config.Seed, compute);
    initial.Fill(model);
    run.Console.Table(("parameters", model.Store.ParameterCount), ("device", compute));

    // ---- method: mask, generate, corrupt, discriminate, weigh (core/Pretraining/ElectraMethod.cs) ---------------------
    // Each stage can be another: ElectraMethod.From(…) with { Weigh = (generator, discriminator) => generator + 25 * discriminator }
    var method    = ElectraMethod.From(config.Objective, data.MaskingTokens(config.Objective.Masking), compute);
    var schedule  = config.Training.Rates(); // the k-th update's: or k => 1e-3 * Math.Min(1, k / 100.0)

    // ---- train: measure, save, and resume where it stopped -------------------------------------------------------------
    PretrainLoop.Train(run, data, model, method, schedule);
}

// The plain masked language model, the baseline: one network, one loss (core/Pretraining/MlmMethod.cs).
void TrainMlm(Run<PretrainConfig> run, ElectraTokenizer tokenizer, InitialWeights initial, PretrainData data, Compute compute)
{
    var config    = run.Config;
    using var model = MaskedLanguageModel.Create(config.Model.For(tokenizer.Vocabulary), config.Seed, compute);
    initial.Fill(model);
    run.Console.Table(("parameters", model.Store.ParameterCount), ("device", compute));
    var method    = MlmMethod.From(config.Objective, data.MaskingTokens(config.Objective.Masking), compute);
    PretrainLoop.Train(run, data, model, method, config.Training.Rates());
}

// Electric, an energy model that scores sentences in one pass, with a two-tower cloze model (core/Pretraining/ElectricMethod.cs).
void TrainElectric(Run<PretrainConfig> run, ElectraTokenizer tokenizer, InitialWeights initial, PretrainData data, Compute compute)
{
    var config    = run.Config;
    using var model = ElectricPair.Create(config.Model.For(tokenizer.Vocabulary), config.Seed, compute);
    initial.Fill(model);
    run.Console.Table(("parameters", model.Store.ParameterCount), ("device", compute));
    var method    = ElectricMethod.From(config.Objective, data.MaskingTokens(config.Objective.Masking), compute);
    PretrainLoop.Train(run, data, model, method, config.Training.Rates());
}
