using Electra.Data;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Model;

/// <summary>The transformer encoder of BERT (post-normalisation), with a projection in front where embeddings and hidden states differ
/// in width.</summary>
internal sealed class Encoder
{
    private readonly ParameterStore store;
    private readonly Linear? project;
    private readonly bool recomputesLast;

    /// <summary>Declares the parameters under <paramref name="name"/> (<c>….electra</c> in Hugging Face's names).</summary>
    /// <param name="store">Where they are declared.</param>
    /// <param name="name">What their names begin with.</param>
    /// <param name="config">The encoder's shape.</param>
    /// <param name="recomputesLast">Whether the last layer, too, is computed twice where layers are. If the backward pass begins with it,
    /// to keep what it needs costs nothing.</param>
    public Encoder(ParameterStore store, string name, ElectraConfig config, bool recomputesLast = false)
    {
        (this.store, this.recomputesLast) = (store, recomputesLast);
        if (config.EmbeddingSize != config.HiddenSize)
            project = new Linear(
                store,
                $"{name}.embeddings_project",
                config.EmbeddingSize,
                config.HiddenSize,
                config.ProjectionInitialization()
            );
        Layers = [.. Enumerable.Range(0, config.Layers).Select(i => new TransformerLayer(store, $"{name}.encoder.layer.{i}", config))];
    }

    /// <summary>The layers, first to last.</summary>
    private IReadOnlyList<TransformerLayer> Layers { get; }

    /// <summary>Encodes embeddings.</summary>
    /// <param name="embeddings"><c>[batch, length, embedding]</c> float32.</param>
    /// <param name="attention">Which positions may be attended to.</param>
    /// <param name="dropout">Applied inside the layers.</param>
    /// <param name="hidden">Called with each hidden state, the projected embeddings first: <c>[batch · length, hidden]</c>.</param>
    /// <returns>The last hidden state, <c>[batch · length, hidden]</c> in the precision of the activations.</returns>
    public Tensor Forward(Tensor embeddings, AttentionMask attention, Dropout dropout, Action<Tensor>? hidden = null)
    {
        var x = embeddings.flatten(0, 1).to(store.Compute.ActivationType);
        x = project is null ? x : project.Forward(x);
        hidden?.Invoke(x);
        foreach (var (i, layer) in Layers.Index())
        {
            bool recomputes = store.Recomputes && (recomputesLast || i < Layers.Count - 1);
            x = recomputes ? layer.Recomputed(x, attention, dropout) : layer.Forward(x, attention, dropout);
            hidden?.Invoke(x);
        }
        return x;
    }
}

/// <summary>Which positions of a batch may be attended to.</summary>
/// <param name="Batch">Sequences in the batch.</param>
/// <param name="Length">Positions of each, padding included.</param>
internal sealed record AttentionMask(long Batch, long Length)
{
    private Func<Tensor>? makeBias;
    private Tensor? bias;

    /// <summary>
    /// Added to attention scores, <c>[batch, 1, 1, length]</c>, or <c>[batch, 1, length, length]</c> where it depends on which position
    /// asks: 0 for tokens, −∞ (the format's lowest) for what must not be attended to; null where all may be. It is made when it is first
    /// asked for: kernels read <see cref="Blocks"/> alone.
    /// </summary>
    public Tensor? Bias => bias ??= makeBias?.Invoke();

    /// <summary>
    /// The tokens of each part of each sequence that attends to itself alone: of a sequence as a whole, or of several examples that share
    /// its row, one after the other. Null without padding.
    /// </summary>
    public IReadOnlyList<int[]>? Blocks { get; private init; }

    /// <summary>
    /// The place of each token in its block, <c>[batch, length]</c> int64, where a row has several; null: places are those of the row.
    /// </summary>
    public Tensor? Places { get; private init; }

    /// <summary>Whether it is more than padding, so that kernels that know of lengths alone cannot take it.</summary>
    public bool IsDirected { get; private init; }

    /// <summary>
    /// The mask of the same sequences, read in one direction only: each position attends to itself and to the tokens before it, or after
    /// it. Padding that has no such token attends to all positions; what it gives is of no token.
    /// </summary>
    /// <param name="direction">Which way the text is read.</param>
    /// <param name="compute">Where the mask is used, and in which precision.</param>
    /// <param name="beside">A tensor that the mask lives as long as.</param>
    /// <returns>A mask with a bias of <c>[batch, 1, length, length]</c>.</returns>
    public AttentionMask Directed(Direction direction, Compute compute, Tensor beside)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var unseen = ones(Length, Length, dtype: ScalarType.Bool, device: compute.Device);
        unseen = direction == Direction.LeftToRight ? unseen.triu(1) : unseen.tril(-1);
        unseen = Bias is null ? unseen.view(1, 1, Length, Length) : unseen.logical_or(Bias.ne(0));
        unseen = unseen.logical_and(unseen.all(-1, keepdim: true).logical_not());
        return this with { bias = BiasOf(unseen, compute).MoveToOtherDisposeScope(beside), IsDirected = true };
    }

    /// <summary>The mask of a batch, of which nothing is on the device.</summary>
    /// <param name="batch">Sequences, or rows that several share.</param>
    /// <param name="compute">Where the mask is used, and in which precision.</param>
    public static AttentionMask Of(TokenBatch batch, Compute compute)
    {
        var (block, place) = BlocksOf(batch);
        var put = Staging.Put(compute, [.. batch.Lengths.Select(n => (long)n)], block, place);
        return Of(batch, compute, put[0], put[1], put[2]);
    }

    /// <summary>The mask of a batch.</summary>
    /// <param name="batch">Sequences, or rows that several share.</param>
    /// <param name="compute">Where the mask is used, and in which precision.</param>
    /// <param name="lengths">The batch's lengths on the device, int64.</param>
    /// <param name="block">The block of each token on the device, where rows have several: <see cref="BlocksOf"/>.</param>
    /// <param name="place">The place of each in it.</param>
    public static AttentionMask Of(TokenBatch batch, Compute compute, Tensor lengths, Tensor block, Tensor place) =>
        batch.Packed is null
            ? FromLengths(batch.Lengths, batch.Length, compute, lengths)
            : FromBlocks(batch, batch.Packed, compute, block, place);

    /// <summary>The block of each token, and its place in it, <c>[size · length]</c>; of rows of one block nothing.</summary>
    /// <remarks>Padding is block 0: it attends to itself, so that no position is without any.</remarks>
    public static (long[] Block, long[] Place) BlocksOf(TokenBatch batch)
    {
        if (batch.Packed is null)
            return ([], []);
        var (block, place) = (new long[batch.Ids.Length], new long[batch.Ids.Length]);
        for (int row = 0; row < batch.Size; row++)
            foreach (var (number, (start, length)) in batch.ExamplesOf(row).Index())
                for (int i = 0; i < length; i++)
                    (block[start + i], place[start + i]) = (number + 1, i);
        return (block, place);
    }

    private static AttentionMask FromBlocks(TokenBatch batch, int[][] blocks, Compute compute, Tensor block, Tensor place)
    {
        var own = block.view(batch.Size, batch.Length);
        return new AttentionMask(batch.Size, batch.Length)
        {
            makeBias = () => Made(() => own.unsqueeze(1).ne(own.unsqueeze(2)).unsqueeze(1), compute, own),
            Blocks = blocks,
            Places = place.view(batch.Size, batch.Length),
        };
    }

    /// <summary>The mask of sequences of the given lengths, padded to <paramref name="length"/>.</summary>
    /// <param name="lengths">Tokens of each sequence.</param>
    /// <param name="length">Positions of each.</param>
    /// <param name="compute">Where the mask is used, and in which precision.</param>
    /// <param name="onDevice">The lengths, int64, where they are on the device already.</param>
    public static AttentionMask FromLengths(IReadOnlyList<int> lengths, long length, Compute compute, Tensor? onDevice = null)
    {
        if (lengths.All(n => n == length))
            return new AttentionMask(lengths.Count, length);
        var put = onDevice ?? Staging.Put(compute, [.. lengths.Select(n => (long)n)])[0];
        return new AttentionMask(lengths.Count, length)
        {
            makeBias = () => Made(
                () => arange(length, device: compute.Device).unsqueeze(0).ge(put.unsqueeze(1)).view(lengths.Count, 1, 1, length),
                compute,
                put
            ),
            Blocks = [.. lengths.Select(tokens => new[] { tokens })],
        };
    }

    /// <summary>A bias that lives as long as another tensor, whoever asks for it first.</summary>
    private static Tensor Made(Func<Tensor> hidden, Compute compute, Tensor beside)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        return BiasOf(hidden(), compute).MoveToOtherDisposeScope(beside);
    }

    private static Tensor BiasOf(Tensor hidden, Compute compute) =>
        zeros(hidden.shape, dtype: compute.ActivationType, device: compute.Device).masked_fill_(hidden, Lowest(compute));

    /// <summary>The lowest number of the format of the activations.</summary>
    private static double Lowest(Compute compute) => compute.ActivationType switch
    {
        ScalarType.BFloat16 => -3.38e38,
        ScalarType.Float16 => -65504,
        _ => float.MinValue,
    };
}

/// <summary>Which way a text is read.</summary>
internal enum Direction
{
    /// <summary>Each position sees itself and what stands before it.</summary>
    LeftToRight,

    /// <summary>Each position sees itself and what stands after it.</summary>
    RightToLeft,
}
