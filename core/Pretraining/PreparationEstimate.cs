using System.Diagnostics;
using Electra.Data.Corpora;
using Electra.Data.Examples;
using Electra.Running;
using Electra.Storage;

namespace Electra.Pretraining;

/// <summary>What preparing a corpus will take, from the start of it: text, examples, disk and time.</summary>
/// <param name="Characters">Characters to be read.</param>
/// <param name="Examples">Examples that these give.</param>
/// <param name="DiskBytes">What these take on the disk.</param>
/// <param name="DownloadBytes">What must be downloaded first.</param>
/// <param name="Time">How long making them takes, without the downloads.</param>
internal sealed record PreparationEstimate(double Characters, double Examples, double DiskBytes, long DownloadBytes, TimeSpan Time)
{
    /// <summary>Enough to be right within some per cent, and a tenth of a second of work for each thread.</summary>
    private const int SampleCharacters = 4_000_000;

    /// <summary>Reads the start of a corpus and makes its examples.</summary>
    /// <param name="corpus">The corpus.</param>
    /// <param name="source">Its documents and the tokenizer.</param>
    /// <param name="settings">How documents become examples.</param>
    /// <param name="workers">Threads that make examples; 0: one for each processor.</param>
    /// <param name="progress">Told of downloads that are waited for.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <returns>Null where the corpus is so small that it is not worth telling, or how large it is cannot be known.</returns>
    public static PreparationEstimate? Measure(Corpus corpus, ExampleSource source, ExampleSettings settings, int workers,
        IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        if (corpus.Bytes is not { } bytes)
            return null;
        long toDownload = corpus.BytesToDownload();
        Sample? Take() => Sample.Take(corpus, source, settings, progress, cancellation);
        // The first round is for the just-in-time compiler, and for the first download: the second one is measured.
        if (Take() is null || Take() is not { } sample)
            return null;
        double samples = (double)bytes / sample.Bytes * sample.CharactersOfBytes / sample.Characters;
        int threads = Math.Min(workers > 0 ? workers : Environment.ProcessorCount, Environment.ProcessorCount);
        // One thread reads, and has its share of a processor that a worker is on: no number of workers is faster than that.
        var making = sample.Making(source, settings, threads);
        var time = TimeSpan.FromSeconds(Math.Max(sample.Reading.TotalSeconds, (making + sample.Reading / threads).TotalSeconds));
        return new PreparationEstimate(samples * sample.Characters, samples * sample.Examples,
            samples * ExampleStoreInfo.BytesOf(source.Vocabulary, sample.Examples, sample.Tokens), toDownload, samples * time);
    }

    /// <summary>Prints the estimate, where the work is more than a moment's.</summary>
    /// <exception cref="UserErrorException">The examples do not fit on the disk.</exception>
    public void Tell(RunConsole console, string folder, bool dropsDownloads)
    {
        Directory.CreateDirectory(folder);
        long free = new DriveInfo(Path.GetFullPath(folder)).AvailableFreeSpace;
        if (DiskBytes > free)
            throw new UserErrorException(
                $"the examples take about {Size(DiskBytes)} on the disk of {Paths.Shown(folder)}, and {Size(free)} are free. "
                    + "Make room, or name a folder on another disk: datasets=…"
            );
        if (Time < TimeSpan.FromSeconds(10) && DownloadBytes == 0)
            return;
        console.EndProgress();
        var downloads =
            DownloadBytes == 0 ? "" : $"; {Size(DownloadBytes)} to download{(dropsDownloads ? ", each file removed after its use" : "")}";
        console.Line(
            $"To be prepared: about {Characters / 1e6:N0} million characters, {Examples / 1e6:N2} million examples, {Size(DiskBytes)} on "
                + $"the disk ({Size(free)} free), {Duration()}{downloads}."
        );
    }

    private string Duration() =>
        Time.TotalSeconds < 90 ? $"{Math.Max(1, Time.TotalSeconds):N0} seconds"
        : Time.TotalMinutes < 90 ? $"{Time.TotalMinutes:N0} minutes"
        : $"{Time.TotalHours:N1} hours";

    private static string Size(double bytes) => bytes >= 1e9 ? $"{bytes / 1e9:N1} GB" : $"{Math.Max(1, bytes / 1e6):N0} MB";

    /// <summary>The start of a corpus, and what came of it.</summary>
    /// <param name="Characters">Its characters.</param>
    /// <param name="Bytes">Stored bytes at the last place where the reading said how many they were.</param>
    /// <param name="CharactersOfBytes">Characters up to that place.</param>
    /// <param name="Examples">Its examples.</param>
    /// <param name="Tokens">The tokens of these.</param>
    /// <param name="Reading">How long reading it took.</param>
    /// <param name="SegmentCount">How many segments it was cut into.</param>
    /// <param name="Segments">The first of these, which fit into memory.</param>
    private sealed record Sample(
        long Characters,
        long Bytes,
        long CharactersOfBytes,
        long Examples,
        long Tokens,
        TimeSpan Reading,
        int SegmentCount,
        IReadOnlyList<CorpusSegment> Segments
    )
    {
        private const int KeptSegments = 8;

        /// <summary>How long making its examples takes on some threads at once, which share memory and perhaps cores.</summary>
        public TimeSpan Making(ExampleSource source, ExampleSettings settings, int threads)
        {
            int filled = Math.Max(Segments.Count, 2 * threads);
            var clock = Stopwatch.StartNew();
            Parallel.For(
                0,
                filled,
                new ParallelOptions { MaxDegreeOfParallelism = threads },
                () => new SegmentExamples(),
                (i, _, made) => made.Fill(Segments[i % Segments.Count], source, settings),
                _ => { }
            );
            return clock.Elapsed * SegmentCount / filled;
        }

        /// <summary>Takes a sample, a segment at a time as a preparation does; null where the corpus ends before.</summary>
        public static Sample? Take(
            Corpus corpus,
            ExampleSource source,
            ExampleSettings settings,
            IProgress<ProgressReport>? progress,
            CancellationToken cancellation
        )
        {
            long characters = 0, bytes = 0, charactersOfBytes = 0, examples = 0, tokens = 0;
            var reading = new Stopwatch();
            int count = 0;
            var segments = new List<CorpusSegment>();
            IEnumerable<string> Documents()
            {
                foreach (
                    var document in corpus.Read(
                        new CorpusReading
                        {
                            Progress = progress,
                            Cancellation = cancellation,
                            At = at => (bytes, charactersOfBytes) = (at, characters),
                        }
                    )
                )
                {
                    // The wait for the first file is not time of reading.
                    reading.Start();
                    characters += document.Length;
                    yield return document;
                }
            }

            var made = new SegmentExamples();
            foreach (var segment in CorpusSegment.Cut(Documents(), 0, 0, new PreparationGrain().SegmentCharacters))
            {
                reading.Stop();
                made.Fill(segment, source, settings);
                count++;
                if (segments.Count < KeptSegments)
                    segments.Add(segment);
                examples += made.Train.Count + made.HeldOut.Count;
                tokens += made.Train.Ids.Length + made.HeldOut.Ids.Length;
                if (characters >= SampleCharacters && charactersOfBytes > 0)
                    return new Sample(characters, bytes, charactersOfBytes, examples, tokens, reading.Elapsed, count, segments);
                reading.Start();
            }
            return null;
        }
    }
}
