using System.Net;
using System.Net.Http.Headers;
using System.Reflection;
using Polly;
using Polly.Retry;
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
    private readonly ResiliencePipeline<HttpResponseMessage> resilience;
    private bool wasReached;

    public HubConnection(HubSettings settings)
    {
        Settings = settings;
        var retry = new RetryStrategyOptions<HttpResponseMessage>
        {
            MaxRetryAttempts = Retries,
            Delay = settings.RetryDelay,
            MaxDelay = TimeSpan.FromSeconds(60),
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            DelayGenerator = arguments => ValueTask.FromResult(arguments.Outcome.Result is { } response ? RetryAfter(response) : null),
            ShouldHandle = arguments => ValueTask.FromResult(IsWorthRetrying(arguments.Outcome)),
        };
        resilience = new ResiliencePipelineBuilder<HttpResponseMessage>().AddRetry(retry).AddTimeout(settings.IdleTimeout).Build();
        var sockets = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            ConnectTimeout = settings.ConnectTimeout,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        };
        client = new HttpClient(new HubHandler(settings, sockets)) { Timeout = Timeout.InfiniteTimeSpan };
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
        SendAsync(address, repository, HttpCompletionOption.ResponseContentRead, _ => { }, cancellation);

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
    ) => SendAsync(address, repository, HttpCompletionOption.ResponseHeadersRead, prepare, cancellation);

    private async Task<HttpResponseMessage> SendAsync(
        Uri address,
        HubRepository repository,
        HttpCompletionOption completion,
        Action<HttpRequestHeaders> prepare,
        CancellationToken cancellation
    )
    {
        try
        {
            var response = await resilience.ExecuteAsync(
                async attempt =>
                {
                    using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(Settings.Endpoint, address));
                    prepare(request.Headers);
                    return await client.SendAsync(request, completion, attempt);
                },
                cancellation
            );
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

    private static bool AsksToWaitTooLong(HttpResponseMessage response) => RetryAfter(response) > LongestRetryAfter;

    /// <summary>How long the hub asks to wait; null where it does not say.</summary>
    private static TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        var after = response.Headers.RetryAfter;
        var wait = after?.Delta ?? after?.Date - DateTimeOffset.UtcNow;
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }
}
