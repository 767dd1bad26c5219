using Electra.Checkpoints.Formats;
using Electra.Checkpoints.HuggingFace;
using static TorchSharp.torch;

namespace Electra.Checkpoints;

/// <summary>The weighted mean of the weights of several models, tensor by tensor, read from them when it is asked for.</summary>
internal sealed class MergedWeights : IWeightFile
{
    private readonly IReadOnlyList<PretrainedModel> models;
    private readonly double[] shares;

    /// <param name="models">The models, which are closed with this.</param>
    /// <param name="weights">What each counts; none: all the same.</param>
    /// <exception cref="UserErrorException">They are not of one shape and one vocabulary, or a weight is not right.</exception>
    public MergedWeights(IReadOnlyList<PretrainedModel> models, IReadOnlyList<double> weights)
    {
        if (weights.Count > 0 && (weights.Count != models.Count || weights.Sum() <= 0 || weights.Any(weight => weight < 0)))
            throw new UserErrorException(
                $"merge_weights: {weights.Count} are given for {models.Count} models: one for each is expected, none below 0 and not all 0"
            );
        this.models = models;
        shares = [.. models.Select((_, i) => weights.Count == 0 ? 1.0 / models.Count : weights[i] / weights.Sum())];
        foreach (var other in models.Skip(1))
            RequireAlike(models[0], other);
        Tensors = models[0].Tensors;
    }

    /// <inheritdoc/>
    public string Path => models[0].Folder;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <inheritdoc/>
    public string Remark => $"its weights are the mean of {string.Join(", ", models.Zip(shares, Described))}";

    /// <inheritdoc/>
    public void CopyTo(string name, Tensor destination)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        if (!destination.is_floating_point() || WeightNames.IsConstant(name))
        {
            models[0].CopyTo(name, destination);
            return;
        }
        var sum = zeros([.. destination.shape], dtype: ScalarType.Float32);
        var one = empty_like(sum);
        foreach (var (model, share) in models.Zip(shares))
        {
            model.CopyTo(name, one);
            sum.add_(one, alpha: share);
        }
        destination.copy_(sum);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var model in models)
            model.Dispose();
    }

    private static string Described(PretrainedModel model, double share) =>
        FormattableString.Invariant($"{model.Source} ({share:0.###%})");

    private static void RequireAlike(PretrainedModel first, PretrainedModel other)
    {
        string Refusal(string why) => $"{other.Source} cannot be merged with {first.Source}: {why}";
        if (other.NotAmong(first.Tensors.Keys).Concat(first.NotAmong(other.Tensors.Keys)).FirstOrDefault() is { } name)
            throw new UserErrorException(Refusal($"only one of them has {name}"));
        foreach (var (shared, tensor) in first.Tensors.Where(tensor => other.Tensors.ContainsKey(tensor.Key)))
            if (!tensor.Shape.SequenceEqual(other.Tensors[shared].Shape))
                throw new UserErrorException(
                    Refusal($"{shared} is [{string.Join(", ", other.Tensors[shared].Shape)}] and [{string.Join(", ", tensor.Shape)}]")
                );
        if (first.HasTokenizer && other.HasTokenizer && first.Tokenizer.Fingerprint != other.Tokenizer.Fingerprint)
            throw new UserErrorException(Refusal("they have other vocabularies"));
    }
}
