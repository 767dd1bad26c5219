using System.Net;
using System.Net.Http.Headers;
using System.Reflection;
using Microsoft.Extensions.Http.Resilience;
using Polly;
using Polly.Timeout;

namespace Electra.Hub;

/// <summary>
/// Asks the hub. What passes by itself (429, 5xx, a connection that breaks) is tried again with growing waits, for as long as the
/// hub asks in Retry-After; a hub that was never reached is given up at once.
/// </summary>
internal sealed class HubConnection : IDisposable
{
    private const int Retries = 4;

    /// <summary>Whoever is told to come back later than this is told so, instead of waiting.</summary>
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromMinutes(5);

    private readonly HttpClient client;
    private bool wasReached;

    public HubConnection(HubSettings settings)
    {
        Settings = settings;
        var retry = new HttpRetryStrategyOptions
        {
            MaxRetryAttempts = Retries,
            Delay = settings.RetryDelay,
            MaxDelay = TimeSpan.FromSeconds(60),
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            ShouldHandle = arguments => ValueTask.FromResult(IsWorthRetrying(arguments.Outcome)),
        };
        var resilience = new ResiliencePipelineBuilder<HttpResponseMessage>().AddRetry(retry).AddTimeout(settings.IdleTimeout).Build();
        var sockets = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            ConnectTimeout = settings.ConnectTimeout,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        };
        client = new HttpClient(new ResilienceHandler(resilience) { InnerHandler = new HubHandler(settings, sockets) })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        client.DefaultRequestHeaders.UserAgent.Add(
            new ProductInfoHeaderValue(
                "electra.net",
                typeof(HubConnection).Assembly.GetCustomAttribute<AssemblyFileVersionAttribute>()?.Version
            )
        );
    }

    public HubSettings Settings { get; }

    /// <summary>Asks for something small: the answer is here as a whole, however often its connection broke.</summary>
    /// <param name="address">Relative to the endpoint, or as the hub gave it.</param>
    /// <param name="repository">What is asked about, for messages.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="HubException">The hub cannot be reached, or refuses.</exception>
    public Task<HttpResponseMessage> GetAsync(Uri address, HubRepository repository, CancellationToken cancellation) =>
        SendAsync(address, repository, request => request.Options.Set(HubHandler.IsSmall, true), cancellation);

    /// <summary>Asks for the content of a file, which is not read yet.</summary>
    /// <param name="address">Relative to the endpoint.</param>
    /// <param name="repository">What is asked about, for messages.</param>
    /// <param name="prepare">Adds headers.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="HubException">The hub cannot be reached, or refuses.</exception>
    public Task<HttpResponseMessage> GetContentAsync(
        Uri address,
        HubRepository repository,
        Action<HttpRequestHeaders> prepare,
        CancellationToken cancellation
    ) => SendAsync(address, repository, request => prepare(request.Headers), cancellation);

    private async Task<HttpResponseMessage> SendAsync(
        Uri address,
        HubRepository repository,
        Action<HttpRequestMessage> prepare,
        CancellationToken cancellation
    )
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(Settings.Endpoint, address));
            prepare(request);
            var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
            wasReached = true;
            if (response.IsSuccessStatusCode)
                return response;
            using (response)
                throw HubErrors.Refusal(response, repository, Settings);
        }
        catch (Exception e) when (e is HttpRequestException or TimeoutRejectedException)
        {
            throw HubErrors.Unreachable(e, repository, Settings);
        }
    }

    public void Dispose() => client.Dispose();

    private bool IsWorthRetrying(Outcome<HttpResponseMessage> outcome) =>
        outcome switch
        {
            // Nobody is there: the network may be gone for a moment, but a hub that was never there will not come.
            {
                Exception: TimeoutRejectedException
                    or HttpRequestException
                {
                    HttpRequestError: HttpRequestError.NameResolutionError
                            or HttpRequestError.ConnectionError
                            or HttpRequestError.SecureConnectionError
                            or HttpRequestError.ProxyTunnelError
                }
            } => wasReached,
            { Exception: HttpRequestException } => true,
            { Result: { } response } => IsTransient(response.StatusCode) && !AsksToWaitTooLong(response),
            _ => false,
        };

    private static bool IsTransient(HttpStatusCode status) =>
        status is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout or >= HttpStatusCode.InternalServerError;

    private static bool AsksToWaitTooLong(HttpResponseMessage response) =>
        response.Headers.RetryAfter is { } after && (after.Delta ?? after.Date - DateTimeOffset.UtcNow) > LongestRetryAfter;
}
