
using Electra.Data.Examples;

namespace Electra.Tests.Data.Examples;

/// <summary>Corpora, tokenizers and stores made up for the tests of this room.</summary>
internal static class Made
{
    public static readonly ExampleVocabulary Vocabulary = new(Size: 1000, Cls: 2, Sep: 3, Pad: 0, Unknown: 1);

    /// <summary>Each word is a number below 1000, and its own id; other words are unknown.</summary>
    public static void TokenizeNumbers(ReadOnlySpan<char> line, List<int> ids)
    {
        foreach (var word in line.Split(' '))
            if (line[word].Length > 0)
                ids.Add(int.TryParse(line[word], out int id) ? id : Vocabulary.Unknown);
    }

    /// <summary>Documents of many lengths, the same at every call; words are numbers from 5 to 999.</summary>
    public static IEnumerable<string> Documents(int count, int seed = 7, int mostLines = 40)
    {
        var random = new Random(seed);
        for (int i = 0; i < count; i++)
            yield return string.Join('\n', Enumerable.Range(0, random.Next(mostLines)).Select(_ =>
                string.Join(' ', Enumerable.Range(0, random.Next(60)).Select(_ => random.Next(5, 1000)))));
    }

    public static ExampleSource Source(IEnumerable<string> documents) => new(documents, TokenizeNumbers, Vocabulary, "made up");

    /// <summary>
    /// A store of <paramref name="count"/> examples in which example i is <c>[CLS] i [SEP]</c>, with as many i as its number modulo 50
    /// tells.
    /// </summary>
    public static ExampleStore Store(string folder, int count, int vocabularySize = 50_000)
    {
        var vocabulary = Vocabulary with { Size = vocabularySize };
        var examples = new ExampleList();
        for (int i = 0; i < count; i++)
            examples.Add([.. Enumerable.Repeat(i, 1 + i % 50)], [], vocabulary.Cls, vocabulary.Sep);
        using (var writer = new ExampleStoreWriter(new(folder, "train"), vocabulary, maxLength: 53, default))
        {
            writer.Append(examples);
            writer.Finish();
        }
        return ExampleStore.Open(folder, "train");
    }
}
