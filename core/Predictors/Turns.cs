namespace Electra.Predictors;

/// <summary>
/// A model whose callers come one after the other: its kernels use all processors already. It is disposed of when nobody asks it.
/// </summary>
/// <param name="model">The model; it is owned by this.</param>
internal sealed class Turns<TModel>(TModel model) : IDisposable
    where TModel : class, IDisposable
{
    private readonly SemaphoreSlim free = new(1);
    private TModel? model = model;

    /// <summary>Asks the model when it is free.</summary>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed of.</exception>
    public TAnswer Take<TAnswer>(Func<TModel, TAnswer> ask, CancellationToken cancellation)
    {
        free.Wait(cancellation);
        try
        {
            return ask(model ?? throw new ObjectDisposedException(typeof(TModel).Name));
        }
        finally
        {
            free.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        free.Wait();
        model?.Dispose();
        model = null;
        free.Release(); // and is kept: whoever waits is told that the model is gone
    }
}
