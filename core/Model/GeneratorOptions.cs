using System.ComponentModel.DataAnnotations;

namespace Electra.Model;

/// <summary>What writes the replacements that a discriminator has to find.</summary>
public enum GeneratorKind
{
    /// <summary>A masked language model of its own.</summary>
    Masked,

    /// <summary>The discriminator's own encoder, with another head: one network plays both parts.</summary>
    Shared,

    /// <summary>No network: every token of the vocabulary is as likely as any other.</summary>
    Uniform,

    /// <summary>
    /// Two encoders of the generator's shape, one from left to right and one from right to left: they read the text without masks, and
    /// predict each token from all others (Google's <c>two_tower_generator</c>).
    /// </summary>
    TwoTower,
}

/// <summary>Whose embeddings the generator reads, and predicts with.</summary>
public enum GeneratorEmbeddings
{
    /// <summary>The discriminator's: one table, which both losses train.</summary>
    Shared,

    /// <summary>Tables of its own, as wide as its hidden states.</summary>
    Own,

    /// <summary>Tables of its own, as wide as the discriminator's, which begin as a copy of each other.</summary>
    Copied,

    /// <summary>
    /// The discriminator's word and position embeddings are the generator's plus a difference, which begins as zero: the generator's loss
    /// trains its tables, the discriminator's loss the difference alone (He et al. 2023, "DeBERTaV3", section 3.3).
    /// </summary>
    Disentangled,
}

/// <summary>The generator, where it is not the discriminator divided by <see cref="ElectraConfig.GeneratorDivisor"/>.</summary>
public sealed record GeneratorOptions
{
    /// <summary><c>masked</c>, <c>shared</c>, <c>uniform</c> or <c>two_tower</c>.</summary>
    public GeneratorKind Kind { get; init; }

    /// <summary>
    /// Width of its hidden states, or a share of the discriminator's (Google's <c>generator_hidden_size</c>, 0.25); heads of 64 and
    /// feed-forward layers of four times the width come with it. Null: all three by generator_divisor.
    /// </summary>
    public SizeOrShare? Hidden { get; init; }

    /// <summary>Its layers, or a share of the discriminator's (Google's <c>generator_layers</c>); null: as many.</summary>
    public SizeOrShare? Layers { get; init; }

    /// <summary>Its attention heads, where they are others.</summary>
    [Range(1, 1024)]
    public int? AttentionHeads { get; init; }

    /// <summary>Width of its feed-forward layers, where it is another.</summary>
    [Range(1, 1 << 20)]
    public int? IntermediateSize { get; init; }

    /// <summary>Whose embeddings it has: <c>shared</c>, <c>own</c>, <c>copied</c> or <c>disentangled</c>.</summary>
    public GeneratorEmbeddings Embeddings { get; init; }

    /// <summary>Width of embeddings of its own; null: that of its hidden states.</summary>
    [Range(1, 65536)]
    public int? EmbeddingSize { get; init; }

    /// <summary>The generator's shape, as that of a model of its own.</summary>
    internal ElectraConfig ShapeOf(ElectraConfig model)
    {
        const int HeadSize = 64;
        if (Kind == GeneratorKind.Shared)
            return model.WithoutGenerator;
        int divisor = model.GeneratorDivisor, hidden = Hidden?.Of(model.HiddenSize) ?? model.HiddenSize / divisor;
        return model.WithoutGenerator with
        {
            HiddenSize = hidden,
            Layers = Layers?.Of(model.Layers) ?? model.Layers,
            AttentionHeads = AttentionHeads ?? Math.Max(1, Hidden is null ? model.AttentionHeads / divisor : hidden / HeadSize),
            IntermediateSize = IntermediateSize ?? (Hidden is null ? model.IntermediateSize / divisor : 4 * hidden),
            EmbeddingSize = Embeddings == GeneratorEmbeddings.Own ? EmbeddingSize ?? hidden : model.EmbeddingSize,
        };
    }

    /// <summary>What cannot be built, as (key, problem).</summary>
    internal IEnumerable<(string Key, string Problem)> Problems(ElectraConfig model)
    {
        if (Kind is GeneratorKind.Shared or GeneratorKind.Uniform)
        {
            if (this != new GeneratorOptions { Kind = Kind })
                yield return (
                    "generator.kind",
                    $"cannot be {(Kind == GeneratorKind.Shared ? "shared" : "uniform")} together with other keys of model.generator: such "
                        + "a generator has no shape and no embeddings of its own"
                );
            yield break;
        }
        if (Kind == GeneratorKind.TwoTower && Embeddings != GeneratorEmbeddings.Shared)
            yield return ("generator.embeddings", "can only be shared with generator.kind: two_tower: towers read the discriminator's");
        if (EmbeddingSize is not null && Embeddings != GeneratorEmbeddings.Own)
            yield return ("generator.embedding_size", "is of embeddings of its own (model.generator.embeddings: own)");
        var shape = ShapeOf(model);
        if (shape.Layers == 0)
            yield return (
                "generator.layers",
                $"cannot be {Layers}: of {model.Layers} layers it leaves none; {1.0 / model.Layers:0.###} is one layer"
            );
        if (Hidden is null && (model.HiddenSize % model.GeneratorDivisor != 0 || model.IntermediateSize % model.GeneratorDivisor != 0))
            yield return (
                "generator_divisor",
                $"cannot be {model.GeneratorDivisor}: it must divide the hidden size ({model.HiddenSize}) and the intermediate size "
                    + $"({model.IntermediateSize})"
            );
        else if (shape.HiddenSize == 0 || shape.HiddenSize % shape.AttentionHeads != 0)
            yield return (
                Hidden is null ? "generator_divisor" : "generator.hidden",
                $"cannot be {Hidden?.ToString() ?? $"{model.GeneratorDivisor}"}: the generator would have {shape.AttentionHeads} heads in "
                    + $"a hidden size of {shape.HiddenSize}{(Hidden is null ? "" : $"; {GoodSizes(shape.HiddenSize)} would do")}"
            );
    }

    /// <summary>The nearest widths whose heads divide them.</summary>
    private string GoodSizes(int hidden)
    {
        bool IsGood(int size) => size > 0 && size % (AttentionHeads ?? Math.Max(1, size / 64)) == 0;
        int below = Enumerable.Range(1, hidden).Select(i => hidden - i).FirstOrDefault(IsGood);
        int above = Enumerable.Range(1, 1024).Select(i => hidden + i).First(IsGood);
        return below > 0 ? $"{below} or {above}" : $"{above}";
    }
}
