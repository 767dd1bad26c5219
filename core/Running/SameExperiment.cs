using Electra.Configuration;
using Electra.Storage;

namespace Electra.Running;

/// <summary>Keeps a run from going on with what another experiment left under the same name.</summary>
internal static class SameExperiment
{
    /// <summary>Compares two experiments by what is learned in each.</summary>
    /// <param name="was">
    /// What the folder holds, by dotted key, as <c>Config.LearnedValues</c> reads it. Keys that do not count any more may be among it.
    /// </param>
    /// <param name="wanted">What is to go on, as <c>Config.LearnedYaml</c>.</param>
    /// <param name="folder">The run's folder.</param>
    /// <param name="advice">What the user can do.</param>
    /// <exception cref="UserErrorException">They differ: the message lists each key that does, with both values.</exception>
    public static void Require(IReadOnlyDictionary<string, string> was, string wanted, string folder, string advice)
    {
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
