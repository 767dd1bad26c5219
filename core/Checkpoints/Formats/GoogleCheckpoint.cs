using Electra.Storage;
using static TorchSharp.torch;

namespace Electra.Checkpoints.Formats;

/// <summary>
/// A checkpoint of google-research/electra, of pre-training or fine-tuning, with its weights by the names and in the layout of Hugging
/// Face's library. Adam's moments are left out.
/// </summary>
internal sealed class GoogleCheckpoint : IWeightFile
{
    private readonly TensorFlowBundle bundle;
    private readonly Dictionary<string, string> stored = new(StringComparer.Ordinal);

    private GoogleCheckpoint(TensorFlowBundle bundle)
    {
        this.bundle = bundle;
        var left = new List<string>();
        foreach (var name in bundle.Names)
            if (GoogleNames.Of(name) is not { } known)
                left.Add(name);
            else if (!stored.TryAdd(known, name))
                throw new UserErrorException($"{Paths.Shown(Path)}: the variables {stored[known]} and {name} are both {known}");
        if (stored.Count == 0 || !stored.Keys.Any(name => name.StartsWith("discriminator.electra.", StringComparison.Ordinal)))
            throw new UserErrorException(
                $"{Paths.Shown(Path)} is not a checkpoint of ELECTRA: "
                    + (
                        bundle.Names.Any(name => name.StartsWith("bert/", StringComparison.Ordinal))
                            ? "its variables are those of a BERT"
                            : $"it has no variables electra/encoder/… (it has {string.Join(", ", bundle.Names.Take(3))})"
                    )
            );
        Task = bundle.Names.Select(GoogleNames.TaskOf).FirstOrDefault(task => task is not null);
        int moments = left.Count(GoogleNames.IsMoment);
        string[] unknown = [.. left.Where(name => !GoogleNames.IsMoment(name) && !GoogleNames.IsNoWeight(name))];
        string[] said =
        [
            .. moments > 0 ? [$"Adam's moments ({moments} variables) are left out"] : Array.Empty<string>(),
            .. unknown.Length > 0
                ? [$"{unknown.Length} variables are not weights of ELECTRA, and left out: {string.Join(", ", unknown.Take(6))}"]
                : Array.Empty<string>(),
            .. GoogleNames.UnitOf(Task) is > 1 and var unit
                ? [$"its head was trained on STS-B's values divided by {unit} and is multiplied by {unit}: its output is from 0 to {unit}"]
                : Array.Empty<string>(),
        ];
        Remark = said.Length == 0 ? null : string.Join("; ", said);
        Tensors = stored.ToDictionary(
            name => name.Key,
            name => bundle.Describe(name.Value) is var tensor && GoogleNames.IsTransposed(name.Value)
                ? tensor with { Name = name.Key, Shape = [.. tensor.Shape.Reverse()] }
                : tensor with { Name = name.Key },
            StringComparer.Ordinal
        );
    }

    /// <inheritdoc/>
    public string Path => bundle.Path;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <inheritdoc/>
    public string? Remark { get; }

    /// <inheritdoc/>
    public string? Task { get; }

    /// <summary>Opens a checkpoint by its index.</summary>
    /// <exception cref="UserErrorException">It cannot be read, or is another model's.</exception>
    public static GoogleCheckpoint Open(string index)
    {
        var bundle = TensorFlowBundle.Open(index);
        try
        {
            return new GoogleCheckpoint(bundle);
        }
        catch
        {
            bundle.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void CopyTo(string name, Tensor destination)
    {
        this.Find(name, destination);
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var tensor = bundle.Load(stored[name]);
        if (GoogleNames.UnitOf(GoogleNames.TaskOf(stored[name])) is > 1 and var unit)
            tensor *= unit;
        destination.copy_(GoogleNames.IsTransposed(stored[name]) ? tensor.t() : tensor);
    }

    /// <inheritdoc/>
    public void Dispose() => bundle.Dispose();
}
