using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Electra.Tests.Hub;

/// <summary>What can go wrong between a hub and its client.</summary>
internal static class HubFaults
{
    /// <summary>Breaks the connection of the first answers to a path after some bytes of the body.</summary>
    public static Func<HttpContext, Task<bool>> Drop(string path, params int[] afterBytes)
    {
        int next = 0;
        return context =>
        {
            if (!context.Request.Path.Value!.Contains(path) || next >= afterBytes.Length)
                return Task.FromResult(false);
            context.Response.Body = new BreakingStream(context, context.Response.Body, afterBytes[next++]);
            return Task.FromResult(false);
        };
    }

    /// <summary>Answers the first requests for a path with a status.</summary>
    public static Func<HttpContext, Task<bool>> Status(string path, int status, int times, string? retryAfter = null)
    {
        int count = 0;
        return context =>
        {
            if (!context.Request.Path.Value!.Contains(path) || Interlocked.Increment(ref count) > times)
                return Task.FromResult(false);
            context.Response.StatusCode = status;
            if (retryAfter is not null)
                context.Response.Headers.RetryAfter = retryAfter;
            return Task.FromResult(true);
        };
    }

    /// <summary>Sends the answers to a path in pieces, with a pause before each.</summary>
    public static Func<HttpContext, Task<bool>> Slow(string path, int pieceBytes, TimeSpan pause) => context =>
    {
        if (context.Request.Path.Value!.Contains(path))
            context.Response.Body = new SlowStream(context.Response.Body, pieceBytes, pause);
        return Task.FromResult(false);
    };

    /// <summary>Passes so many bytes on and breaks the connection.</summary>
    private sealed class BreakingStream(HttpContext context, Stream inner, int left) : BodyStream(inner)
    {
        private int left = left;

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (buffer.Length <= left)
            {
                left -= buffer.Length;
                await Inner.WriteAsync(buffer, cancellationToken);
                return;
            }
            await Inner.WriteAsync(buffer[..left], cancellationToken);
            await Inner.FlushAsync(cancellationToken);
            // Time for what was sent to arrive: a reset overtakes it.
            await Task.Delay(50, cancellationToken);
            context.Features.Get<IHttpRequestLifetimeFeature>()!.Abort();
        }
    }

    /// <summary>Passes bytes on, a few at a time.</summary>
    private sealed class SlowStream(Stream inner, int pieceBytes, TimeSpan pause) : BodyStream(inner)
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            for (; buffer.Length > 0; buffer = buffer[Math.Min(pieceBytes, buffer.Length)..])
            {
                await Task.Delay(pause, cancellationToken);
                await Inner.WriteAsync(buffer[..Math.Min(pieceBytes, buffer.Length)], cancellationToken);
                await Inner.FlushAsync(cancellationToken);
            }
        }
    }

    /// <summary>The body of an answer on its way.</summary>
    private abstract class BodyStream(Stream inner) : Stream
    {
        protected Stream Inner { get; } = inner;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush() => Inner.Flush();

        public override Task FlushAsync(CancellationToken cancellationToken) => Inner.FlushAsync(cancellationToken);

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
