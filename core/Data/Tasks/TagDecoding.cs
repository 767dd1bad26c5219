namespace Electra.Data.Tasks;

/// <summary>How the tags of words are chosen.</summary>
public enum TagDecoding
{
    /// <summary>Each word has its most probable tag.</summary>
    Argmax,

    /// <summary>All words have the most probable tags that may follow each other.</summary>
    Constrained,
}
