using System.Text.RegularExpressions;

namespace Electra.Hub;

/// <summary>Where the hub is, who asks, and where downloads are kept.</summary>
/// <param name="Endpoint">The hub's address.</param>
/// <param name="CacheFolder">The folder that this kit shares with Python's huggingface_hub: <c>models--org--name</c> and the like lie in
/// it.</param>
/// <param name="Token">The access token; it is sent to <paramref name="Endpoint"/> alone.</param>
/// <param name="IsOffline">Whether only what the cache holds may be used.</param>
internal sealed partial record HubSettings(Uri Endpoint, string CacheFolder, string? Token = null, bool IsOffline = false)
{
    private static readonly string[] Yes = ["1", "ON", "YES", "TRUE"];

    /// <summary>The wait before the first retry; it doubles from retry to retry.</summary>
    internal TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a connection may take to come about.</summary>
    internal TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the hub may send nothing.</summary>
    internal TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// What the environment says, in huggingface_hub's variables: HF_ENDPOINT, HF_HOME (else <c>$XDG_CACHE_HOME/huggingface</c>),
    /// HF_HUB_CACHE, HF_TOKEN (else the file HF_TOKEN_PATH, else <c>$HF_HOME/token</c>) and HF_HUB_OFFLINE; and in those that older
    /// versions had: HUGGINGFACE_HUB_CACHE, HUGGING_FACE_HUB_TOKEN, TRANSFORMERS_OFFLINE.
    /// </summary>
    /// <exception cref="UserErrorException">HF_ENDPOINT is not an address.</exception>
    public static HubSettings FromEnvironment() => From(Environment.GetEnvironmentVariable);

    internal static HubSettings From(Func<string, string?> variable)
    {
        string? Given(string name) => variable(name)?.Trim() is { Length: > 0 } value ? value : null;

        var user = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        string Expanded(string path)
        {
            path = Variable().Replace(path, name => variable(name.Groups[1].Value) ?? name.Value);
            return path == "~" || path.StartsWith("~/", StringComparison.Ordinal) ? user + path[1..] : Path.GetFullPath(path);
        }

        var home = Expanded(Given("HF_HOME") ?? Path.Combine(Given("XDG_CACHE_HOME") ?? Path.Combine(user, ".cache"), "huggingface"));
        var endpoint = Given("HF_ENDPOINT") ?? "https://huggingface.co";
        if (!Uri.TryCreate(endpoint.TrimEnd('/') + "/", UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
            throw new UserErrorException($"HF_ENDPOINT is {endpoint}: the address of a hub is expected, such as https://huggingface.co");
        return new HubSettings(
            address,
            Expanded(Given("HF_HUB_CACHE") ?? Given("HUGGINGFACE_HUB_CACHE") ?? Path.Combine(home, "hub")),
            Given("HF_TOKEN")
                ?? Given("HUGGING_FACE_HUB_TOKEN")
                ?? TokenIn(Expanded(Given("HF_TOKEN_PATH") ?? Path.Combine(home, "token"))),
            Yes.Contains((Given("HF_HUB_OFFLINE") ?? Given("TRANSFORMERS_OFFLINE"))?.ToUpperInvariant())
        );
    }

    /// <summary>Shows where, and not who: a token is never printed.</summary>
    public override string ToString() => $"{Endpoint} ({CacheFolder}{(IsOffline ? ", offline" : "")})";

    /// <summary>As Python does, <c>$NAME</c> and <c>${NAME}</c> in a path are other variables.</summary>
    [GeneratedRegex(@"\$\{?(\w+)\}?")]
    private static partial Regex Variable();

    /// <summary>The token in a file; null where there is none, or it belongs to another user.</summary>
    private static string? TokenIn(string file)
    {
        try
        {
            return File.Exists(file) && File.ReadAllText(file).Trim() is { Length: > 0 } token ? token : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
