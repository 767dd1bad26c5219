using Electra.Data.Tasks;
using Electra.Tensors;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Model;

/// <summary>
/// A pre-trained encoder with one linear layer on top of its first token, or of others: what is fine-tuned on a task. On the first
/// token the layer is the original's, not the two-layer head of Hugging Face's <c>ElectraForSequenceClassification</c>; on others it is
/// that of <c>ElectraForTokenClassification</c>. Other tasks have other heads (<see cref="TaskHead"/>).
/// </summary>
public sealed class ElectraClassifier : IDisposable
{
    private const string EncoderName = "electra";

    private readonly Embeddings embeddings;
    private readonly Encoder encoder;
    private readonly Linear? dense;
    private readonly Parameter? weight, bias;
    private readonly SpanHead? spans;
    private readonly DiscriminatorHead? discriminator;
    private readonly TaskHead head;
    private readonly double headDropout;

    private ElectraClassifier(ElectraConfig config, TaskHead head, double headDropout, ElectraClassifier? sharing = null)
    {
        (Config, this.head, this.headDropout) = (config, head, headDropout);
        Store = sharing?.Store ?? new ParameterStore();
        embeddings = sharing?.embeddings ?? new Embeddings(Store, $"{EncoderName}.embeddings", config);
        encoder = sharing?.encoder ?? new Encoder(Store, EncoderName, config);
        if (head.Answers is { } answers)
        {
            spans = new SpanHead(Store, head.Prefix, config, answers);
            return;
        }
        if (head.Discriminates)
        {
            discriminator = new DiscriminatorHead(Store, head.Prefix, config);
            return;
        }
        if (head.Dense is { } name)
            dense = new Linear(Store, head.Prefix + name, config.HiddenSize, config.HiddenSize, config.WeightInitialization());
        if (head.Outputs == 0)
            return;
        name = head.Prefix + head.Name;
        weight = Store.Add($"{name}.weight", [Outputs, config.HiddenSize], ParameterRole.Weight, Initialization.XavierUniform);
        bias = Store.Add($"{name}.bias", [Outputs], ParameterRole.Bias, Initialization.Zeros);
    }

    /// <summary>The encoder's shape: that of a discriminator.</summary>
    public ElectraConfig Config { get; }

    /// <summary>Outputs of a row: one for each class, or one number; without a head, as many as its hidden states are wide.</summary>
    public int Outputs => head.Outputs > 0 ? head.Outputs : Config.HiddenSize;

    /// <summary>All parameters, by the names of Hugging Face's library, the head's as <c>classifier.weight</c> and
    /// <c>classifier.bias</c>; those of other tasks too, where several share the encoder.</summary>
    public ParameterStore Store { get; }

    /// <summary>Makes a classifier with fresh weights, or with none yet.</summary>
    /// <param name="config">The encoder's shape; the vocabulary's size must be set.</param>
    /// <param name="outputs">Outputs of a row.</param>
    /// <param name="headDropout">Dropout of the first token's vector while training (0.1 in the original).</param>
    /// <param name="seed">Seeds the weights; null leaves them zero, to be read from a file.</param>
    /// <param name="compute">Where to put them, and the precision to compute in.</param>
    /// <param name="trainable">False makes no gradients.</param>
    public static ElectraClassifier Create(
        ElectraConfig config,
        int outputs,
        double headDropout,
        long? seed,
        Compute compute,
        bool trainable = true
    ) => Create(config, new TaskHead(outputs), headDropout, seed, compute, trainable);

    /// <summary>The same with another head than one linear layer.</summary>
    internal static ElectraClassifier Create(
        ElectraConfig config,
        TaskHead head,
        double headDropout,
        long? seed,
        Compute compute,
        bool trainable = true
    )
    {
        var model = new ElectraClassifier(config, head, headDropout);
        model.Store.Allocate(compute, seed, config.InitializerRange, trainable);
        return model;
    }

    /// <summary>One encoder with a head for each task: a classifier each, which share their store. To dispose of one is enough.</summary>
    internal static IReadOnlyList<ElectraClassifier> CreateJoint(
        ElectraConfig config,
        IReadOnlyList<TaskHead> heads,
        double headDropout,
        long? seed,
        Compute compute
    )
    {
        var models = new List<ElectraClassifier>();
        foreach (var head in heads)
            models.Add(new ElectraClassifier(config, head, headDropout, models.FirstOrDefault()));
        models[0].Store.Allocate(compute, seed, config.InitializerRange);
        return models;
    }

    /// <summary>The outputs for each row.</summary>
    /// <param name="ids">Token ids, <c>[batch, length]</c>.</param>
    /// <param name="types">Token types, <c>[batch, length]</c>.</param>
    /// <param name="attention">Which positions are tokens.</param>
    /// <param name="dropout">Dropout of this pass.</param>
    /// <param name="positions">The positions that the head reads, indices into the ids; null: the first of each row. Of a discriminator's
    /// head, first and end of a span of each row.</param>
    /// <returns><c>[batch, outputs]</c>, or <c>[positions, outputs]</c>, float32.</returns>
    internal Tensor Classify(Tensor ids, Tensor types, AttentionMask attention, Dropout dropout, Tensor? positions = null)
    {
        var encoded = Encode(ids, types, attention, dropout);
        if (head.Pooling is { } pooling)
            return PooledStates.Of(pooling, encoded.to(float32), attention, head.Normalises);
        if (discriminator is not null)
            return Originality(encoded, positions!);
        var read = positions is null
            ? dropout.Apply(WithDense(encoded.select(1, 0)), headDropout)
            : dropout.Apply(encoded, headDropout).flatten(0, 1).index_select(0, positions);
        // In float32: values of a regression that bfloat16 rounds alike would be ties.
        return linear(read.to(float32), weight!.Value.to(float32), bias!.Value.to(float32));
    }

    /// <summary>How original a span of each row is: minus the mean of the discriminator's logits, <c>[batch, 1]</c>.</summary>
    private Tensor Originality(Tensor encoded, Tensor spans)
    {
        var logits = discriminator!.Forward(encoded.flatten(0, 1)).to(float32).view(encoded.shape[0], encoded.shape[1]);
        var at = arange(logits.numel(), device: logits.device).view(logits.shape);
        var bounds = spans.view(-1, 2);
        var inside = at.ge(bounds[.., ..1]).logical_and(at.lt(bounds[.., 1..])).to(float32);
        return -(logits * inside).sum(1, keepdim: true) / inside.sum(1, keepdim: true).clamp(min: 1);
    }

    private Tensor WithDense(Tensor read) => dense is null ? read : FastOperations.Gelu(dense.Forward(read), Store.Compute.Threads);

    /// <summary>Whether it finds answers in a text.</summary>
    internal bool FindsAnswers => spans is not null;

    /// <summary>The outputs of a model of answers for each row: see <see cref="SpanHead"/>.</summary>
    /// <param name="ids">Token ids, <c>[batch, length]</c>.</param>
    /// <param name="types">Token types, <c>[batch, length]</c>.</param>
    /// <param name="lengths">The tokens of each row, <c>[batch]</c>.</param>
    /// <param name="attention">Which positions are tokens.</param>
    /// <param name="dropout">Dropout of this pass.</param>
    /// <param name="starts">Where answers begin, to learn from, <c>[batch]</c>; null: what is predicted.</param>
    internal Tensor Answer(Tensor ids, Tensor types, Tensor lengths, AttentionMask attention, Dropout dropout, Tensor? starts)
    {
        var encoded = Encode(ids, types, attention, dropout);
        var allowed = spans!.Allowed(types, lengths);
        return starts is null ? spans.Predict(encoded, allowed) : spans.Forward(encoded, allowed, starts);
    }

    private Tensor Encode(Tensor ids, Tensor types, AttentionMask attention, Dropout dropout) =>
        encoder.Forward(embeddings.Forward(ids, types, attention, dropout), attention, dropout)
            .view(attention.Batch, attention.Length, -1);

    /// <summary>The encoder's weights by Hugging Face's names, float32 views.</summary>
    public IEnumerable<(string Name, Tensor Value)> EncoderWeights() => Store.Named().Where(weight => IsOfEncoder(weight.Name));

    /// <summary>The weights of the encoder and of its own head by Hugging Face's names, float32 views.</summary>
    internal IEnumerable<(string Name, Tensor Value)> Named() =>
        from weight in Store.Named()
        where IsOfEncoder(weight.Name) || weight.Name.StartsWith(head.Prefix, StringComparison.Ordinal)
        select (IsOfEncoder(weight.Name) ? weight.Name : weight.Name[head.Prefix.Length..], weight.Value);

    /// <summary>The head's weights among them.</summary>
    internal IEnumerable<(string Name, Tensor Value)> HeadWeights() => Named().Where(weight => !IsOfEncoder(weight.Name));

    private static bool IsOfEncoder(string name) => name.StartsWith($"{EncoderName}.", StringComparison.Ordinal);

    /// <inheritdoc/>
    public void Dispose() => Store.Dispose();
}
