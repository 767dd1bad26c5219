using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Model;
using Electra.Running;
using Electra.Tokenization;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>
/// Continued pre-training: networks that begin with the weights of models that were trained before, as <see cref="PretrainConfig.Init"/>
/// and <see cref="PretrainConfig.InitGenerator"/> name them. The embeddings are the discriminator's: the pair has them once.
/// </summary>
public sealed class InitialWeights : IDisposable
{
    private const string Embeddings = "electra.embeddings.";

    private readonly PretrainedModel? discriminator, generator;
    private readonly RunConsole console;

    private InitialWeights(PretrainedModel? discriminator, PretrainedModel? generator, RunConsole console) =>
        (this.discriminator, this.generator, this.console) = (discriminator, generator, console);

    /// <summary>Opens the models that the configuration names, none where it names none, and checks that they are of the run's shape
    /// and vocabulary.</summary>
    /// <param name="tokenizer">The tokenizer of the run.</param>
    /// <param name="run">The experiment.</param>
    /// <exception cref="UserErrorException">There are no such models, or they are of another shape or vocabulary; the message says
    /// which would fit.</exception>
    public static InitialWeights Open(ElectraTokenizer tokenizer, Run<PretrainConfig> run)
    {
        var (init, initGenerator) = (run.Config.Init, run.Config.InitGenerator);
        bool hasGenerator = run.Config.Objective.Kind is ObjectiveKind.Electra or ObjectiveKind.Gdes
            && run.Config.Model.Generator.Kind == GeneratorKind.Masked;
        PretrainedModel? discriminator = null, generator = null;
        try
        {
            if (init != "")
            {
                discriminator = PretrainedModel.Open(init, ModelPart.Discriminator, run.Console, run.Stopping);
                RequireSameVocabulary("init", tokenizer, discriminator);
                RequireSameShape(run.Config.Model, discriminator);
            }
            generator = initGenerator != "" ? PretrainedModel.Open(initGenerator, ModelPart.Generator, run.Console, run.Stopping)
                : discriminator is { IsOfPair: true } && hasGenerator
                    ? discriminator.OfPair(ModelPart.Generator, run.Console, run.Stopping)
                : null;
            if (generator is not null)
            {
                RequireGenerator(run.Config.Model, generator);
                if (discriminator is null || generator.HasTokenizer)
                    RequireSameVocabulary("init_generator", tokenizer, generator);
            }
            else if (!run.Config.TrainGenerator)
                throw new UserErrorException(
                    $"train_generator: {init} has no generator beside it, and one that does not learn must be trained: init_generator "
                        + "names one"
                );
            return new InitialWeights(discriminator, generator, run.Console);
        }
        catch
        {
            generator?.Dispose();
            discriminator?.Dispose();
            throw;
        }
    }

    /// <summary>Weights of models that are open already, and stay so.</summary>
    internal static InitialWeights Of(PretrainedModel discriminator, PretrainedModel? generator, RunConsole console) =>
        new(discriminator, generator, console);

    /// <summary>Replaces a pair's fresh weights, and says which stay fresh; does nothing where no model is named.</summary>
    /// <exception cref="UserErrorException">A file lacks weights of the encoder, or is damaged.</exception>
    public void Fill(ElectraPair model)
    {
        var weights = model.DiscriminatorWeights().ToList();
        if (discriminator is not null)
        {
            var filled = discriminator.Fill(weights);
            console.Line(
                $"Discriminator and embeddings begin with the weights of {discriminator.Source}{Unmatched(filled, discriminator)}."
            );
        }
        if (generator is not null)
            FillGenerator(model, generator);
        else if (discriminator is not null && model.Config.Generator.Kind == GeneratorKind.Masked)
            BeginFresh(model, weights);
        else if (discriminator is not null && model.Towers is not null)
            console.Line("The generator's towers begin fresh but for the embeddings.");
        if (discriminator is not null)
            model.SetSums(weights);
        else if (generator is not null)
            model.CopyEmbeddings();
        model.Store.PublishValues();
    }

    private void FillGenerator(ElectraPair model, PretrainedModel generator)
    {
        bool isShared = model.Config.Generator.Embeddings == GeneratorEmbeddings.Shared;
        var filled = generator.Fill(model.GeneratorWeights().Where(weight => !isShared || !IsEmbedding(weight.Name)));
        if (isShared)
            filled = filled with { LeftOver = [.. filled.LeftOver.Where(name => !IsEmbedding(name))] };
        var own = !isShared || HaveEmbeddingsOf(model, generator) ? "" : "; its embeddings are not the discriminator's, and are left out";
        console.Line($"The generator begins with the weights of {generator.Source}{Unmatched(filled, generator)}{own}.");
    }

    /// <summary>A fresh generator has the discriminator's embeddings, but for those of another width.</summary>
    private void BeginFresh(ElectraPair model, IReadOnlyList<(string Name, Tensor Value)> discriminatorWeights)
    {
        bool isOwn = model.Config.Generator.Embeddings == GeneratorEmbeddings.Own;
        console.Line($"The generator begins fresh{(isOwn ? "" : " but for the embeddings")}: init_generator names one to go on from.");
        if (isOwn)
            return;
        using var _ = no_grad();
        var own = model.GeneratorWeights().ToDictionary();
        foreach (var (name, value) in discriminatorWeights.Where(weight => IsEmbedding(weight.Name)))
            own[name].copy_(value);
    }

    /// <summary>Replaces a masked language model's fresh weights, and says which stay fresh; does nothing where no model is
    /// named.</summary>
    /// <exception cref="UserErrorException">A file lacks weights of the encoder, or is damaged.</exception>
    public void Fill(MaskedLanguageModel model)
    {
        if (discriminator is null)
            return;
        var filled = discriminator.Fill(model.Weights());
        console.Line($"The model begins with the weights of {discriminator.Source}{Unmatched(filled, discriminator)}.");
        model.Store.PublishValues();
    }

    /// <summary>Replaces the fresh weights of Electric's energy model, and says which stay fresh; does nothing where no model is
    /// named.</summary>
    /// <exception cref="UserErrorException">A file lacks weights of the encoder, or is damaged.</exception>
    public void Fill(ElectricPair model)
    {
        if (discriminator is null)
            return;
        var filled = discriminator.Fill(model.Weights());
        console.Line($"Energy model and embeddings begin with the weights of {discriminator.Source}{Unmatched(filled, discriminator)}.");
        console.Line("The cloze model begins fresh but for the embeddings.");
        model.Store.PublishValues();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        discriminator?.Dispose();
        generator?.Dispose();
    }

    /// <summary>Warns of what is left over; returns what is missing as the end of a sentence.</summary>
    private string Unmatched(FilledWeights filled, PretrainedModel source)
    {
        if (source.Remark is { } remark)
            console.Line($"{source.Source}: {remark}.");
        if (filled.LeftOver.Count > 0)
            console.Warning($"not used of {source.Source}: {filled.LeftOver.Count} tensors: {WeightNames.Shown(filled.LeftOver)}");
        return (
                source.HasTokenizer && source.UnusedRows > 0
                    ? $", but for {source.UnusedRows} rows of its embeddings beyond the vocabulary"
                    : ""
            ) + (filled.Missing.Count == 0 ? "" : $"; fresh, for it has none: {WeightNames.Shown(filled.Missing)}");
    }

    private static void RequireSameVocabulary(string key, ElectraTokenizer tokenizer, PretrainedModel model)
    {
        bool isOwn = model.HasTokenizer && model.Tokenizer.Vocabulary.Fingerprint == tokenizer.Vocabulary.Fingerprint;
        if (!(isOwn && model.UnusedRows >= 0) && model.Config.VocabularySize != tokenizer.Vocabulary.Count)
            throw new UserErrorException(
                $"{key}: {model.Source} knows {model.Config.VocabularySize} tokens, and this run's vocabulary has "
                    + $"{tokenizer.Vocabulary.Count}: vocabulary={model.Source} takes the model's own"
            );
        if (model.HasTokenizer && !isOwn)
            throw new UserErrorException(
                $"{key}: the vocabulary of {model.Source} has other tokens than this run's: vocabulary={model.Source} takes the model's own"
            );
        if (isOwn && model.Tokenizer.Settings.ToString() != tokenizer.Settings.ToString())
            throw new UserErrorException(
                $"{key}: the tokenizer of {model.Source} is {model.Tokenizer.Settings}, and this run's {tokenizer.Settings}: "
                    + $"vocabulary={model.Source} takes the model's own"
            );
    }

    private static void RequireSameShape(ElectraConfig model, PretrainedModel discriminator)
    {
        var stored = discriminator.Config;
        string[] differences =
        [
            .. from size in new (string Key, int Here, int Stored)[]
            {
                ("embedding_size", model.EmbeddingSize, stored.EmbeddingSize),
                ("hidden_size", model.HiddenSize, stored.HiddenSize),
                ("layers", model.Layers, stored.NumHiddenLayers),
                ("attention_heads", model.AttentionHeads, stored.NumAttentionHeads),
                ("intermediate_size", model.IntermediateSize, stored.IntermediateSize),
                ("max_positions", model.MaxPositions, stored.MaxPositions),
                ("token_types", model.TokenTypes, stored.TokenTypes),
            }
            where size.Here != size.Stored
            select $"model.{size.Key}={size.Stored}",
        ];
        if (differences.Length > 0)
            throw new UserErrorException(
                $"init: {discriminator.Source} is of another shape than this run, which would have its shape with "
                    + $"{string.Join(' ', differences)}"
            );
    }

    private static void RequireGenerator(ElectraConfig model, PretrainedModel generator)
    {
        if (generator.Head != ModelHead.Generator)
            throw new UserErrorException(
                $"init_generator: {generator.Source} is not a generator: it has no weights generator_predictions.*"
            );
        var (shape, stored) = (model.GeneratorShape, generator.Config);
        bool IsStored(ElectraConfig shape) =>
            (shape.HiddenSize, shape.AttentionHeads, shape.IntermediateSize, shape.Layers)
            == (stored.HiddenSize, stored.NumAttentionHeads, stored.IntermediateSize, stored.NumHiddenLayers);
        if (stored.EmbeddingSize != shape.EmbeddingSize)
            throw new UserErrorException(
                $"init_generator: {generator.Source} has embeddings of width {stored.EmbeddingSize}, and this run's generator "
                    + $"{shape.EmbeddingSize}: model.generator.embeddings=own model.generator.embedding_size={stored.EmbeddingSize} "
                    + "would have its tables beside the discriminator's"
            );
        if (IsStored(shape))
            return;
        int divisor = Math.Max(1, model.HiddenSize / stored.HiddenSize);
        var keys = IsStored((model with { GeneratorDivisor = divisor, Generator = new() }).GeneratorShape)
            ? $"model.generator_divisor={divisor}"
            : $"model.generator={{hidden: {stored.HiddenSize}, layers: {stored.NumHiddenLayers}, attention_heads: "
                + $"{stored.NumAttentionHeads}, intermediate_size: {stored.IntermediateSize}}}";
        throw new UserErrorException(
            $"init_generator: {generator.Source} is of another shape than this run's generator: it has {stored.NumHiddenLayers} layers, "
                + $"hidden size {stored.HiddenSize}, {stored.NumAttentionHeads} heads, intermediate size {stored.IntermediateSize}; this "
                + $"run would have its shape with {keys}"
        );
    }

    /// <summary>Whether the generator's file has the embeddings that the pair has.</summary>
    internal static bool HaveEmbeddingsOf(ElectraPair model, PretrainedModel generator)
    {
        using var scope = NewDisposeScope();
        return model
            .GeneratorWeights()
            .Where(weight => IsEmbedding(weight.Name))
            .All(weight =>
            {
                if (
                    !generator.Tensors.TryGetValue(weight.Name, out var stored)
                    || !stored.Shape.Skip(1).SequenceEqual(weight.Value.shape[1..])
                    || stored.Shape[0] < weight.Value.shape[0]
                )
                    return false;
                var own = empty_like(weight.Value);
                generator.CopyTokens(weight.Name, own);
                return own.eq(weight.Value).all().item<bool>();
            });
    }

    private static bool IsEmbedding(string name) => name.StartsWith(Embeddings, StringComparison.Ordinal) || name == WeightNames.TiedOutput;
}
