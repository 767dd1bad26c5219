using Electra.Configuration;

namespace Electra.Running;

/// <summary>A configuration that may ask for many runs of an experiment instead of one.</summary>
internal interface IManyRuns<T>
    where T : class, IExperimentConfig<T>
{
    /// <summary>Whether it does.</summary>
    bool AreMany { get; }

    /// <summary>Makes them, each in a folder of its own.</summary>
    /// <param name="run">The whole: it has no folder.</param>
    /// <param name="experiment">Makes one.</param>
    /// <returns>The exit code.</returns>
    Task<int> Make(Run<T> run, Func<Run<T>, Task<int>> experiment);
}
