namespace Electra;

/// <summary>On a record of a configuration: a list in its place stands for one of its keys.</summary>
/// <param name="texts">The key that a list of texts stands for: <c>source</c>.</param>
/// <param name="mappings">The key that a list with mappings stands for: <c>mix</c>.</param>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class ListFormAttribute(string texts, string mappings) : Attribute
{
    /// <summary>The key for a list of texts.</summary>
    public string Texts => texts;

    /// <summary>The key for a list with mappings.</summary>
    public string Mappings => mappings;
}
