using Electra.Checkpoints;
using Electra.Data.Tasks;
using Electra.Model;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>One trained model with the head that it was trained with, in its own shape: a generator is as wide as its file says.</summary>
internal sealed class TrainedEncoder : IDisposable
{
    private readonly ParameterStore store = new();
    private readonly Embeddings embeddings;
    private readonly Encoder encoder;
    private readonly Func<Tensor, Tensor>? head;
    private readonly string source;

    /// <summary>Reads the weights of a model.</summary>
    /// <param name="weights">The model.</param>
    /// <param name="compute">Where to put it.</param>
    /// <param name="headless">Whether its head is left out.</param>
    /// <exception cref="UserErrorException">A weight is missing, has another shape, or is one that such a model does not have.</exception>
    public TrainedEncoder(PretrainedModel weights, Compute compute, bool headless = false)
    {
        var config = weights.Config.ToModel();
        (source, Head, MaxPositions) = (weights.Source, headless ? ModelHead.None : weights.Head, config.MaxPositions);
        IsEnergyModel = weights.Config.Objective == ElectricObjective.Name;
        embeddings = new Embeddings(store, "electra.embeddings", config);
        encoder = new Encoder(store, "electra", config);
        head = Head switch
        {
            ModelHead.Discriminator => new DiscriminatorHead(store, "", config).Forward,
            ModelHead.Generator => new GeneratorHead(store, "", config, embeddings).Forward,
            _ => null,
        };
        store.Allocate(compute, seed: null, trainable: false);
        try
        {
            _ = weights.UnusedRows; // the vocabulary fits
            var (filled, name) = (weights.Fill(store), Head.ToString().ToLowerInvariant());
            if (filled.Missing.Count > 0)
                throw new UserErrorException($"{weights.Source} lacks weights of its {name}: {string.Join(", ", filled.Missing)}");
            if (head is not null && filled.LeftOver.Count > 0)
                throw new UserErrorException(
                    $"{weights.Source} has weights that a {name} does not have, and would give other results without them: "
                        + string.Join(", ", filled.LeftOver.Take(3))
                );
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>What it was trained to compute from its hidden states.</summary>
    public ModelHead Head { get; }

    /// <summary>Whether its outputs are energies, and not logits of "replaced".</summary>
    public bool IsEnergyModel { get; }

    /// <summary>The longest sequence that it reads.</summary>
    public int MaxPositions { get; }

    /// <summary>Where it computes.</summary>
    public Compute Compute => store.Compute;

    /// <summary>The head's outputs for all tokens of a sequence.</summary>
    public float[] Heads(long[] ids, Func<Tensor, Tensor> then) =>
        Heads(ids, [.. Enumerable.Range(0, ids.Length).Select(i => (long)i)], then);

    /// <summary>The head's outputs at some places of a sequence, then a function of them.</summary>
    public float[] Heads(long[] ids, long[] places, Func<Tensor, Tensor> then) =>
        Numbers(ids, hidden => then(head!(hidden.index_select(0, tensor(places, device: hidden.device))).to(float32)));

    /// <summary>The mean of the hidden states between [CLS] and the last [SEP].</summary>
    public float[] Mean(long[] ids) => Numbers(ids, hidden => hidden.to(float32).narrow(0, 1, ids.Length - 2).mean([0]));

    /// <summary>The head's outputs at some positions of a batch: <c>[positions, outputs]</c> float32.</summary>
    /// <param name="ids">Token ids, <c>[batch, length]</c>.</param>
    /// <param name="types">Token types, <c>[batch, length]</c>.</param>
    /// <param name="attention">Which positions are tokens.</param>
    /// <param name="positions">Indices into <c>[batch · length]</c>.</param>
    public Tensor Logits(Tensor ids, Tensor types, AttentionMask attention, Tensor positions)
    {
        return head!(HiddenStates(ids, types, attention).index_select(0, positions)).to(float32);
    }

    /// <summary>The last hidden states of a batch: <c>[batch · length, hidden]</c> in the precision of the activations.</summary>
    /// <param name="ids">Token ids, <c>[batch, length]</c>.</param>
    /// <param name="types">Token types, <c>[batch, length]</c>.</param>
    /// <param name="attention">Which positions are tokens.</param>
    public Tensor HiddenStates(Tensor ids, Tensor types, AttentionMask attention) =>
        encoder.Forward(embeddings.Forward(ids, types, attention, Dropout.None), attention, Dropout.None);

    /// <inheritdoc/>
    public void Dispose() => store.Dispose();

    private float[] Numbers(long[] ids, Func<Tensor, Tensor> ofHiddenStates)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var compute = store.Compute;
        var row = tensor(ids, device: compute.Device).view(1, -1);
        var attention = AttentionMask.FromLengths([ids.Length], ids.Length, compute);
        return Metrics.Finite([.. ofHiddenStates(HiddenStates(row, zeros_like(row), attention)).cpu().contiguous().data<float>()], source);
    }
}
