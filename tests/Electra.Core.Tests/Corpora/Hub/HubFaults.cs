using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Electra.Tests.Corpora.Hub;

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

    /// <summary>Passes so many bytes on and breaks the connection.</summary>
    private sealed class BreakingStream(HttpContext context, Stream inner, int left) : Stream
    {
        private int left = left;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (buffer.Length <= left)
            {
                left -= buffer.Length;
                await inner.WriteAsync(buffer, cancellationToken);
                return;
            }
            await inner.WriteAsync(buffer[..left], cancellationToken);
            await inner.FlushAsync(cancellationToken);
            // Time for what was sent to arrive: a reset overtakes it.
            await Task.Delay(50, cancellationToken);
            context.Features.Get<IHttpRequestLifetimeFeature>()!.Abort();
        }

        public override void Flush() => inner.Flush();

        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
