namespace Electra.Pretraining.Examples;

/// <summary>Documents that follow each other: the unit of work of a preparation.</summary>
/// <param name="Index">Its number in the corpus.</param>
/// <param name="FirstDocument">The number of its first document.</param>
/// <param name="Documents">The documents.</param>
/// <param name="Characters">Their characters in all.</param>
internal sealed record CorpusSegment(long Index, long FirstDocument, List<string> Documents, long Characters)
{
    /// <summary>Cuts documents into segments, from the first document after those that are done.</summary>
    /// <exception cref="UserErrorException">The documents that are done are not those of the corpus.</exception>
    public static IEnumerable<CorpusSegment> Cut(IEnumerable<string> documents, PreparationState done, int segmentCharacters)
    {
        long index = done.Segments, document = 0, skipped = 0, characters = 0;
        var gathered = new List<string>();
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
            gathered.Add(text);
            characters += text.Length;
            if (characters >= segmentCharacters)
            {
                yield return new(index++, document - gathered.Count, gathered, characters);
                (gathered, characters) = ([], 0);
            }
        }
        if (document <= done.Summary.Documents)
            CheckSkipped(document, skipped, done);
        if (gathered.Count > 0)
            yield return new(index, document - gathered.Count, gathered, characters);
    }

    private static void CheckSkipped(long documents, long characters, PreparationState done)
    {
        if ((documents, characters) != (done.Summary.Documents, done.Summary.Characters))
            throw new UserErrorException(
                $"The corpus has changed since its preparation began: {done.Summary.Documents} documents of {done.Summary.Characters} characters were done, " +
                $"and it now starts with {documents} of {characters}. Delete the folder of its examples and prepare them again.");
    }
}
