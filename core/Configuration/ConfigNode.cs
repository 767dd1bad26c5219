
namespace Electra.Configuration;

/// <summary>Where a value was written: a place in a file, or an argument of the command line (whose line is 0).</summary>
internal sealed record ConfigPlace(string Source, int Line = 0, int Column = 0)
{
    /// <summary><c>configs/small.yaml:12:5</c>, or the argument.</summary>
    public override string ToString() => Line == 0 ? Source : $"{Source}:{Line}:{Column}";
}

/// <summary>Something wrong with a value.</summary>
/// <param name="Key">The full dotted key: <c>training.warmup_steps</c>.</param>
/// <param name="Message">What is wrong and what would be right, as the second half of a sentence that starts with the key.</param>
/// <param name="Place">Where it was written; where it is null, it is looked up by the key.</param>
internal sealed record ConfigProblem(string Key, string Message, ConfigPlace? Place = null);

/// <summary>A value of a configuration as it was written: a scalar, a list or a mapping that remembers its place.</summary>
internal abstract record ConfigNode(ConfigPlace Place)
{
    /// <summary>
    /// What was given for a key, so that the defaults of other keys can depend on it (a <c>recipe</c>, a <c>size</c>); the fallback
    /// where nothing was given. A value that does not fit reads as the fallback too: it is reported when the record is bound.
    /// </summary>
    /// <param name="key">A key, dotted where it is nested: <c>model.size</c>.</param>
    /// <param name="fallback">What the key means when it is not there.</param>
    public T Read<T>(string key, T fallback)
    {
        if (Find(key) is not { } node)
            return fallback;
        var type = ConfigTypes.Of(typeof(T));
        var binder = new ConfigBinder(type);
        var value = binder.Bind(type, node, fallback, key);
        return binder.Problems.Count == 0 && value is T read ? read : fallback;
    }

    /// <summary>The node at a dotted key, or null.</summary>
    internal ConfigNode? Find(string key) =>
        key.Split('.').Aggregate((ConfigNode?)this, (node, name) => (node as ConfigMapping)?[name]);

    /// <summary>
    /// This tree with another value at a dotted key. Mappings are merged, everything else is replaced; keys of what is not a mapping are
    /// laid over what it stands for.
    /// </summary>
    internal ConfigNode With(ReadOnlySpan<string> path, ConfigNode value)
    {
        if (path.IsEmpty)
            return this is ConfigMapping && value is ConfigMapping given
                ? given.Entries.Aggregate(this, (merged, entry) => merged.With([entry.Key], entry.Value))
                : value;

        var name = path[0];
        var mapping =
            this as ConfigMapping ?? new ConfigMapping(value.Place, []) { Over = this is ConfigScalar { IsNull: true } ? null : this };
        var changed = (mapping[name] ?? new ConfigMapping(value.Place, [])).With(path[1..], value);
        return mapping[name] is null
            ? mapping with { Entries = [.. mapping.Entries, new ConfigEntry(name, value.Place, changed)] }
            : mapping with { Entries = [.. mapping.Entries.Select(e => e.Key == name ? new ConfigEntry(name, value.Place, changed) : e)] };
    }

    /// <summary>This tree without the value at a dotted key.</summary>
    internal ConfigNode Without(ReadOnlySpan<string> path)
    {
        var name = path[0];
        if (this is not ConfigMapping mapping || mapping[name] is not { } value)
            return this;
        return path.Length > 1
            ? mapping.WithValue(name, value.Without(path[1..]))
            : mapping with { Entries = [.. mapping.Entries.Where(entry => entry.Key != name)] };
    }
}

/// <summary>One value, as its text.</summary>
/// <param name="Place">Where it was written.</param>
/// <param name="Text">The text without quotes.</param>
/// <param name="IsQuoted">Whether it was in quotes: <c>"null"</c> is a word, <c>null</c> is nothing.</param>
internal sealed record ConfigScalar(ConfigPlace Place, string Text, bool IsQuoted) : ConfigNode(Place)
{
    /// <summary>Whether it says that there is no value: <c>null</c>, <c>~</c>, or nothing at all.</summary>
    public bool IsNull => !IsQuoted && Text is ("" or "~" or "null" or "Null" or "NULL");
}

/// <summary>A list of values.</summary>
internal sealed record ConfigSequence(ConfigPlace Place, IReadOnlyList<ConfigNode> Items) : ConfigNode(Place);

internal sealed record ConfigEntry(string Key, ConfigPlace Place, ConfigNode Value);

/// <summary>Keys with their values, in the order in which they were written.</summary>
internal sealed record ConfigMapping(ConfigPlace Place, IReadOnlyList<ConfigEntry> Entries) : ConfigNode(Place)
{
    /// <summary>
    /// What was written in place of a mapping, and these keys change: the <c>vocab.txt</c> that stands for <c>{file: vocab.txt}</c>.
    /// </summary>
    public ConfigNode? Over { get; init; }

    /// <summary>The value of a key, or null.</summary>
    public ConfigNode? this[string key] => Entries.FirstOrDefault(entry => entry.Key == key)?.Value;

    /// <summary>This mapping with another value of a key that it has, written where it was.</summary>
    public ConfigMapping WithValue(string key, ConfigNode value) =>
        this with { Entries = [.. Entries.Select(entry => entry.Key == key ? entry with { Value = value } : entry)] };
}
