
using Electra.Storage;

namespace Electra.Hub;

/// <summary>Where a configuration names a folder, the name of a repository on the hub does as well.</summary>
internal static class HubFolders
{
    /// <summary>What begins a name that is never a path.</summary>
    internal const string Prefix = "hub:";

    /// <summary>A path that is missing, and no repository.</summary>
    private static readonly string[] FileExtensions =
        [".txt", ".json", ".bin", ".pt", ".pth", ".safetensors", ".tsv", ".csv", ".yaml", ".zip", ".index"];

    /// <summary>
    /// The folder that a configuration means: one on this machine, or else the downloaded files of a repository on the hub
    /// (<c>google/electra-small-discriminator</c>, <c>org/name@revision</c>, or <c>hub:org/name</c> where a folder has that name too).
    /// </summary>
    /// <param name="source">A path or a name.</param>
    /// <param name="kind">What the repository would hold.</param>
    /// <param name="patterns">Which of its files are wanted, as of <see cref="HubSnapshot.Matching"/>.</param>
    /// <param name="hub">The hub; by default what the environment says.</param>
    /// <param name="progress">Told of the megabytes downloaded.</param>
    /// <param name="cancellation">Stops the download; the next call goes on.</param>
    /// <returns>The full path; that of the working directory where there is neither, as <see cref="Paths.Find(string)"/> has it.</returns>
    /// <exception cref="HubException">It is a name, and the repository cannot be opened or has no such file.</exception>
    public static string Find(string source, HubKind kind, IEnumerable<string> patterns,
        HubClient? hub = null, IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default)
    {
        bool isNamed = source.StartsWith(Prefix, StringComparison.Ordinal);
        var name = isNamed ? source[Prefix.Length..] : source;
        var path = Paths.Find(source);
        if (!isNamed && (Path.Exists(path) || !HubRepository.IsName(name) || FileExtensions.Contains(Path.GetExtension(name))))
            return path;

        using var own = hub is null ? new HubClient() : null;
        try
        {
            // Not on the caller's context: nothing here may wait for it.
            return Task.Run(() => Download(hub ?? own!)).GetAwaiter().GetResult();
        }
        catch (HubException e) when (!isNamed)
        {
            throw new HubException($"there is no {source} on this machine, and {e.Message}", e);
        }

        async Task<string> Download(HubClient client)
        {
            var snapshot = await client.OpenAsync(HubRepository.Parse(kind, name), cancellation);
            string[] wanted = [.. patterns];
            var files = snapshot.Matching(wanted);
            return files.Count > 0
                ? await snapshot.DownloadAsync(files, progress, cancellation)
                : throw new HubException($"{HubErrors.Named(snapshot.Repository)} has no {string.Join(" and no ", wanted)}.");
        }
    }
}
