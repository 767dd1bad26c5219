using Electra.Tensors;

namespace Electra.Running;

/// <summary>A configuration whose run several processes make together.</summary>
internal interface ISharedRun
{
    /// <summary>Whether they do; else rank 0 makes it alone.</summary>
    bool IsShared { get; }

    /// <summary>What connects them.</summary>
    ComputeOptions Compute { get; }

    /// <summary>What must be the same on all ranks, as YAML.</summary>
    string SharedYaml { get; }
}
