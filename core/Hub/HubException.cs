namespace Electra.Hub;

/// <summary>Something on the hub cannot be read. The message says what and why; the caller adds what to do instead.</summary>
/// <param name="message">What is wrong, and where.</param>
/// <param name="innerException">The cause.</param>
internal class HubException(string message, Exception? innerException = null) : UserErrorException(message, innerException);

/// <summary>The hub cannot be reached at all: no network, no such host, nobody answers.</summary>
/// <param name="message">Which hub, and what happened.</param>
/// <param name="innerException">The cause.</param>
internal sealed class HubUnreachableException(string message, Exception? innerException = null) : HubException(message, innerException);
