namespace Electra.Data.Examples;

/// <summary>Documents that follow each other: the unit of work of a preparation.</summary>
/// <param name="Index">Its number in the corpus.</param>
/// <param name="FirstDocument">The number of its first document.</param>
/// <param name="Documents">The documents.</param>
/// <param name="Characters">Their characters in all.</param>
internal sealed record CorpusSegment(long Index, long FirstDocument, List<string> Documents, long Characters)
{
    /// <summary>Cuts documents into segments, from the first document after those that are done.</summary>
    /// <exception cref="UserErrorException">The documents that are done are not those of the corpus.</exception>
    public static IEnumerable<CorpusSegment> Cut(IEnumerable<string> documents, PreparationState done, int segmentCharacters) =>
        Cut(After(documents, done), done.Segments, done.Summary.Documents, segmentCharacters);

    /// <summary>Cuts documents into segments.</summary>
    /// <param name="documents">The documents.</param>
    /// <param name="index">The number of the first segment.</param>
    /// <param name="first">The number of the first document.</param>
    /// <param name="segmentCharacters">A segment ends with the document that brings it to this many.</param>
    public static IEnumerable<CorpusSegment> Cut(IEnumerable<string> documents, long index, long first, int segmentCharacters)
    {
        long characters = 0;
        var gathered = new List<string>();
        foreach (string text in documents)
        {
            gathered.Add(text);
            characters += text.Length;
            if (characters < segmentCharacters)
                continue;
            yield return new(index++, first, gathered, characters);
            first += gathered.Count;
            (gathered, characters) = ([], 0);
        }
        if (gathered.Count > 0)
            yield return new(index, first, gathered, characters);
    }

    /// <summary>Passes over the documents that are done, and checks that they are the same.</summary>
    private static IEnumerable<string> After(IEnumerable<string> documents, PreparationState done)
    {
        long document = 0, skipped = 0;
        foreach (string text in documents)
        {
            document++;
            if (document <= done.Summary.Documents)
            {
                skipped += text.Length;
                continue;
            }
            if (document == done.Summary.Documents + 1)
                CheckSkipped(document - 1, skipped, done);
            yield return text;
        }
        if (document <= done.Summary.Documents)
            CheckSkipped(document, skipped, done);
    }

    private static void CheckSkipped(long documents, long characters, PreparationState done)
    {
        if ((documents, characters) != (done.Summary.Documents, done.Summary.Characters))
            throw new UserErrorException(
                $"The corpus has changed since its preparation began: "
                    + $"{done.Summary.Documents} documents of {done.Summary.Characters} characters were done, "
                    + $"and it now starts with {documents} of {characters}. Delete the folder of its examples and prepare them again."
            );
    }
}
