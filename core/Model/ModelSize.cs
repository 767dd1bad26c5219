namespace Electra.Model;

/// <summary>The published sizes.</summary>
public enum ModelSize
{
    /// <summary>14 million parameters.</summary>
    Small,

    /// <summary>110 million parameters.</summary>
    Base,

    /// <summary>335 million parameters.</summary>
    Large,
}
