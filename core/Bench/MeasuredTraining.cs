using Electra.Data;
using Electra.Distributed;
using Electra.Model;
using Electra.Optimization;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Bench;

/// <summary>The training code itself, on one batch, with a clock between its stages.</summary>
internal sealed class MeasuredTraining : IDisposable
{
    private readonly TokenBatch batch;
    private readonly RandomKey key;
    private readonly ElectraPair model;
    private readonly Adam optimizer;
    private readonly ElectraMethod method;
    private readonly TrainingStep step;
    private long k;

    public MeasuredTraining(
        BenchConfig config,
        PretrainConfig options,
        MaskingTokens tokens,
        TokenBatch batch,
        RandomKey key,
        Compute compute,
        ICommunicator ranks
    )
    {
        (this.batch, this.key) = (batch, key);
        model = ElectraPair.Create(config.Model, config.Seed, compute);
        model.Store.Recomputes = config.Recompute;
        optimizer = new Adam(model.Store, options.Optimizer);
        Clock = new StageClock(compute);
        Memory = PretrainMemory.Of(
            options with
            {
                Model = config.Model,
                Examples = options.Examples with { MaxLength = config.Length },
                Training = options.Training with { BatchSize = config.BatchSize, MicroBatchSize = 0, Recompute = config.Recompute },
            },
            config.Model.VocabularySize,
            model.Store
        );
        method = Clock.Between(ElectraMethod.From(options.Objective, tokens, compute) with { Ranks = ranks });
        step = new TrainingStep(model.Store, optimizer, method.LossNames.Count)
        {
            Finished = stage => Clock.Mark(stage == "forward" ? "other" : stage),
            Ranks = ranks,
        };
    }

    public StageClock Clock { get; }

    /// <summary>What a step should take of a GPU's memory.</summary>
    public TrainingMemory Memory { get; }

    public Tensor Gradients => model.Store.Gradients;

    public long Parameters => model.Store.ParameterCount;

    public void Step() => step.Run(k, method.Passes(model, [batch], key[k++]), new StepRates(1e-4));

    public void TimedStep()
    {
        Clock.Begin();
        Step();
        Clock.End();
        if (model.Store.Compute.IsCuda)
            Clock.WholeSteps(Step);
    }

    /// <summary>The mean loss of the steps since it was last asked for; waits for the device.</summary>
    public double MeanLoss() => step.Read().Average(update => update.Loss);

    public void Dispose()
    {
        step.Dispose();
        optimizer.Dispose();
        model.Dispose();
    }
}
