using Electra.Data;
using Electra.Model;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>A masked text before it goes to the device: all that can be made ahead of a pass, on another thread.</summary>
internal sealed class PreparedPass
{
    /// <summary>The target of a place that fills up: libtorch's <c>cross_entropy</c> passes over it.</summary>
    public const long Filling = -100;

    private const int PlacesMultiple = 64;

    private readonly Upload upload;

    /// <param name="batch">The text.</param>
    /// <param name="masked">What is masked of it.</param>
    /// <param name="key">Names the random draws of the update.</param>
    /// <param name="compute">Where it goes.</param>
    public PreparedPass(TokenBatch batch, MaskedTokens masked, RandomKey key, Compute compute)
    {
        (Batch, Masked, Key, Compute) = (batch, masked, key, compute);
        var positions = masked.Positions;
        int filled = compute.IsCuda ? (positions.Length + PlacesMultiple - 1) / PlacesMultiple * PlacesMultiple : positions.Length;
        T[] Filled<T>(T[] values, T filling) => [.. values, .. Enumerable.Repeat(filling, filled - values.Length)];
        Repeats = positions.Distinct().Count() < positions.Length;
        DrawKeys = Filled(batch.KeysAt(positions, key[2]), default);
        var (block, place) = AttentionMask.BlocksOf(batch);
        upload = new Upload(
            compute.Device,
            batch.Ids,
            batch.TokenTypes,
            [.. batch.Lengths.Select(length => (long)length)],
            batch.TokenPositions(),
            masked.Ids,
            Filled(positions, 0),
            Filled(masked.Targets, Filling),
            compute.IsCuda ? [.. DrawKeys.Select(DeviceRandom.FirstDraw)] : [],
            block,
            place
        );
    }

    /// <summary>The text before it was masked.</summary>
    public TokenBatch Batch { get; }

    /// <summary>What was masked of it.</summary>
    public MaskedTokens Masked { get; }

    /// <summary>Names the random draws of the update.</summary>
    public RandomKey Key { get; }

    /// <summary>Where it goes.</summary>
    public Compute Compute { get; }

    /// <summary>Whether a place was masked more than once.</summary>
    public bool Repeats { get; }

    /// <summary>Names what is drawn at each place.</summary>
    public RandomKey[] DrawKeys { get; }

    /// <summary>The arrays on the device: <see cref="Upload.Put"/>.</summary>
    public Tensor[] Put(bool isLast) => upload.Put(isLast);
}
