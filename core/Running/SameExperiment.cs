
using Electra.Storage;

namespace Electra.Running;

/// <summary>Keeps a run from going on with what another experiment left under the same name.</summary>
internal static class SameExperiment
{
    /// <summary>Compares two experiments, each as the YAML of what is learned in it.</summary>
    /// <param name="saved">What the folder holds.</param>
    /// <param name="wanted">What is to go on.</param>
    /// <param name="folder">The run's folder.</param>
    /// <param name="advice">What the user can do.</param>
    /// <exception cref="UserErrorException">They differ: the message lists each line that does.</exception>
    public static void Require(string saved, string wanted, string folder, string advice)
    {
        string[] was = Lines(saved), now = Lines(wanted);
        if (was.SequenceEqual(now))
            return;
        var differences = now.Except(was)
            .Select(line => $"  now   {line.Trim()}")
            .Concat(was.Except(now).Select(line => $"  then  {line.Trim()}"));
        throw new UserErrorException(
            $"the run in {Paths.Shown(folder)} is another experiment:\n{string.Join('\n', differences)}\n{advice}"
        );

        static string[] Lines(string yaml) =>
            [.. yaml.Split('\n').Where(line => !line.TrimStart().StartsWith('#') && line.Trim().Length > 0)];
    }
}
