namespace Electra.Configuration;

/// <summary>A list in the place of a record stands for one of its keys.</summary>
/// <param name="texts">The key that a list of texts stands for: <c>source</c>.</param>
/// <param name="mappings">The key that a list with mappings stands for: <c>mix</c>.</param>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class ListFormAttribute(string texts, string mappings) : Attribute
{
    /// <summary>The key for a list.</summary>
    public string KeyOf(ConfigSequence list) => list.Items.Any(item => item is ConfigMapping) ? mappings : texts;
}
