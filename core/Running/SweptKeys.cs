namespace Electra.Running;

/// <summary>What a sweep gave a run in place of the configuration's own values.</summary>
public sealed record SweptKeys
{
    /// <summary>The sweep: the group that its configuration names.</summary>
    public string Sweep { get; init; } = "";

    /// <summary>The swept keys with their values.</summary>
    public IReadOnlyDictionary<string, string> Values { get; init; } = new Dictionary<string, string>();

    /// <summary>The epochs of its round, where a search by halving gave fewer than all to all; null: all.</summary>
    public int? Epochs { get; init; }

    /// <summary>Whether the search had chosen these values before: the run has a new seed, and no part in the choice.</summary>
    public bool Confirms { get; init; }

    /// <summary>The per cent of its pre-training that the checkpoint has, where checkpoints are swept; null: other keys are.</summary>
    public double? Percent { get; init; }

    /// <summary>The updates that this is, where they are known.</summary>
    public long? Updates { get; init; }

    /// <summary>The values in words: <c>learning_rate 0.0001, batch_size 16</c>.</summary>
    internal string Shown => string.Join(", ", Values.Select(value => $"{ShortName(value.Key)} {value.Value}"));

    /// <summary>The last part of a key's name.</summary>
    internal static string ShortName(string key) => key[(key.LastIndexOf('.') + 1)..];
}
