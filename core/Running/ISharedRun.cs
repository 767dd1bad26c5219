using Electra.Tensors;

namespace Electra.Running;

/// <summary>What processes that a launcher started do of an experiment.</summary>
internal enum RunShare
{
    /// <summary>All make one run together.</summary>
    Together,

    /// <summary>Rank 0 does it alone.</summary>
    First,

    /// <summary>Each makes some of many runs.</summary>
    Spread,
}

/// <summary>A configuration of an experiment that several processes share.</summary>
internal interface ISharedRun
{
    /// <summary>How they share it.</summary>
    RunShare Share { get; }

    /// <summary>What connects them.</summary>
    ComputeOptions Compute { get; }

    /// <summary>What must be the same on all ranks of one run, as YAML.</summary>
    string SharedYaml { get; }
}
