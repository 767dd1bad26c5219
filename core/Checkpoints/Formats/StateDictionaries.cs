namespace Electra.Checkpoints.Formats;

/// <summary>
/// Which dictionary of a training checkpoint holds the model's weights: fastai, Lightning and others save it as <c>model</c> or
/// <c>state_dict</c>, beside their optimizer's state, averages of the weights, and single numbers.
/// </summary>
internal static class StateDictionaries
{
    private const int MaxDepth = 4;

    /// <summary>Where training frameworks keep the weights.</summary>
    private static readonly string[] WeightKeys = ["model", "state_dict", "model_state_dict", "module", "net", "network"];

    /// <summary>Where they keep what is not a model.</summary>
    private static readonly string[] OtherKeys = ["opt", "optim", "scheduler", "lr_sched", "scaler", "exp_avg", "rng", "amp", "grads"];

    private sealed record Candidate(string Path, Dictionary<string, PickledTensor> Tensors);

    /// <summary>The weights, and what was left for them where there were several dictionaries of weights.</summary>
    /// <exception cref="InvalidDataException">There are none, or several of which none is known to be the model's; the message names
    /// them.</exception>
    public static (Dictionary<string, PickledTensor> Weights, string? Remark) Choose(object? content)
    {
        var candidates = new List<Candidate>();
        Find(content, "", 0, candidates);
        if (candidates.Exists(candidate => candidate.Tensors.Values.Any(tensor => tensor.Shape.Count >= 2))) // a random state is a vector
            candidates.RemoveAll(candidate => candidate.Tensors.Values.All(tensor => tensor.Shape.Count < 2));
        switch (candidates)
        {
            case []:
                throw new InvalidDataException($"it holds no dictionary of weights, by itself or as {string.Join(", ", WeightKeys)}");
            case [var only]:
                return (only.Tensors, null);
        }
        var ofPair = candidates.FindAll(candidate => LastKey(candidate) is "generator" or "discriminator");
        if (ofPair is [var one, var other] && LastKey(one) != LastKey(other))
            return (
                new[] { one, other }
                    .SelectMany(model => model.Tensors.Select(tensor => (Name: $"{LastKey(model)}.{tensor.Key}", tensor.Value)))
                    .ToDictionary(tensor => tensor.Name, tensor => tensor.Value, StringComparer.Ordinal),
                Left([one, other])
            );
        return candidates.FindAll(candidate => candidate.Path == "" || candidate.Path.Split('/').All(WeightKeys.Contains)) is [var model]
            ? (model.Tensors, Left([model]))
            : throw new InvalidDataException(
                $"it holds {candidates.Count} dictionaries of weights ({string.Join(", ", candidates.Select(Named))}), "
                    + $"and none is known to be the model's: save the one that is meant alone, torch.save(checkpoint[…], \"model.bin\")"
            );

        string? Left(List<Candidate> taken) => candidates.Except(taken).Select(Named).ToArray() is { Length: > 0 } left
            ? $"of its dictionaries of weights, {string.Join(" and ", taken.Select(Named))} was taken; not {string.Join(", ", left)}"
            : null;
    }

    /// <summary>Dictionaries that hold tensors by name, whatever else; single numbers beside other things are not weights.</summary>
    private static void Find(object? content, string path, int depth, List<Candidate> candidates)
    {
        if (content is not Dictionary<object, object?> values || depth > MaxDepth)
            return;
        var tensors = new Dictionary<string, PickledTensor>(StringComparer.Ordinal);
        foreach (var (key, value) in values)
            if (key is string name && value is PickledTensor tensor)
                tensors.Add(name, tensor);
        if (tensors.Values.Any(tensor => tensor.Shape.Count >= 1))
            candidates.Add(new Candidate(path, tensors));
        foreach (var (key, value) in values)
            if (key is string name && !Array.Exists(OtherKeys, other => name.StartsWith(other, StringComparison.OrdinalIgnoreCase)))
                Find(value, path == "" ? name : $"{path}/{name}", depth + 1, candidates);
    }

    private static string LastKey(Candidate candidate) => candidate.Path[(candidate.Path.LastIndexOf('/') + 1)..];

    private static string Named(Candidate candidate) =>
        FormattableString.Invariant($"{(candidate.Path == "" ? "the outermost" : candidate.Path)} ({candidate.Tensors.Count:N0} tensors)");
}
