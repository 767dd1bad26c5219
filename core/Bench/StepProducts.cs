using System.Diagnostics;
using Electra.Model;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Bench;

/// <summary>
/// Products of one shape in a training step: <c>[m, k] · [k, n]</c>, in each of <paramref name="Batch"/> independent pairs.
/// </summary>
/// <param name="M">Rows of the result.</param>
/// <param name="K">Length of the sums.</param>
/// <param name="N">Columns of the result.</param>
/// <param name="Count">How often the step has it.</param>
/// <param name="Batch">Independent pairs: batch · heads in attention, 1 in a linear layer.</param>
internal readonly record struct Product(int M, int K, int N, int Count, int Batch = 1)
{
    /// <summary>Floating-point operations of all of them, in one direction.</summary>
    public double Flops => 2.0 * M * K * N * Batch * Count;
}

/// <summary>
/// The matrix products of a training step, and the time they take by themselves: no training step with these shapes on this machine
/// and these kernels can be faster.
/// </summary>
internal sealed class StepProducts : IDisposable
{
    private readonly Compute compute;
    private readonly List<(Product Product, Tensor Left, Tensor Right, Tensor Result)> operands = [];

    /// <param name="config">The models' shapes.</param>
    /// <param name="batch">Examples in a step.</param>
    /// <param name="length">Tokens of an example.</param>
    /// <param name="masked">Tokens that the generator predicts.</param>
    /// <param name="compute">Device and precision.</param>
    public StepProducts(ElectraConfig config, int batch, int length, int masked, Compute compute)
        : this(Of(config, batch, length, masked), compute)
    {
    }

    /// <param name="products">The forward products.</param>
    /// <param name="compute">Device and precision.</param>
    public StepProducts(IEnumerable<Product> products, Compute compute)
    {
        this.compute = compute;
        Products = [.. products];
        using var _ = no_grad();
        Tensor Random(params long[] shape) => randn(shape, device: compute.Device).to(compute.ActivationType).DetachFromDisposeScope();
        foreach (var p in Products)
            operands.Add(p.Batch == 1
                ? (p, Random(p.M, p.K), Random(p.N, p.K), Random(p.M, p.N))
                : (p, Random(p.Batch, p.M, p.K), Random(p.Batch, p.K, p.N), Random(p.Batch, p.M, p.N)));
    }

    /// <summary>The forward products; each has two more of its size in the backward pass.</summary>
    private IReadOnlyList<Product> Products { get; }

    /// <summary>Floating-point operations of a step: three times the forward pass's.</summary>
    public double Flops => 3 * Products.Sum(p => p.Flops);

    /// <summary>Milliseconds of all products of a step, each at its best of <paramref name="repetitions"/>.</summary>
    /// <param name="repetitions">How often each is measured.</param>
    /// <param name="forwardOnly">Leaves out those of the backward pass.</param>
    public double Milliseconds(int repetitions, bool forwardOnly = false)
    {
        using var _ = no_grad();
        double total = 0;
        foreach (var (product, left, right, result) in operands)
        {
            using Tensor leftTransposed = left.transpose(-1, -2),
                rightTransposed = right.transpose(-1, -2),
                resultTransposed = result.transpose(-1, -2);
            bool linear = product.Batch == 1;
            double forward = Best(repetitions, () => linear ? nn.functional.linear(left, right) : left.bmm(right));
            total += product.Count * forward;
            if (forwardOnly)
                continue;
            double byLeft = Best(repetitions, () => linear ? result.matmul(right) : result.bmm(rightTransposed));
            double byRight = Best(repetitions, () => linear ? resultTransposed.matmul(left) : leftTransposed.bmm(result));
            total += product.Count * (byLeft + byRight);
        }
        return total;
    }

    /// <summary>The rate of a large product, GFLOP/s: what <c>share of peak</c> is a share of.</summary>
    public double PeakRate()
    {
        const int Size = 1536;
        using var _ = no_grad();
        using var a = randn(Size, Size, device: compute.Device).to(compute.ActivationType);
        return 2e-6 * Size * Size * Size / Best(5, () => a.matmul(a));
    }

    /// <summary>Bytes read and written a second by a copy, in GB/s.</summary>
    public double CopyRate()
    {
        using var _ = no_grad();
        using Tensor source = zeros(1 << 25, device: compute.Device), target = zeros_like(source);
        return 2e-6 * source.numel() * sizeof(float) / Best(5, () => target.copy_(source).alias());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, left, right, result) in operands)
        {
            left.Dispose();
            right.Dispose();
            result.Dispose();
        }
    }

    private double Best(int repetitions, Func<Tensor> work) => Best(compute, repetitions, work, () => cuda.synchronize(compute.Device));

    /// <summary>Milliseconds of some work, at its best of some repetitions after one that does not count.</summary>
    internal static double Best(Compute compute, int repetitions, Func<Tensor> work, Action wait)
    {
        int inARow = compute.IsCuda ? 20 : 1; // one alone would be the time of its launch and of the wait
        double best = double.PositiveInfinity;
        for (int i = 0; i <= repetitions; i++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int j = 0; j < inARow; j++)
                work().Dispose();
            if (compute.IsCuda)
                wait();
            if (i > 0)
                best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds / inARow);
        }
        return best;
    }

    private static IEnumerable<Product> Of(ElectraConfig config, int batch, int length, int masked)
    {
        int tokens = batch * length, embedding = config.EmbeddingSize;
        foreach (var shape in new[] { config.GeneratorShape, config })
            foreach (var product in Of(shape, batch, length))
                yield return product;
        yield return new(masked, config.GeneratorShape.HiddenSize, embedding, 1);
        yield return new(masked, embedding, config.VocabularySize, 1);
        yield return new(tokens, config.HiddenSize, config.HiddenSize, 1);
        yield return new(tokens, config.HiddenSize, 1, 1);
    }

    /// <summary>The forward products of one encoder.</summary>
    public static IEnumerable<Product> Of(ElectraConfig config, int batch, int length)
    {
        var (hidden, heads, intermediate, tokens) = (config.HiddenSize, config.AttentionHeads, config.IntermediateSize, batch * length);
        if (config.EmbeddingSize != hidden)
            yield return new(tokens, config.EmbeddingSize, hidden, 1);
        yield return new(tokens, hidden, 3 * hidden, config.Layers);
        yield return new(length, config.HeadSize, length, config.Layers, batch * heads);
        yield return new(length, length, config.HeadSize, config.Layers, batch * heads);
        yield return new(tokens, hidden, hidden, config.Layers);
        yield return new(tokens, hidden, intermediate, config.Layers);
        yield return new(tokens, intermediate, hidden, config.Layers);
    }
}
