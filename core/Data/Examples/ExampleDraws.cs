
using Electra.Tensors;

namespace Electra.Data.Examples;

/// <summary>The two kinds of random number that making examples takes.</summary>
/// <param name="Uniform">A number in [0, 1).</param>
/// <param name="Between">An integer between two others, both included.</param>
internal sealed record ExampleDraws(Func<double> Uniform, Func<int, int, int> Between)
{
    /// <summary>The draws of the random stream that <paramref name="key"/> names.</summary>
    public static ExampleDraws From(RandomKey key)
    {
        var numbers = key.Numbers();
        return new(() => numbers.NextDouble(), (first, last) => first + numbers.Next(last - first + 1));
    }
}
