using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Model;
using Electra.Running;

namespace Electra.Pretraining;

/// <summary>A pair whose weights are those of a saved model, to be measured.</summary>
/// <param name="Model">The pair.</param>
/// <param name="HasGenerator">Whether its generator was saved with it; otherwise the pair's is untrained.</param>
/// <param name="IsOwned">Whether the pair is this one's to dispose of.</param>
internal sealed record SavedPair(ElectraPair Model, bool HasGenerator, bool IsOwned) : IDisposable
{
    /// <summary>Opens a model: a discriminator, with its generator where the two are in one place.</summary>
    /// <param name="source">A folder as runs leave it or of Hugging Face's form, a file of weights, a model on the hub.</param>
    /// <param name="run">The experiment whose held-out text it is to read.</param>
    /// <param name="data">That text.</param>
    /// <param name="fresh">A pair of the run's shape: it is filled where the model has this shape.</param>
    /// <exception cref="UserErrorException">There is no such model, it reads other tokens, or it cannot be measured without a generator of
    /// another.</exception>
    public static SavedPair Open(string source, Run<PretrainConfig> run, PretrainData data, ElectraPair fresh)
    {
        using var discriminator = PretrainedModel.Open(source, ModelPart.Discriminator, run.Console, run.Stopping);
        if (discriminator.Head != ModelHead.Discriminator)
            throw new UserErrorException($"{source} is not a discriminator: it has no weights discriminator_predictions.*");
        EqualWork.RequireReads(discriminator, "evaluation.models", run.Config, data);
        using var generator = discriminator.IsOfPair
            ? discriminator.OfPair(ModelPart.Generator, run.Console, run.Stopping)
            : null;
        var shape = Shape(discriminator, generator, fresh.Config);
        bool isOther = shape != fresh.Config;
        var model = isOther ? ElectraPair.Create(shape, run.Seed, fresh.Store.Compute, trainable: false) : fresh;
        try
        {
            return new SavedPair(model, Fill(model, discriminator, generator, run.Config.Evaluation.Generator != ""), isOther);
        }
        catch
        {
            if (isOther)
                model.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (IsOwned)
            Model.Dispose();
    }

    private static ElectraConfig Shape(PretrainedModel discriminator, PretrainedModel? generator, ElectraConfig usual)
    {
        var stored = discriminator.Config;
        return usual with
        {
            EmbeddingSize = stored.EmbeddingSize,
            HiddenSize = stored.HiddenSize,
            Layers = stored.NumHiddenLayers,
            AttentionHeads = stored.NumAttentionHeads,
            IntermediateSize = stored.IntermediateSize,
            MaxPositions = stored.MaxPositions,
            TokenTypes = stored.TokenTypes,
            LayerNormEpsilon = stored.LayerNormEpsilon,
            GeneratorDivisor = generator is null ? 1 : Math.Max(1, stored.HiddenSize / generator.Config.HiddenSize),
        };
    }

    /// <returns>Whether the generator is the saved one.</returns>
    private static bool Fill(ElectraPair model, PretrainedModel discriminator, PretrainedModel? generator, bool isTextOfAnother)
    {
        bool isWhole = generator is not null && FillGenerator(model, generator);
        var filled = discriminator.Fill(model.DiscriminatorWeights());
        if (filled.Missing.Count > 0)
            throw new UserErrorException($"{discriminator.Source} lacks weights of its discriminator: {string.Join(", ", filled.Missing)}");
        // The pair has its embeddings once: a generator with others would not be the one that was trained.
        isWhole = isWhole && InitialWeights.HaveEmbeddingsOf(model, generator!);
        model.Store.PublishValues();
        return isWhole || isTextOfAnother
            ? isWhole
            : throw new UserErrorException(
                $"{discriminator.Source} "
                    + (
                        generator is null ? "has no generator beside it"
                        : "has a generator that does not share its embeddings, or of another shape than a pair's"
                    )
                    + ": name the model that is to write the replacements, evaluation.generator=…"
            );
    }

    private static bool FillGenerator(ElectraPair model, PretrainedModel generator)
    {
        var (stored, shape) = (generator.Config, model.Config.Generator);
        return (stored.HiddenSize, stored.NumAttentionHeads, stored.IntermediateSize, stored.NumHiddenLayers, stored.EmbeddingSize)
                == (shape.HiddenSize, shape.AttentionHeads, shape.IntermediateSize, shape.Layers, shape.EmbeddingSize)
            && generator.Fill(model.GeneratorWeights()).Missing.Count == 0;
    }
}
