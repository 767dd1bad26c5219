namespace Electra.Training;

/// <summary>
/// Makes what the next update needs on another thread, while the present one is computed. One is made ahead; what is never taken, for the
/// run stops before, has no effect.
/// </summary>
/// <param name="make">Makes what the k-th update needs. One call at a time, in their order, on any thread.</param>
/// <param name="end">Nothing is made ahead for this update, nor for those after it.</param>
internal sealed class Prefetcher<T>(Func<long, T> make, long end) : IDisposable
{
    private (long K, Task<T> Made)? next;

    /// <summary>What the k-th update needs; waits for it where it is still being made.</summary>
    /// <exception cref="Exception">What went wrong when it was made.</exception>
    public T Take(long k)
    {
        T taken;
        if (next is { } ready && ready.K == k)
            taken = ready.Made.GetAwaiter().GetResult();
        else
        {
            Dispose();
            taken = make(k);
        }
        next = k + 1 < end ? (k + 1, Task.Run(() => make(k + 1))) : null;
        return taken;
    }

    /// <summary>Waits until nothing is being made any more; what went wrong in what nobody takes is of no interest.</summary>
    public void Dispose()
    {
        if (next is { } pending)
            Task.WaitAny(pending.Made);
        next = null;
    }
}
