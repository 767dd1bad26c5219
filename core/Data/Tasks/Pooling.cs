namespace Electra.Data.Tasks;

/// <summary>How the hidden states of a text's tokens, [CLS] and [SEP] among them, become one vector.</summary>
public enum Pooling
{
    /// <summary>Their mean.</summary>
    Mean,

    /// <summary>The first one's.</summary>
    Cls,

    /// <summary>The largest value of each dimension.</summary>
    Max,

    /// <summary>Their sum over the root of their number.</summary>
    MeanSqrtLen,
}
