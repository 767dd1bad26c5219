using Electra.Model;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;
using Linear = TorchSharp.Modules.Linear;

namespace Electra.Bench;

/// <summary>
/// What a user would run otherwise: the usual Python code carried over module by module, with the library's own layers, its dropout
/// and its AdamW, in float32. The baseline that speed is measured against, on the same libtorch.
/// </summary>
internal sealed class PlainPort : Module
{
    private readonly PlainEncoder generator, discriminator;
    private readonly Embedding words;
    private readonly Linear generatorDense, discriminatorDense, prediction;
    private readonly TorchSharp.Modules.LayerNorm generatorNorm;
    private readonly TorchSharp.Modules.Parameter generatorBias;
    private readonly optim.Optimizer optimizer;
    private readonly TorchSharp.Modules.Parameter[] trained;

    public PlainPort(ElectraConfig config, Device device)
        : base(nameof(PlainPort))
    {
        var embeddings = new PlainEmbeddings(config);
        words = embeddings.Words;
        generator = new PlainEncoder(config.GeneratorShape, embeddings);
        discriminator = new PlainEncoder(config, embeddings);
        generatorDense = Linear(config.GeneratorShape.HiddenSize, config.EmbeddingSize);
        generatorNorm = LayerNorm(config.EmbeddingSize, config.LayerNormEpsilon);
        generatorBias = Parameter(zeros(config.VocabularySize));
        discriminatorDense = Linear(config.HiddenSize, config.HiddenSize);
        prediction = Linear(config.HiddenSize, 1);
        RegisterComponents();
        this.to(device);
        trained = [.. parameters()];
        using (no_grad())
            foreach (var weight in trained.Where(p => p.dim() > 1))
                weight.normal_(0, config.InitializerRange);
        optimizer = optim.AdamW(trained, 1e-4, weight_decay: 0.01);
        train();
    }

    /// <summary>One training step.</summary>
    /// <param name="ids">Token ids, <c>[batch, length]</c>.</param>
    /// <param name="maskedIds">The same after masking.</param>
    /// <param name="isMasked">Which, <c>[batch, length]</c>.</param>
    /// <returns>The loss.</returns>
    public float Step(Tensor ids, Tensor maskedIds, Tensor isMasked)
    {
        using var scope = NewDisposeScope();
        optimizer.zero_grad();
        var attention = ones_like(ids);

        var encoded = generator.forward(maskedIds, attention);
        var transformed = generatorNorm.forward(F.gelu(generatorDense.forward(encoded)));
        var generatorLogits = F.linear(transformed, words.weight!, generatorBias)[isMasked];
        var generatorLoss = F.cross_entropy(generatorLogits, ids[isMasked]);
        Tensor corrupted, replaced;
        using (no_grad())
        {
            corrupted = maskedIds.clone();
            corrupted[isMasked] = (generatorLogits - (-(rand_like(generatorLogits) + 1e-9).log() + 1e-9).log()).argmax(-1);
            replaced = corrupted.ne(ids);
        }
        var real = attention.to(@bool);
        var discriminatorLogits = prediction
            .forward(F.gelu(discriminatorDense.forward(discriminator.forward(corrupted, attention))))
            .squeeze(-1);
        var discriminatorLoss = F.binary_cross_entropy_with_logits(
            discriminatorLogits.masked_select(real),
            replaced.masked_select(real).to(float32)
        );
        var loss = generatorLoss + 50 * discriminatorLoss;

        loss.backward();
        nn.utils.clip_grad_norm_(trained, 1.0);
        optimizer.step();
        return loss.item<float>();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            optimizer.Dispose();
        base.Dispose(disposing);
    }
}

internal sealed class PlainEmbeddings : Module<Tensor, Tensor>
{
    private readonly Embedding positions, types;
    private readonly TorchSharp.Modules.LayerNorm norm;
    private readonly TorchSharp.Modules.Dropout dropout;

    public PlainEmbeddings(ElectraConfig config)
        : base(nameof(PlainEmbeddings))
    {
        Words = Embedding(config.VocabularySize, config.EmbeddingSize, padding_idx: 0);
        positions = Embedding(config.MaxPositions, config.EmbeddingSize);
        types = Embedding(config.TokenTypes, config.EmbeddingSize);
        norm = LayerNorm(config.EmbeddingSize, config.LayerNormEpsilon);
        dropout = Dropout(config.HiddenDropout);
        RegisterComponents();
    }

    public Embedding Words { get; }

    public override Tensor forward(Tensor ids) =>
        dropout.forward(
            norm.forward(
                Words.forward(ids)
                    + types.forward(zeros_like(ids))
                    + positions.forward(arange(ids.shape[1], device: ids.device).unsqueeze(0).expand(ids.shape))
            )
        );
}

internal sealed class PlainEncoder : Module<Tensor, Tensor, Tensor>
{
    private readonly PlainEmbeddings embeddings;
    private readonly Linear project;
    private readonly ModuleList<PlainLayer> layers;

    public PlainEncoder(ElectraConfig config, PlainEmbeddings shared)
        : base(nameof(PlainEncoder))
    {
        embeddings = shared;
        project = Linear(config.EmbeddingSize, config.HiddenSize);
        layers = ModuleList(Enumerable.Range(0, config.Layers).Select(_ => new PlainLayer(config)).ToArray());
        RegisterComponents();
    }

    public override Tensor forward(Tensor ids, Tensor attention)
    {
        var bias = (1 - attention.unsqueeze(1).unsqueeze(2).to(float32)) * float.MinValue;
        var x = project.forward(embeddings.forward(ids));
        foreach (var layer in layers)
            x = layer.forward(x, bias);
        return x;
    }
}

internal sealed class PlainLayer : Module<Tensor, Tensor, Tensor>
{
    private readonly ElectraConfig config;
    private readonly Linear query, key, value, attended, intermediate, output;
    private readonly TorchSharp.Modules.LayerNorm attendedNorm, outputNorm;
    private readonly TorchSharp.Modules.Dropout attentionDropout, dropout;

    public PlainLayer(ElectraConfig config)
        : base(nameof(PlainLayer))
    {
        this.config = config;
        int hidden = config.HiddenSize;
        (query, key, value, attended) = (Linear(hidden, hidden), Linear(hidden, hidden), Linear(hidden, hidden), Linear(hidden, hidden));
        (intermediate, output) = (Linear(hidden, config.IntermediateSize), Linear(config.IntermediateSize, hidden));
        (attendedNorm, outputNorm) = (LayerNorm(hidden, config.LayerNormEpsilon), LayerNorm(hidden, config.LayerNormEpsilon));
        (attentionDropout, dropout) = (Dropout(config.AttentionDropout), Dropout(config.HiddenDropout));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, Tensor bias)
    {
        var scores = Heads(query.forward(x)).matmul(Heads(key.forward(x)).transpose(-1, -2)) / Math.Sqrt(config.HeadSize) + bias;
        var context = attentionDropout.forward(F.softmax(scores, -1)).matmul(Heads(value.forward(x)));
        context = context.permute(0, 2, 1, 3).contiguous().view(x.shape);
        x = attendedNorm.forward(dropout.forward(attended.forward(context)) + x);
        return outputNorm.forward(dropout.forward(output.forward(F.gelu(intermediate.forward(x)))) + x);
    }

    private Tensor Heads(Tensor x) => x.view(x.shape[0], x.shape[1], config.AttentionHeads, config.HeadSize).permute(0, 2, 1, 3);
}
