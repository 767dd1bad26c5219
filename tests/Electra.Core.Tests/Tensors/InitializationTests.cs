using Electra.Model;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Tests.Tensors;

/// <summary>How parameters begin: mean, standard deviation, bounds, and that values differ.</summary>
public class InitializationTests
{
    private const double Sigma = 0.02;

    /// <summary>Standard deviation and bound of each; the normal distribution cut at 2σ has 0.8796 σ.</summary>
    [Theory]
    [InlineData(Initialization.Zeros, 0, 0, 0)]
    [InlineData(Initialization.Ones, 1, 0, 1)]
    [InlineData(Initialization.Normal, 0, Sigma, 6 * Sigma)]
    [InlineData(Initialization.TruncatedNormal, 0, 0.87962566 * Sigma, 2 * Sigma)]
    [InlineData(Initialization.XavierUniform, 0, 0.0645497, 0.1118034)] // ±√(6 / 480), its √3rd
    public void A_parameter_begins_with_the_distribution_that_it_names(
        Initialization initialization,
        double mean,
        double deviation,
        double most
    )
    {
        using var store = new ParameterStore();
        var weight = store.Add("weight", [320, 160], ParameterRole.Weight, initialization);
        store.Allocate(Compute.Reference, seed: 1, Sigma);
        using var values = weight.Master.to(float64);
        Assert.Equal(mean, values.mean().item<double>(), 0.02 * (deviation + 1e-9));
        Assert.Equal(deviation, values.std().item<double>(), 0.01 * deviation);
        Assert.InRange(values.abs().max().item<double>(), 0.98 * Math.Min(most, mean == 0 ? 4 * deviation : 1), most * (1 + 1e-6));
        long distinct = values.unique().output.numel();
        Assert.True(deviation == 0 ? distinct == 1 : distinct > 0.95 * values.numel(), $"{distinct} distinct values");
    }

    [Fact]
    public void Initial_values_follow_the_seed()
    {
        float[] Values(long seed)
        {
            using var store = new ParameterStore();
            store.Add("weight", [30, 20], ParameterRole.Weight, Initialization.TruncatedNormal);
            store.Allocate(Compute.Reference, seed);
            return [.. store.Values.data<float>()];
        }
        Assert.Equal(Values(1), Values(1));
        Assert.NotEqual(Values(1), Values(2));
    }

    /// <summary>Standard deviations that Google's code was measured to begin with.</summary>
    [Theory]
    [InlineData("generator.electra.embeddings.word_embeddings.weight", "electra/embeddings/word_embeddings")]
    [InlineData("generator.electra.embeddings_project.weight", "generator/embeddings_project/kernel")]
    [InlineData("discriminator.electra.embeddings_project.weight", "electra/embeddings_project/kernel")]
    [InlineData("discriminator.discriminator_predictions.dense.weight", "discriminator_predictions/dense/kernel")]
    public void The_google_recipe_begins_as_googles_code_does(string name, string googlesName)
    {
        var golden = Golden.Json("google_init").GetProperty("small").GetProperty(googlesName);
        using var pair = ElectraPair.Create(
            Recipes.Defaults(Recipe.Google, ModelSize.Small).Model with
            {
                VocabularySize = 30522,
                Layers = 1,
            },
            seed: 3,
            Compute.Reference
        );
        using var values = pair.Store.Parameters.Single(p => p.Name == name).Master.to(float64);
        Assert.Equal(golden.GetProperty("std").GetDouble(), values.std().item<double>(), 0.02 * golden.GetProperty("std").GetDouble());
        Assert.InRange(
            values.abs().max().item<double>(),
            0.9 * golden.GetProperty("max").GetDouble(),
            1.02 * golden.GetProperty("max").GetDouble()
        );
    }
}
