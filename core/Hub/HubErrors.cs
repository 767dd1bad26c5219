using System.Net;

namespace Electra.Hub;

/// <summary>What to tell the user when the hub does not give what it was asked for.</summary>
internal static class HubErrors
{
    private const string ErrorCodeHeader = "X-Error-Code";

    /// <summary>Nobody answers.</summary>
    public static HubUnreachableException Unreachable(Exception cause, HubRepository repository, HubSettings settings)
    {
        var reason =
            cause is HttpRequestException
                ? cause.InnerException?.Message ?? cause.Message
                : $"no answer within {settings.IdleTimeout.TotalSeconds} seconds";
        return new HubUnreachableException(
            $"{Named(repository)} cannot be downloaded: the Hugging Face hub at {settings.Endpoint.Host} is not reachable "
                + $"({reason.TrimEnd('.')}).",
            cause
        );
    }

    /// <summary>The hub says no.</summary>
    public static HubException Refusal(HttpResponseMessage response, HubRepository repository, HubSettings settings)
    {
        var page = new Uri(settings.Endpoint, repository.PagePath);
        var code = response.Headers.TryGetValues(ErrorCodeHeader, out var values) ? values.First() : "";
        return new HubException(
            (response.StatusCode, code) switch
            {
                (_, "GatedRepo") =>
                    $"{Named(repository)} is open to those who accepted its terms: "
                        + $"accept them at {page}, and set HF_TOKEN to your access token.",
                (_, "RevisionNotFound") => $"{Named(repository)}: there is no revision {repository.Revision}.",
                (_, "EntryNotFound") => $"{Named(repository)}: there is no {response.RequestMessage?.RequestUri}.",
                (HttpStatusCode.Unauthorized or HttpStatusCode.NotFound or HttpStatusCode.Forbidden, _) =>
                    $"there is no {Kind(repository)} {repository.Id} at {settings.Endpoint.Host}, or it is "
                        + $"private{(settings.Token is null ? ", and no HF_TOKEN is set" : " and the token in use does not open it")}.",
                (HttpStatusCode.TooManyRequests, _) =>
                    $"{Named(repository)} cannot be downloaded now: the hub asks to "
                        + $"wait{(response.Headers.RetryAfter is { } after ? $" ({after} seconds)" : "")}. Start again later: "
                        + "what was downloaded is kept.",
                var (status, _) =>
                    $"{Named(repository)} cannot be downloaded: the hub answers {(int)status} {response.ReasonPhrase}. Start again later: "
                        + "what was downloaded is kept.",
            }
        );
    }

    /// <summary>"the dataset org/name"</summary>
    public static string Named(HubRepository repository) => $"the {Kind(repository)} {repository}";

    private static string Kind(HubRepository repository) => repository.Kind == HubKind.Model ? "model" : "dataset";
}
