using System.Text.Json;
using Electra.Storage;

namespace Electra.Data.Corpora;

/// <summary>
/// Reads a corpus whose downloads are removed once they were used, and remembers how many documents each held, so that a later
/// reading passes over what is gone.
/// </summary>
/// <param name="corpus">The corpus.</param>
/// <param name="path">Where it is remembered: beside what is made of the documents, and gone with it.</param>
internal sealed class UsedDownloads(Corpus corpus, string path)
{
    /// <summary>A download that was read to its end: all documents up to there, of this file and those before it.</summary>
    private sealed record ReadFile(string Name, long Documents, long Characters);

    private readonly Queue<(ReadFile File, Action Remove)> unused = [];
    private readonly List<ReadFile> used = Load(path);

    /// <summary>The documents after the first ones.</summary>
    /// <param name="documents">How many documents are done.</param>
    /// <param name="characters">How many characters these had.</param>
    /// <param name="progress">Told of the megabytes read, and of downloads that are waited for.</param>
    /// <param name="cancellation">Stops reading and downloading.</param>
    /// <param name="stage">What the documents are read for.</param>
    /// <exception cref="UserErrorException">The documents that are done are not those of the corpus.</exception>
    public IEnumerable<string> DocumentsAfter(
        long documents,
        long characters,
        IProgress<ProgressReport>? progress,
        CancellationToken cancellation,
        string stage
    )
    {
        var done = corpus.IsInOrderOfFiles ? used.Where(file => file.Documents <= documents).ToDictionary(file => file.Name) : [];
        var (count, length) =
            done.Count == 0 ? (0L, 0L) : (done.Values.Max(file => file.Documents), done.Values.Max(file => file.Characters));
        var reading = new CorpusReading
        {
            Progress = progress,
            Cancellation = cancellation,
            PassedOver = done.Count > 0,
            PassesOver = done.ContainsKey,
            Ended = (name, remove) => unused.Enqueue((new ReadFile(name, count, length), remove)),
        };
        foreach (var document in corpus.Documents(reading, stage))
        {
            if (count == documents)
                CheckDone();
            count++;
            length += document.Length;
            if (count > documents)
                yield return document;
        }
        if (count <= documents)
            CheckDone();

        void CheckDone()
        {
            if ((count, length) != (documents, characters))
                throw new UserErrorException(
                    $"the corpus {corpus.Name} has changed since its preparation began: "
                        + $"{documents} documents of {characters} characters were done, and it now starts with {count} of {length}. "
                        + $"Delete {Path.GetDirectoryName(path)} and prepare it again."
                );
        }
    }

    /// <summary>Removes the downloads whose documents are all among the first ones.</summary>
    /// <param name="documents">How many documents are done for good.</param>
    public void Remove(long documents)
    {
        var removed = new List<Action>();
        while (unused.TryPeek(out var next) && next.File.Documents <= documents)
        {
            used.Add(next.File);
            removed.Add(next.Remove);
            unused.Dequeue();
        }
        if (removed.Count == 0)
            return;
        // First remembered, then removed: a file that is remembered and still there is removed by the next reading.
        AtomicFile.WriteAllText(path, JsonSerializer.Serialize(used));
        foreach (var remove in removed)
            remove();
    }

    private static List<ReadFile> Load(string path)
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<List<ReadFile>>(File.ReadAllText(path))! : [];
        }
        catch (JsonException e)
        {
            throw new UserErrorException(
                $"{path} is damaged. Delete the folder {Path.GetDirectoryName(path)} and prepare the corpus again.",
                e
            );
        }
    }
}
