using System.Runtime.InteropServices;
using Electra.Model;
using Electra.Native;
using Electra.Running;
using Electra.Tensors;

namespace Electra.Training;

/// <summary>
/// What training takes of a GPU's memory: an estimate from what libtorch's operators keep for the backward pass. What is kept has been
/// measured on the CPU, with the steps of CUDA; what the driver and libtorch's allocator take beside it is a guess. So it warns, and
/// refuses nothing.
/// </summary>
internal sealed record TrainingMemory
{
    /// <summary>CUDA's context, the code of libtorch's kernels and cuBLAS's working memory.</summary>
    private const double Context = 0.8e9;

    /// <summary>What libtorch's allocator leaves unused between its blocks.</summary>
    private const double Unused = 1.1;

    /// <summary>The number of parameters.</summary>
    public required long Parameters { get; init; }

    /// <summary>Copies of all weights that are kept beside them: averages, the best so far.</summary>
    public int WeightCopies { get; init; }

    /// <summary>The encoders whose states become logits over the vocabulary.</summary>
    public IReadOnlyList<ElectraConfig> Predicting { get; init; } = [];

    /// <summary>The encoders after them: of a discriminator, of a classifier.</summary>
    public IReadOnlyList<ElectraConfig> Judging { get; init; } = [];

    /// <summary>Examples (rows of a task) in one forward and backward pass.</summary>
    public required int Examples { get; init; }

    /// <summary>Tokens of an example, padding included.</summary>
    public required int Length { get; init; }

    /// <summary>Logits of an example: over the vocabulary, for each token that is predicted.</summary>
    public double Logits { get; init; }

    /// <summary>Whether each logit gets noise of its own, and not each row of logits one number.</summary>
    public bool DrawsForEachLogit { get; init; }

    /// <summary>The number format of activations.</summary>
    public required Precision Precision { get; init; }

    /// <summary>Whether layers are computed once more in the backward pass.</summary>
    public required bool Recomputes { get; init; }

    /// <summary>Bytes that an update takes at its peak.</summary>
    public double Bytes => Context + (Unused * (OfParameters + OfPass));

    /// <summary>
    /// Bytes of a pass at its peak: of activations, and of the gradients of parameters before they are added up. These come as activations
    /// go, unless few activations are kept.
    /// </summary>
    public double OfPass => Recomputes ? Activations + NewGradients : Math.Max(Activations, NewGradients);

    private double NewGradients => (double)Parameters * Size;

    /// <summary>Bytes of activations and their gradients at the peak of a pass.</summary>
    private double Activations
    {
        get
        {
            double before = Length * Predicting.Sum(shape => OfToken(shape, beginsBackward: Judging.Count == 0)),
                after = Length * Judging.Sum(shape => OfToken(shape, beginsBackward: true) + OfHead(shape));
            // Logits in float32, and in 16 bits before it, and their log-softmax; then either gradients of the last two, or probabilities
            // and their sums to draw by; noise of one's own is made of 64-bit numbers.
            double kept = 8 + Rounded, most = kept + (DrawsForEachLogit ? 20 : 8);
            var last = Judging.Concat(Predicting).First();
            return Examples
                * (before + Math.Max(after + (Logits * kept) + (Length * OfGradients(last)), Logits * most));
        }
    }

    /// <summary>Bytes of an activation.</summary>
    private int Size => Precision is Precision.Bfloat16 or Precision.Float16 ? 2 : 4;

    /// <summary>Bytes of a copy in 16 bits of what is in float32 as well; 0 where activations are float32.</summary>
    private int Rounded => Size == 2 ? 2 : 0;

    /// <summary>Values, gradients and two moments in float32; values and gradients once more in 16 bits.</summary>
    private double OfParameters => (double)Parameters * (16 + (2 * Rounded) + (4 * WeightCopies));

    /// <summary>The most examples that should fit into some memory, up to <paramref name="most"/>; 0: not even one.</summary>
    public int Largest(double memory, int most)
    {
        double room = ((memory - Context) / Unused) - OfParameters - (Recomputes ? NewGradients : 0);
        return room < NewGradients && !Recomputes
            ? 0
            : (int)Math.Clamp(Math.Floor(room / (this with { Examples = 1 }).Activations), 0, most);
    }

    /// <summary>Trains. Where a GPU's memory should not be enough, it warns before; where it is not enough, the error says what should
    /// be.</summary>
    /// <param name="device">The GPU; null: another device, or one that the driver says nothing of.</param>
    /// <param name="warn">Told before.</param>
    /// <param name="train">The training.</param>
    /// <exception cref="UserErrorException">The GPU has not enough memory.</exception>
    public T Watch<T>(CudaDevice? device, Action<string> warn, Func<T> train)
    {
        if (device is null)
            return train();
        if (Bytes > device.Memory)
            warn(On(device));
        try
        {
            return train();
        }
        catch (ExternalException e) when (Failure.OfDeviceMemory(e.Message) is { } problem)
        {
            // Where the estimate is too low, or others use the GPU too, what was tried is too much all the same.
            int most = Bytes > device.Memory ? Examples : Examples / 2;
            throw new UserErrorException($"{problem} {Needed(device)}. {Ways(device.Memory, most)}", e);
        }
    }

    /// <summary>The GPU that is computed on; null on another device.</summary>
    public static CudaDevice? DeviceOf(Compute compute) =>
        compute.Device.type == TorchSharp.DeviceType.CUDA ? CudaDriver.Devices.ElementAtOrDefault(compute.Device.index) : null;

    /// <summary>What training should take on a device; where that is more than it has, what should fit.</summary>
    public string On(CudaDevice device) => $"{Needed(device)}.{(Bytes > device.Memory ? $" {Ways(device.Memory, Examples)}" : "")}";

    /// <summary>What a pass takes, and what there is.</summary>
    private string Needed(CudaDevice device) =>
        $"{Examples} × {Length} tokens at once should take {ByteCount.Gigabytes(Bytes)} by an estimate, and {device.Name} has "
        + ByteCount.Gigabytes(device.Memory);

    /// <summary>What should fit, with the same result: dropout alone follows the parts of a batch on a GPU.</summary>
    private string Ways(double memory, int most)
    {
        var twice = this with { Recomputes = true };
        string[] ways =
        [
            .. Fitting(this, most, ""),
            .. Recomputes ? []
                : twice.Bytes <= memory ? ["training.recompute=true"]
                : Fitting(twice, Examples, " with training.recompute=true"),
        ];
        return ways.Length > 0
            ? $"This should fit, and the result stays the same but for what dropout draws: {string.Join(", or ", ways)}."
            : "Not even one example should fit: take a shorter length, or a smaller model.";

        IEnumerable<string> Fitting(TrainingMemory way, int atMost, string also) =>
            way.Largest(memory, atMost) is > 0 and var size ? [$"training.micro_batch_size={size}{also}"] : [];
    }

    /// <summary>Bytes that an encoder keeps of a token.</summary>
    private double OfToken(ElectraConfig shape, bool beginsBackward)
    {
        double input = Size * shape.HiddenSize, layer = OfLayer(shape);
        // The sum of the embeddings before it is normalised, its mask, the result, and that in 16 bits.
        double embeddings = (shape.EmbeddingSize * (4 + Masked(shape) + 4 + Rounded)) + (4 * 2);
        int whole = !Recomputes ? shape.Layers : beginsBackward ? 1 : 0;
        return embeddings + (whole * layer) + ((shape.Layers - whole) * input) + input;
    }

    /// <summary>
    /// Bytes that a layer keeps of a token. Of its width: the input, queries, keys and values, what attention gives and the middle, in the
    /// format of the activations; two sums before normalisation in float32; two masks of a byte. Of the feed-forward network's: before and
    /// after GELU. Of a head and of a norm: one number and two.
    /// </summary>
    private double OfLayer(ElectraConfig shape) =>
        (shape.HiddenSize * ((6.0 * Size) + (2 * 4) + (2 * Masked(shape))))
        + (2.0 * Size * shape.IntermediateSize)
        + (4.0 * shape.AttentionHeads)
        + (2 * 4 * 2);

    /// <summary>Bytes that the head of a discriminator keeps of a token: before and after GELU.</summary>
    private double OfHead(ElectraConfig shape) => 2.0 * Size * shape.HiddenSize;

    /// <summary>Bytes of a token's gradients on their way through the feed-forward network of a layer.</summary>
    private double OfGradients(ElectraConfig shape) => Size * ((2.0 * shape.IntermediateSize) + (2.0 * shape.HiddenSize));

    /// <summary>Bytes of a mask of what is dropped.</summary>
    private static int Masked(ElectraConfig shape) => shape.HiddenDropout > 0 ? 1 : 0;
}
