using System.Net;
using System.Net.Http.Headers;

namespace Electra.Hub;

/// <summary>
/// Follows redirects, and sends the token to the hub itself and to nobody else: where large files lie, on other hosts, the address
/// alone lets in.
/// </summary>
internal sealed class HubHandler(HubSettings settings, HttpMessageHandler inner) : DelegatingHandler(inner)
{
    /// <summary>What the hub says of a file where it redirects to the file's content.</summary>
    private static readonly string[] KeptHeaders = [CommitHeader, LinkedETagHeader];

    private const int MostRedirects = 10;

    /// <summary>The commit that a file comes from.</summary>
    public const string CommitHeader = "X-Repo-Commit";

    /// <summary>The hash of the content of a file in large-file storage.</summary>
    public const string LinkedETagHeader = "X-Linked-Etag";

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var original = request;
        var kept = new List<(string Name, string Value)>();
        for (int redirects = 0; ; redirects++)
        {
            request.Headers.Authorization =
                settings.Token is { } token && IsHub(request.RequestUri!) ? new AuthenticationHeaderValue("Bearer", token) : null;
            var response = await base.SendAsync(request, cancellationToken);
            if (!IsRedirect(response.StatusCode) || response.Headers.Location is not { } location)
            {
                foreach (var (name, value) in kept.Where(header => !response.Headers.Contains(header.Name)))
                    response.Headers.TryAddWithoutValidation(name, value);
                return response;
            }
            kept.AddRange(
                KeptHeaders.SelectMany(name =>
                    response.Headers.TryGetValues(name, out var values) ? values.Select(value => (name, value)) : []
                )
            );
            var next = new Uri(request.RequestUri!, location);
            response.Dispose();
            if (redirects == MostRedirects)
                throw new HubException($"{original.RequestUri} redirects more than {MostRedirects} times");
            if (next.Scheme != "https" && (next.Scheme != "http" || request.RequestUri!.Scheme == "https"))
                throw new HubException($"{request.RequestUri} redirects to {next}, which is not encrypted");
            request = Copy(original, next);
        }
    }

    /// <summary>Whether an address is the hub's own: same scheme, host and port.</summary>
    private bool IsHub(Uri address) =>
        Uri.Compare(address, settings.Endpoint, UriComponents.SchemeAndServer, UriFormat.UriEscaped, StringComparison.OrdinalIgnoreCase)
        == 0;

    private static bool IsRedirect(HttpStatusCode status) =>
        status
            is HttpStatusCode.MovedPermanently
                or HttpStatusCode.Found
                or HttpStatusCode.SeeOther
                or HttpStatusCode.TemporaryRedirect
                or HttpStatusCode.PermanentRedirect;

    private static HttpRequestMessage Copy(HttpRequestMessage request, Uri address)
    {
        var copy = new HttpRequestMessage(request.Method, address) { Version = request.Version, VersionPolicy = request.VersionPolicy };
        foreach (var (name, values) in request.Headers.Where(header => header.Key != "Authorization"))
            copy.Headers.TryAddWithoutValidation(name, values);
        return copy;
    }
}
