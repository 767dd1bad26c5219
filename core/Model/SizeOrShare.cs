using System.Globalization;

namespace Electra.Model;

/// <summary>A size, or a share of another size: <c>64</c> or <c>0.25</c>, <c>1</c> or <c>1.0</c>.</summary>
public readonly struct SizeOrShare
{
    private readonly double value;
    private readonly bool isShare;

    private SizeOrShare(double value, bool isShare) => (this.value, this.isShare) = (value, isShare);

    /// <summary>Reads a whole number as a size, and one with a point as a share.</summary>
    /// <exception cref="FormatException">It is neither.</exception>
    public static SizeOrShare Parse(string text)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int size) && size > 0)
            return size;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double share) && share is > 0 and <= 16
            ? share
            : throw new FormatException("a size (64) or a share of the discriminator's (0.25; 1.0 is all of it) is expected");
    }

    /// <summary>A size.</summary>
    public static implicit operator SizeOrShare(int size) => new(size, isShare: false);

    /// <summary>A share.</summary>
    public static implicit operator SizeOrShare(double share) => new(share, isShare: true);

    /// <summary>The size; a share is rounded as in Google's code: half to even.</summary>
    /// <param name="whole">What it may be a share of.</param>
    internal int Of(int whole) => (int)(isShare ? Math.Round(whole * value) : value);

    /// <summary>As <see cref="Parse"/> reads it.</summary>
    public override string ToString() => value.ToString(isShare ? "0.0################" : "0", CultureInfo.InvariantCulture);
}
