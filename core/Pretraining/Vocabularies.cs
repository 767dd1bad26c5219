using System.ComponentModel.DataAnnotations;
using Electra.Checkpoints;
using Electra.Checkpoints.Formats;
using Electra.Checkpoints.HuggingFace;
using Electra.Data.Corpora;
using Electra.Hub;
using Electra.Storage;
using Electra.Tokenization;

namespace Electra.Pretraining;

/// <summary>The vocabulary of a run: a file, or how to train one on the run's corpus.</summary>
public sealed record VocabularyOptions
{
    /// <summary>A vocab.txt, or a model on the Hugging Face hub whose it is (<c>google/electra-small-discriminator</c>); empty: train one on the corpus.</summary>
    public string File { get; init; } = "";

    /// <summary>Tokens of a trained vocabulary, at most; null: 30522, as many as BERT's has.</summary>
    [Range(100, 10_000_000)]
    public int? Size { get; init; }

    /// <summary>How often a pair of pieces must occur to be joined when a vocabulary is trained.</summary>
    [Range(1, int.MaxValue)]
    public long MinFrequency { get; init; } = 2;

    /// <summary>Whether text is lowercased and stripped of accents.</summary>
    public bool Lowercase { get; init; } = true;

    /// <summary>Text to train on, at most, in millions of characters from the start of the corpus: more changes little and takes longer.</summary>
    [Range(1, 1_000_000)]
    public int MillionCharacters { get; init; } = 1000;

    /// <summary>A lone text names the file.</summary>
    public static VocabularyOptions Parse(string text) => new() { File = text };
}

/// <summary>Opens or trains the vocabulary of a run.</summary>
public static class Vocabularies
{
    private const int DefaultSize = 30522;
    private const string VocabularyFile = "vocab.txt", TokenizerConfig = "tokenizer_config.json", FastFile = "tokenizer.json";

    /// <summary>The tokenizer of a run. A vocabulary trained on the corpus is kept under <paramref name="datasets"/> and used again.</summary>
    /// <param name="options">The file, or how to train.</param>
    /// <param name="corpus">The corpus to train on.</param>
    /// <param name="datasets">The folder of prepared data.</param>
    /// <param name="progress">Told of the text counted.</param>
    /// <param name="cancellation">Stops training; nothing is kept then.</param>
    /// <exception cref="UserErrorException">There is no such file, it is no vocabulary, or there is no text to train on.</exception>
    public static ElectraTokenizer Open(VocabularyOptions options, Corpus corpus, string datasets,
        IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default) =>
        new(options.File != "" ? Load(options, progress, cancellation) : Trained(options, corpus, datasets, progress, cancellation), options.Lowercase);

    private static Vocabulary Load(VocabularyOptions options, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        string path;
        try
        {
            path = HubFolders.Find(options.File, HubKind.Model, [VocabularyFile, TokenizerConfig, FastFile], progress: progress, cancellation: cancellation);
        }
        catch (HubException e)
        {
            throw new UserErrorException($"vocabulary: {e.Message} Give a local vocab.txt (vocabulary=path/to/vocab.txt), or train one on the corpus (vocabulary={{size: 30522}}).", e);
        }
        if (WeightFiles.IsWeights(path)) // a model's vocabulary lies beside its weights
            path = Path.GetDirectoryName(path)!;
        if (!Directory.Exists(path))
            return Vocabulary.Load(path);
        string[] folders = [path, Path.Combine(path, PretrainedModel.FolderOf(ModelPart.Discriminator))];
        var folder = Array.Find(folders, TokenizerFiles.AreIn)
            ?? throw new UserErrorException($"vocabulary: {options.File} holds no {VocabularyFile}{PretrainedModel.Milestones(path)}");
        CheckCase(options, Path.Combine(folder, TokenizerConfig));
        return TokenizerFiles.Load(folder).Vocabulary;
    }

    /// <summary>A model's own tokenizer says whether it lowercases: with the other case its vocabulary fits no text.</summary>
    private static void CheckCase(VocabularyOptions options, string tokenizerConfig)
    {
        if (!System.IO.File.Exists(tokenizerConfig))
            return;
        if (TokenizerFiles.Lowercases(tokenizerConfig) is { } lowercases && lowercases != options.Lowercase)
            throw new UserErrorException($"vocabulary: the vocabulary of {options.File} is {(options.Lowercase ? "cased" : "lowercase")}: set vocabulary.lowercase={(options.Lowercase ? "false" : "true")}");
    }

    private static Vocabulary Trained(VocabularyOptions options, Corpus corpus, string datasets, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        int size = options.Size ?? DefaultSize;
        var path = Path.Combine(ProjectPath.Output(datasets), corpus.Id,
            $"vocab-{size}-{(options.Lowercase ? "lowercase" : "cased")}-{options.MinFrequency}-{options.MillionCharacters}m.txt");
        if (!System.IO.File.Exists(path))
            WordPieceTrainer.Train(
                FirstCharacters(corpus.Documents(progress, cancellation), 1_000_000L * options.MillionCharacters),
                new VocabularyTraining { Size = size, MinFrequency = options.MinFrequency, Lowercase = options.Lowercase },
                progress: null, cancellation).Save(path);
        return Vocabulary.Load(path);
    }

    private static IEnumerable<string> FirstCharacters(IEnumerable<string> documents, long limit)
    {
        long seen = 0;
        foreach (var document in documents)
        {
            yield return document;
            if ((seen += document.Length) >= limit)
                yield break;
        }
    }
}
