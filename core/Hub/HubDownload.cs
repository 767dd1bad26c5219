using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;

namespace Electra.Hub;

/// <summary>
/// Downloads one file into the cache: into <c>blobs/hash.incomplete</c>, on from where a connection broke or a process died, and
/// under its own name only when it is whole and what the list of files said it would be.
/// </summary>
internal sealed class HubDownload(HubConnection connection, HubRepository repository, string commit, HubCache cache, HubFile file)
{
    private const int BufferSize = 1 << 17;

    /// <summary>How often in a row a connection may break without a single new byte.</summary>
    private const int FruitlessAttempts = 5;

    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    /// <summary>The ETag of the answer that the last bytes came from: the content that a later part must be of.</summary>
    private EntityTagHeaderValue? tag;

    /// <summary>Downloads the file, unless another process did in the meantime.</summary>
    /// <param name="received">Told of the bytes that are there, some of them perhaps from an earlier attempt.</param>
    /// <param name="progress">Told of waiting for another process.</param>
    /// <param name="isTemporary">Whether the file may be dropped later.</param>
    /// <param name="cancellation">Stops; the next attempt goes on from there.</param>
    /// <exception cref="HubException">The hub is not reachable, refuses, or sends something else than it announced.</exception>
    public async Task RunAsync(
        Action<long>? received,
        IProgress<ProgressReport>? progress,
        bool isTemporary,
        CancellationToken cancellation
    )
    {
        Directory.CreateDirectory(Path.GetDirectoryName(cache.Blob(file))!);
        using var alone = cache.Lock(file, progress, cancellation);
        if (File.Exists(cache.Blob(file)))
        {
            cache.LinkSnapshot(commit, file, isNew: false);
            return;
        }
        if (isTemporary)
            cache.MarkTemporary(file);
        else
            cache.Keep(file);
        await FetchAsync(received, cancellation);
        cache.Accept(commit, file);
    }

    private async Task FetchAsync(Action<long>? received, CancellationToken cancellation)
    {
        var path = cache.Incomplete(file);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using (var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, BufferSize))
        {
            bool isResumed = await TakeUpAsync(stream, hash, cancellation);
            await ReceiveAllAsync(stream, hash, received, cancellation);
            if (isResumed && !IsRight(hash))
            {
                // What was there from before may have been the damaged part.
                Restart(stream, hash);
                await ReceiveAllAsync(stream, hash, received, cancellation);
            }
            stream.Flush(flushToDisk: true);
            if (IsRight(hash))
                return;
        }
        File.Delete(path);
        throw new HubException(
            $"{file.Path} of {HubErrors.Named(repository)} arrived damaged: the SHA-256 of what came is not {file.Hash}. "
                + "Nothing of it is kept; start again."
        );
    }

    /// <summary>Goes on from an earlier attempt, if its part can be checked at the end: a file without a SHA-256 begins anew.</summary>
    private async Task<bool> TakeUpAsync(FileStream stream, IncrementalHash hash, CancellationToken cancellation)
    {
        if (!file.IsLarge || stream.Length > file.Size)
            Restart(stream, hash);
        var buffer = new byte[BufferSize];
        for (int count; (count = await stream.ReadAsync(buffer, cancellation)) > 0;)
            hash.AppendData(buffer, 0, count);
        return stream.Length > 0;
    }

    private async Task ReceiveAllAsync(FileStream stream, IncrementalHash hash, Action<long>? received, CancellationToken cancellation)
    {
        var pause = connection.Settings.RetryDelay;
        for (int fruitless = 0; stream.Length < file.Size || file.Size == 0;)
        {
            if (!file.IsLarge)
                Restart(stream, hash);
            long before = stream.Length;
            var broken = await ReceiveAsync(stream, hash, received, cancellation);
            if (broken is null && stream.Length == file.Size)
                return;
            fruitless = file.IsLarge && stream.Length > before ? 0 : fruitless + 1;
            if (fruitless >= FruitlessAttempts)
                throw new HubException(
                    $"{file.Path} of {HubErrors.Named(repository)} cannot be downloaded: "
                        + $"the connection breaks after {stream.Length:N0} of {file.Size:N0} bytes, again and again. Start again later: "
                        + "what was downloaded is kept.",
                    broken
                );
            pause = fruitless == 0 ? connection.Settings.RetryDelay : pause * 2;
            await Task.Delay(pause < LongestPause ? pause : LongestPause, cancellation);
        }
    }

    /// <summary>Asks for the rest of the file and writes what comes of it.</summary>
    /// <returns>What broke the connection; null where the answer came to its end.</returns>
    private async Task<Exception?> ReceiveAsync(
        FileStream stream,
        IncrementalHash hash,
        Action<long>? received,
        CancellationToken cancellation
    )
    {
        long from = stream.Length;
        using var response = await AskFromAsync(from, cancellation);
        CheckIdentity(response);
        tag = response.Headers.ETag;
        // A hub that knows no ranges, or has another content now, sends all from the start.
        if (from > 0 && (response.StatusCode != HttpStatusCode.PartialContent || response.Content.Headers.ContentRange?.From != from))
            Restart(stream, hash);

        await using var content = await response.Content.ReadAsStreamAsync(cancellation);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        using var idle = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        try
        {
            while (true)
            {
                int count;
                try
                {
                    idle.CancelAfter(connection.Settings.IdleTimeout);
                    count = await content.ReadAsync(buffer.AsMemory(0, BufferSize), idle.Token);
                }
                catch (Exception e)
                    when (e is IOException or HttpRequestException
                        || (e is OperationCanceledException && !cancellation.IsCancellationRequested)
                    )
                {
                    return e;
                }
                if (count == 0)
                    return null;
                if (stream.Length + count > file.Size)
                    throw Changed($"more than its {file.Size:N0} bytes came");
                await stream.WriteAsync(buffer.AsMemory(0, count), cancellation);
                await stream.FlushAsync(cancellation);
                hash.AppendData(buffer, 0, count);
                received?.Invoke(stream.Length);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task<HttpResponseMessage> AskFromAsync(long from, CancellationToken cancellation)
    {
        var address = new Uri(
            $"{repository.PagePath}/resolve/{commit}/{string.Join('/', file.Path.Split('/').Select(Uri.EscapeDataString))}",
            UriKind.Relative
        );
        return await connection.GetContentAsync(
            address,
            repository,
            headers =>
            {
                // Compressed on the way, a file has another length.
                headers.AcceptEncoding.ParseAdd("identity");
                if (from == 0)
                    return;
                headers.Range = new RangeHeaderValue(from, null);
                if (tag is { IsWeak: false })
                    headers.IfRange = new RangeConditionHeaderValue(tag);
            },
            cancellation
        );
    }

    /// <summary>The hub names the commit and the content of what it sends: both must be those of the list of files.</summary>
    private void CheckIdentity(HttpResponseMessage response)
    {
        string? Header(string name) => response.Headers.TryGetValues(name, out var values) ? values.First() : null;

        if (Header(HubHandler.CommitHeader) is { } sent && sent != commit)
            throw Changed($"it comes from the commit {sent}, and {commit} was asked for");
        // Other hosts name the content of large files in their own ways.
        var content = Header(HubHandler.LinkedETagHeader) ?? (file.IsLarge ? null : response.Headers.ETag?.Tag);
        if (content is not null && content.Replace("W/", "").Trim('"') is var now && now != file.Hash && now.Length == file.Hash.Length)
            throw Changed($"its content is {now} now, and was {file.Hash} in the list of files");
    }

    /// <summary>The list of files is not to be trusted any more: it is asked for again next time.</summary>
    private HubException Changed(string how)
    {
        File.Delete(cache.Tree(commit));
        return new HubException($"{file.Path} of {HubErrors.Named(repository)} changed while it was downloaded: {how}. Start again.");
    }

    private bool IsRight(IncrementalHash hash) => !file.IsLarge || Convert.ToHexStringLower(hash.GetCurrentHash()) == file.Hash;

    private static void Restart(FileStream stream, IncrementalHash hash)
    {
        stream.SetLength(0);
        hash.GetHashAndReset();
    }
}
