namespace Electra;

/// <summary>
/// Marks a key of a configuration that says in another way what other keys say: where it is given on the command line, or in a file that
/// extends another, it takes their values away. In one place, they contradict each other.
/// </summary>
/// <param name="keys">The other keys, dotted where they are nested, as they are written beside this one.</param>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class InsteadOfAttribute(params string[] keys) : Attribute
{
    /// <summary>The other keys.</summary>
    public IReadOnlyList<string> Keys { get; } = keys;
}
