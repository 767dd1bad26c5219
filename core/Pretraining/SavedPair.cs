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
        bool isOfRun =
            IsOf(discriminator, fresh.Config)
            && (generator is null || (fresh.Towers is null && IsOf(generator, fresh.Config.GeneratorShape)));
        var model = isOfRun
            ? fresh
            : ElectraPair.Create(Shape(discriminator, generator, fresh.Config), run.Seed, fresh.Store.Compute, trainable: false);
        try
        {
            var whole = generator is not null && IsOf(generator, model.Config.GeneratorShape) ? generator : null;
            InitialWeights.Of(discriminator, whole, run.Console.Quiet()).Fill(model);
            // A pair that has its embeddings once is not that of a generator with others.
            bool hasGenerator =
                !model.HasGenerator
                || (whole is not null && (!SharesEmbeddings(model) || InitialWeights.HaveEmbeddingsOf(model, whole)));
            if (!hasGenerator && run.Config.Evaluation.Generator == "")
                throw new UserErrorException(
                    $"{source} "
                        + (
                            generator is null
                                ? "has no generator beside it"
                                : "has a generator that does not share its embeddings, or of another shape than a pair's"
                        )
                        + ": name the model that is to write the replacements, evaluation.generator=…"
                );
            return new SavedPair(model, hasGenerator, IsOwned: !isOfRun);
        }
        catch
        {
            if (!isOfRun)
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

    private static bool SharesEmbeddings(ElectraPair model) => model.Config.Generator.Embeddings == GeneratorEmbeddings.Shared;

    private static bool IsOf(PretrainedModel model, ElectraConfig shape)
    {
        var stored = model.Config;
        return (stored.EmbeddingSize, stored.HiddenSize, stored.NumHiddenLayers, stored.NumAttentionHeads)
                == (shape.EmbeddingSize, shape.HiddenSize, shape.Layers, shape.AttentionHeads)
            && (stored.IntermediateSize, stored.MaxPositions, stored.TokenTypes)
                == (shape.IntermediateSize, shape.MaxPositions, shape.TokenTypes);
    }

    /// <summary>The shape of a pair from elsewhere: the generator is the discriminator with its widths divided by one number.</summary>
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
            Generator = new(),
        };
    }
}
