using Electra.Configuration;
using Electra.Data;
using Electra.Model;
using Electra.Optimization;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Training;

namespace Electra.Tests.Pretraining;

/// <summary>Each recipe at each size, in a tiny shape: what its settings are, they must learn.</summary>
public class RecipeTests
{
    private const int Rows = 16,
        Length = 24,
        Vocabulary = 60,
        FirstToken = 5;
    private static readonly MaskingTokens Tokens = new(Vocabulary, 4, [.. Enumerable.Range(0, Vocabulary).Select(id => id < FirstToken)])
    {
        MaxLength = Length,
    };

    public static MatrixTheoryData<Recipe, ModelSize> All => new(Enum.GetValues<Recipe>(), Enum.GetValues<ModelSize>());

    [Theory]
    [MemberData(nameof(All))]
    public void A_recipe_learns_to_tell_replaced_tokens(Recipe recipe, ModelSize size)
    {
        var published = Recipes.Defaults(recipe, size);
        var shape = published.Model with
        {
            VocabularySize = Vocabulary,
            EmbeddingSize = 32,
            HiddenSize = 64,
            Layers = 2,
            AttentionHeads = 4,
            IntermediateSize = 128,
            MaxPositions = 32,
            GeneratorDivisor = 2,
            InitializerRange = 0.08,
            HiddenDropout = 0,
            AttentionDropout = 0,
        };
        using var pair = ElectraPair.Create(shape, seed: 1, Compute.Reference);
        var method = ElectraMethod.From(published.Objective, Tokens, Compute.Reference);
        using var adam = new Adam(pair.Store, published.Optimizer);
        using var step = new TrainingStep(pair.Store, adam, method.LossNames.Count);
        var key = RandomKey.FromSeed(2);
        TokenBatch[] heldOut = [.. Enumerable.Range(0, 4).Select(i => Batch(key[0][i]))];
        var auc = new List<double> { Auc() };
        const int Steps = 200;
        var schedule = Schedule.Of(published.Training.Schedule, 3e-4, Steps, warmup: 10);
        for (int k = 0; k < Steps; k++)
        {
            step.Run(k, method.Passes(pair, [Batch(key[1][k])], key[2][k]), schedule(k));
            if (k % 20 == 19)
                auc.Add(Auc());
        }

        Assert.All(step.Read(), update => Assert.True(update.IsFinite));
        var curve = string.Join(" ", auc.Select(value => $"{value:F3}"));
        TestContext.Current.TestOutputHelper?.WriteLine($"AUC {curve}");
        Assert.InRange(auc[0], 0.3, 0.7);
        // A generator that has learned the language makes replacements that nobody can tell: the best on the way counts.
        Assert.True(auc.Max() > 0.7, $"AUC {curve}");

        double Auc() => Evaluation.Measure(pair, method, heldOut, key[3]).Detection.Auc;
    }

    [Theory]
    [InlineData("google", Recipe.Google, ModelSize.Small)]
    [InlineData("small", Recipe.ElectraPytorch, ModelSize.Small)]
    [InlineData("base", Recipe.ElectraPytorch, ModelSize.Base)]
    [InlineData("large", Recipe.ElectraPytorch, ModelSize.Large)]
    public void A_configuration_file_says_what_its_recipe_sets(string file, Recipe recipe, ModelSize size)
    {
        var said = Config.Load<PretrainConfig>(Path.Combine(TestData.Repository, "configs", $"{file}.yaml"));
        var set = Recipes.Defaults(recipe, size);
        Assert.Equal(
            (set.Recipe, set.Model, set.Examples, set.Objective, set.Optimizer, set.Training with { MicroBatchSize = 0 }),
            (said.Recipe, said.Model, said.Examples, said.Objective, said.Optimizer, said.Training with { MicroBatchSize = 0 })
        );
    }

    /// <summary>A language of eight slots, each with words of its own.</summary>
    private static TokenBatch Batch(RandomKey key)
    {
        const int Slots = 8, Words = (Vocabulary - FirstToken) / Slots;
        var numbers = key.Numbers();
        long[] ids = [.. Enumerable.Range(0, Rows * Length).Select(i => FirstToken + (i % Slots * Words) + (long)numbers.Next(Words))];
        return new TokenBatch(Rows, Length, ids, new long[ids.Length], [.. Enumerable.Repeat(Length, Rows)]);
    }
}
