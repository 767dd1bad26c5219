namespace Electra.Configuration;

/// <summary>The configuration of one kind of experiment: an immutable record whose settable properties are the keys.</summary>
/// <typeparam name="TSelf">The record itself.</typeparam>
public interface IExperimentConfig<TSelf>
    where TSelf : class, IExperimentConfig<TSelf>
{
    /// <summary>
    /// The record that the YAML is laid over. Defaults may depend on keys that were given:
    /// <c>given.Read("recipe", Recipe.ElectraPytorch)</c>.
    /// </summary>
    internal static abstract TSelf Defaults(ConfigNode given);

    /// <summary>The run's name: a part of the name of its folder, and the title of its curves.</summary>
    string Name { get; }

    /// <summary>The seed of everything random.</summary>
    int Seed { get; }

    /// <summary>
    /// The folder that holds what the run makes, relative to the project's root (<c>checkpoints/pretrain/small_36</c>); null for an
    /// experiment that keeps none.
    /// </summary>
    string? RunFolder { get; }

    /// <summary>
    /// Whether the work itself has the configuration written into the run folder (<c>Run.SaveConfig</c>), once it knows that
    /// what lies there is of the same experiment; else it is written before the work begins.
    /// </summary>
    bool IsSavedByRun => false;

    /// <summary>What is wrong between keys whose values are each right. The places are looked up by the keys.</summary>
    internal IEnumerable<ConfigProblem> Check() => [];

    /// <summary>What is allowed but rarely meant, a sentence each: shown before the work begins.</summary>
    IEnumerable<string> Warnings() => [];
}
