using Electra.Configuration;
using Electra.Storage;

namespace Electra.Running;

/// <summary>Keeps a run from going on with what another experiment left under the same name.</summary>
internal static class SameExperiment
{
    /// <summary>Compares two experiments, each as the YAML of what is learned in it (<c>Config.LearnedYaml</c>).</summary>
    /// <param name="saved">What the folder holds. Keys that do not count any more may stand in it.</param>
    /// <param name="wanted">What is to go on.</param>
    /// <param name="folder">The run's folder.</param>
    /// <param name="advice">What the user can do.</param>
    /// <exception cref="UserErrorException">They differ: the message lists each key that does, with both values.</exception>
    public static void Require(string saved, string wanted, string folder, string advice)
    {
        var was = ConfigValues.Of(saved);
        var differences = ConfigValues
            .Of(wanted)
            .Where(now => was.GetValueOrDefault(now.Key) != now.Value)
            .Select(now =>
                $"  now   {now.Key}: {now.Value}\n"
                    + $"  then  {(was.TryGetValue(now.Key, out var then) ? $"{now.Key}: {then}" : $"no key {now.Key}")}"
            )
            .ToList();
        if (differences.Count > 0)
            throw new UserErrorException(
                $"the run in {Paths.Shown(folder)} is another experiment:\n{string.Join('\n', differences)}\n{advice}"
            );
    }
}
