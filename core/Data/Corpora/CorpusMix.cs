using System.Globalization;
using Electra.Hub;

namespace Electra.Data.Corpora;

/// <summary>Several corpora as one.</summary>
internal static class CorpusMix
{
    /// <exception cref="UserErrorException">A part cannot be opened, or only some of them have a weight.</exception>
    public static Corpus Open(CorpusOptions options, HubClient? hub)
    {
        if (options.Source.Count > 0)
            throw new UserErrorException("corpus: both source and mix are given; give the sources of a mix in its parts");
        int weighted = options.Mix.Count(part => part.Weight > 0);
        if (weighted != 0 && weighted != options.Mix.Count)
            throw new UserErrorException(
                $"corpus.mix: {weighted} of {options.Mix.Count} parts have a weight; give all of them one, or none to read each once"
            );
        Corpus[] parts =
        [
            .. options.Mix.Select(part => Corpus.Open(part with { KeepDownloads = part.KeepDownloads && options.KeepDownloads }, hub)),
        ];
        return weighted == 0
            ? Concatenated(options.ShortName, parts)
            : Weighted(options.ShortName, [.. parts.Zip(options.Mix, (corpus, part) => (corpus, part.Weight))], options.MixEnd);
    }

    /// <summary>Each corpus once, one after the other.</summary>
    public static Corpus Concatenated(string name, IReadOnlyList<Corpus> parts) =>
        new(
            name,
            string.Join("\n\n", parts.Select(part => part.Description)),
            parts.All(part => part.Bytes is not null) ? parts.Sum(part => part.Bytes) : null,
            reading => ReadInTurn(parts, reading)
        )
        {
            Files = string.Join("; ", parts.Select(part => part.Files).Where(files => files != "")),
            DropsDownloads = parts.Any(part => part.DropsDownloads),
            BytesToDownload = () => parts.Sum(part => part.BytesToDownload()),
        };

    /// <summary>
    /// Documents in turns, so that each corpus has its share of the characters at any point: the next document is always of the
    /// corpus that is furthest behind its share.
    /// </summary>
    private static Corpus Weighted(string name, IReadOnlyList<(Corpus Corpus, double Weight)> parts, MixEnd end)
    {
        // Where texts are stored alike, bytes are to bytes as characters are to characters.
        var passes = parts.Select(part => part.Corpus.Bytes / part.Weight);
        var length =
            passes.Contains(null) ? null
            : end == MixEnd.Shortest ? passes.Min()
            : passes.Max();
        var description = string.Join(
            "\n\n",
            parts
                .Select(part => string.Create(CultureInfo.InvariantCulture, $"{part.Weight} of\n{part.Corpus.Description}"))
                .Append($"{end}")
        );
        return new Corpus(name, description, (long?)(length * parts.Sum(part => part.Weight)), reading => ReadInTurns(parts, end, reading))
        {
            Files = string.Join("; ", parts.Select(part => part.Corpus.Files).Where(files => files != "")),
            DropsDownloads = parts.Any(part => part.Corpus.DropsDownloads),
            BytesToDownload = () => parts.Sum(part => part.Corpus.BytesToDownload()),
            IsInOrderOfFiles = false,
        };
    }

    private static IEnumerable<string> ReadInTurn(IReadOnlyList<Corpus> parts, CorpusReading reading)
    {
        long before = 0;
        foreach (var (i, part) in parts.Index())
        {
            var position = before;
            foreach (var document in part.Read(OfPart(i, reading) with { At = at => reading.At(position + at) }))
                yield return document;
            before += part.Bytes ?? 0;
        }
    }

    private static IEnumerable<string> ReadInTurns(IReadOnlyList<(Corpus Corpus, double Weight)> parts, MixEnd end, CorpusReading reading)
    {
        var positions = new long[parts.Count];
        var characters = new double[parts.Count];
        var isDone = new bool[parts.Count];
        // A corpus that begins again downloads again what was dropped after its use.
        IEnumerator<string> Begin(int i, long before) => parts[i].Corpus.Read(OfPart(i, reading) with
        {
            At = at =>
            {
                positions[i] = before + at;
                reading.At(positions.Sum());
            },
        }).GetEnumerator();

        var documents = parts.Select((_, i) => Begin(i, 0)).ToArray();
        try
        {
            while (true)
            {
                int next = Enumerable.Range(0, parts.Count).MinBy(i => characters[i] / parts[i].Weight);
                if (!documents[next].MoveNext())
                {
                    isDone[next] = true;
                    if (end == MixEnd.Shortest || isDone.All(done => done))
                        yield break;
                    documents[next].Dispose();
                    documents[next] = Begin(next, positions[next]);
                    if (!documents[next].MoveNext())
                        throw new UserErrorException($"the corpus {parts[next].Corpus.Name} has no text in it");
                }
                characters[next] += documents[next].Current.Length;
                yield return documents[next].Current;
            }
        }
        finally
        {
            foreach (var reader in documents)
                reader.Dispose();
        }
    }

    /// <summary>Files are known by the part that they belong to: two may have the same name.</summary>
    private static CorpusReading OfPart(int part, CorpusReading reading) => reading with
    {
        PassesOver = name => reading.PassesOver($"{part}/{name}"),
        Ended = (name, drop) => reading.Ended($"{part}/{name}", drop),
    };
}
