using System.Runtime.InteropServices;

namespace Electra.Data.Examples;

/// <summary>Where an example lies: it starts where the one before it ends.</summary>
/// <param name="End">The number of ids up to the end of this example.</param>
/// <param name="LengthA">The length of <c>[CLS] A [SEP]</c>.</param>
internal readonly record struct ExampleBounds(long End, int LengthA);

/// <summary>Examples in memory, one after the other.</summary>
internal sealed class ExampleList
{
    private readonly List<int> ids = [];
    private readonly List<ExampleBounds> bounds = [];

    public int Count => bounds.Count;

    public ReadOnlySpan<int> Ids => CollectionsMarshal.AsSpan(ids);

    /// <summary>Where each example lies in <see cref="Ids"/>.</summary>
    public ReadOnlySpan<ExampleBounds> Bounds => CollectionsMarshal.AsSpan(bounds);

    public ReadOnlySpan<int> this[int index] => Ids[(index == 0 ? 0 : (int)bounds[index - 1].End)..(int)bounds[index].End];

    /// <summary>Appends <c>[CLS] A [SEP]</c>, or <c>[CLS] A [SEP] B [SEP]</c> where <paramref name="second"/> is not empty.</summary>
    public void Add(ReadOnlySpan<int> first, ReadOnlySpan<int> second, int cls, int sep) => Add(first, second, cls, sep, second.Length > 0);

    /// <summary>Appends <c>[CLS] A [SEP]</c>, or <c>[CLS] A [SEP] B [SEP]</c> of a pair, even where B is empty.</summary>
    public void Add(ReadOnlySpan<int> first, ReadOnlySpan<int> second, int cls, int sep, bool isPair)
    {
        ids.Add(cls);
        ids.AddRange(first);
        ids.Add(sep);
        if (isPair)
        {
            ids.AddRange(second);
            ids.Add(sep);
        }
        bounds.Add(new(ids.Count, first.Length + 2));
    }

    /// <summary>Removes all examples; the memory is kept for the next ones.</summary>
    public void Clear()
    {
        ids.Clear();
        bounds.Clear();
    }
}
