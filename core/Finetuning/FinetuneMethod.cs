using Electra.Data;
using Electra.Data.Tasks;
using Electra.Model;
using Electra.Optimization;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Finetuning;

/// <summary>
/// ELECTRA's fine-tuning on one page: outputs for a batch, their loss, how fast each layer learns, and how the rate moves.
/// </summary>
/// <remarks>Each stage is a function that a script may replace: <c>method with { Loss = (task, logits, labels) => … }</c>.</remarks>
public sealed record FinetuneMethod
{
    /// <summary>
    /// The loss, a mean over the rows, of outputs <c>[rows, outputs]</c> float32 against labels <c>[rows]</c> (numbers of classes, or
    /// values; of several labels a row's one after the other) float32: a scalar. Where the examples of a row are compared, as choices
    /// are, outputs are <c>[rows, examples, outputs]</c>. By default that of the task's kind.
    /// </summary>
    public required Func<TaskDefinition, Tensor, Tensor, Tensor> Loss { get; init; }

    /// <summary>
    /// Whether the loss of an update is the sum over its rows, and not their mean. Clipping then acts on nearly every update.
    /// </summary>
    public bool SumsLoss { get; init; }

    /// <summary>
    /// The values that outputs of 0 and 1 of a regression stand for: the loss compares outputs with labels in this unit, and a saved
    /// model gives values in the task's own.
    /// </summary>
    public Func<TaskDefinition, (double Zero, double One)> Unit { get; init; } = _ => (0, 1);

    /// <summary>What the learning rate of each parameter of a model is multiplied by; 0 freezes it.</summary>
    public required Func<ElectraClassifier, Parameter, double> Rate { get; init; }

    /// <summary>From the number of updates to the rates of the k-th, from 0.</summary>
    public required Func<long, Func<long, StepRates>> Schedule { get; init; }

    /// <summary>The outputs for a batch.</summary>
    /// <param name="model">The classifier.</param>
    /// <param name="batch">Rows as token ids.</param>
    /// <param name="dropout">Dropout of this pass; <see cref="Dropout.None"/> to measure and predict.</param>
    /// <param name="positions">Indices into the ids that the head reads; null: the first token of each row. Of a model of answers,
    /// where answers begin; null: what is predicted.</param>
    /// <returns><c>[rows, outputs]</c>, or <c>[positions, outputs]</c>, float32.</returns>
    internal static Tensor Logits(ElectraClassifier model, TokenBatch batch, Dropout dropout, long[]? positions = null) =>
        Logits(model, batch, dropout, UploadOf(model, batch, positions), positions is not null);

    /// <summary>What a batch is to the model, on its way to the device: it may be made ahead, on another thread.</summary>
    private static Upload UploadOf(ElectraClassifier model, TokenBatch batch, long[]? positions) =>
        new(model.Store.Compute.Device, batch.Ids, batch.TokenTypes, [.. batch.Lengths.Select(n => (long)n)], positions ?? []);

    private static Tensor Logits(ElectraClassifier model, TokenBatch batch, Dropout dropout, Upload upload, bool readsPositions)
    {
        Tensor Rows(Tensor flat) => flat.view(batch.Size, batch.Length);
        var put = upload.Put();
        var attention = AttentionMask.FromLengths(batch.Lengths, batch.Length, model.Store.Compute, put[2]);
        var read = readsPositions ? put[3] : null;
        return model.FindsAnswers
            ? model.Answer(Rows(put[0]), Rows(put[1]), put[2], attention, dropout, starts: read)
            : model.Classify(Rows(put[0]), Rows(put[1]), attention, dropout, read);
    }

    /// <summary>
    /// The passes of an update: each computes the loss of its part, its share in the mean or sum over the batch's labels. The batch is made
    /// here, which may be ahead, on another thread.
    /// </summary>
    /// <param name="model">The classifier.</param>
    /// <param name="task">The task.</param>
    /// <param name="batch">Puts rows, by their numbers, side by side: see <see cref="TaskExamples.Part"/>.</param>
    /// <param name="rows">The numbers of the batch's rows.</param>
    /// <param name="microBatchSize">Rows of a part; 0: all.</param>
    /// <param name="key">Names the dropout of the update.</param>
    internal IReadOnlyList<Func<Tensor[]>> Passes(
        ElectraClassifier model,
        TaskDefinition task,
        Func<int[], long, TaskBatch> batch,
        int[] rows,
        int microBatchSize,
        RandomKey key
    )
    {
        int size = microBatchSize > 0 ? microBatchSize : rows.Length;
        var parts = new List<TaskBatch>();
        foreach (int[] part in rows.Chunk(size))
            parts.Add(batch(part, parts.Sum(before => (long)before.Tokens.Size)));
        double[] weights = [.. parts.Select(part => task.Kind.Weight(task, part.Labels))];
        double all = weights.Sum();
        if (task.Kind.ComparesRows && parts.Count > 1)
            return new CachedPasses(
                parts,
                part => Outputs(model, part, key, UploadOf(model, part.Tokens, Read(model, part))), // each is asked for twice
                (outputs, labels) => Loss(task, outputs, labels) * (SumsLoss ? all : 1)
            ).Passes();
        Upload[] uploads = [.. parts.Select(part => UploadOf(model, part.Tokens, Read(model, part)))];
        return [.. parts.Zip(weights, uploads).Select(of => (Func<Tensor[]>)(() =>
        {
            var (part, weight, upload) = of;
            var loss = LossOf(model, task, part, Outputs(model, part, key, upload));
            // Windows of a long word may have no label, and then there is nothing to learn from them.
            double share = SumsLoss ? weight : all > 0 ? weight / all : 0;
            return [share == 1 ? loss : loss * share];
        }))];
    }

    /// <summary>The outputs for a part of a batch while training.</summary>
    private static Tensor Outputs(ElectraClassifier model, TaskBatch part, RandomKey key, Upload upload)
    {
        long firstRow = part.Tokens.FirstRow;
        DeviceRandom.Seed(model.Store.Compute, key[firstRow]);
        var dropout = new Dropout(key, model.Store.Compute, part.Tokens.Size, firstRow);
        return Logits(model, part.Tokens, dropout, upload, Read(model, part) is not null);
    }

    /// <summary>One forward pass with its loss, the mean over the rows of the batch.</summary>
    /// <param name="model">The classifier.</param>
    /// <param name="task">The task.</param>
    /// <param name="batch">Rows with their labels.</param>
    /// <param name="dropout">Dropout of this pass.</param>
    internal Tensor Forward(ElectraClassifier model, TaskDefinition task, TaskBatch batch, Dropout dropout) =>
        LossOf(model, task, batch, Logits(model, batch.Tokens, dropout, Read(model, batch)));

    /// <summary>What the head reads in training: positions of labels, or where answers begin.</summary>
    private static long[]? Read(ElectraClassifier model, TaskBatch batch) =>
        model.FindsAnswers ? Answers.Starts(batch.Labels) : batch.Positions;

    private Tensor LossOf(ElectraClassifier model, TaskDefinition task, TaskBatch batch, Tensor logits)
    {
        var labels = batch.Labels;
        if (Unit(task) is var (zero, one) && (zero, one) != (0, 1))
            labels = [.. labels.Select(label => (float)((label - zero) / (one - zero)))];
        var given = Staging.Put(model.Store.Compute.Device, labels);
        return batch.RowSizes is { } sizes ? Loss(task, ByRow(logits, sizes), ByRow(given, sizes)) : Loss(task, logits, given);
    }

    /// <summary>Values of examples, <c>[examples, …]</c>, row by row: <c>[rows, most examples of a row, …]</c>, −∞ where a row has
    /// fewer.</summary>
    /// <param name="values">The values.</param>
    /// <param name="sizes">The examples of each row.</param>
    internal static Tensor ByRow(Tensor values, int[] sizes)
    {
        int most = sizes.Max();
        long[] inner = values.shape[1..];
        if (sizes.Any(size => size < most))
        {
            long[] places = [.. sizes.SelectMany((size, row) => Enumerable.Range(row * most, size).Select(Convert.ToInt64))];
            values = full([sizes.Length * most, .. inner], float.NegativeInfinity, dtype: values.dtype, device: values.device)
                .index_copy(0, Staging.Put(values.device, places)[0], values);
        }
        return values.view([sizes.Length, most, .. inner]);
    }

    /// <summary>Outputs of a model that learns by this method, in the task's own unit.</summary>
    internal float[] InOwnUnit(TaskDefinition task, float[] outputs) =>
        Unit(task) is var (zero, one) && (zero, one) == (0, 1)
            ? outputs
            : [.. outputs.Select(output => (float)(zero + ((one - zero) * output)))];

    /// <summary>The weights of such a model, with those of the head changed so that its outputs are in the task's own unit.</summary>
    internal IEnumerable<(string Name, Tensor Value)> InOwnUnit(TaskDefinition task, IEnumerable<(string Name, Tensor Value)> weights)
    {
        var (zero, one) = Unit(task);
        return (zero, one) == (0, 1)
            ? weights
            : weights.Select(weight =>
                weight.Name switch
                {
                    "classifier.weight" => (weight.Name, weight.Value * (one - zero)),
                    "classifier.bias" => (weight.Name, (weight.Value * (one - zero)) + zero),
                    _ => weight,
                }
            );
    }

    /// <summary>The method as the options of a run describe it.</summary>
    public static FinetuneMethod From(FinetuneOptions options) => new()
    {
        Loss = (task, logits, labels) => task.Kind.Loss(task, logits, labels, options.LabelSmoothing),
        SumsLoss = options.SumLoss,
        Unit = task => options.UnitRange && task.IsRegression && task.Range is { } range ? range : (0, 1),
        Rate = LayerwiseRates.Of(options.LayerDecay, options.OriginalLayerDecay),
        Schedule = steps =>
            Optimization.Schedule.OfShare(
                options.Schedule,
                options.LearningRate,
                steps,
                options.WarmupShare,
                options.RoundWarmup,
                options.Decay
            ),
    };
}
