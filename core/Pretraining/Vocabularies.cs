using System.ComponentModel.DataAnnotations;
using Electra.Checkpoints;
using Electra.Checkpoints.Formats;
using Electra.Checkpoints.HuggingFace;
using Electra.Data.Corpora;
using Electra.Hub;
using Electra.Running;
using Electra.Storage;
using Electra.Tokenization;

namespace Electra.Pretraining;

/// <summary>The vocabulary of a run: a file, or how to train one on the run's corpus.</summary>
public sealed record VocabularyOptions
{
    /// <summary>A vocab.txt, or a model on the Hugging Face hub whose it is (<c>google/electra-small-discriminator</c>); empty: train
    /// one on the corpus.</summary>
    public string File { get; init; } = "";

    /// <summary>Tokens of a trained vocabulary, at most; null: 30522, as many as BERT's has.</summary>
    [Range(100, 10_000_000)]
    public int? Size { get; init; }

    /// <summary>How often a pair of pieces must occur to be joined when a vocabulary is trained.</summary>
    [Range(1, int.MaxValue)]
    public long MinFrequency { get; init; } = 2;

    /// <summary>Whether text is lowercased; null: as the vocabulary's own tokenizer_config.json says, true where there is none.</summary>
    public bool? Lowercase { get; init; }

    /// <summary>Whether accents are stripped (ä becomes a); null: as the vocabulary's own tokenizer_config.json says, or where text is
    /// lowercased.</summary>
    public bool? StripAccents { get; init; }

    /// <summary>Whether each Chinese character is a word; null: as the vocabulary's own tokenizer_config.json says, true where there is
    /// none.</summary>
    public bool? TokenizeChineseChars { get; init; }

    /// <summary>Text to train on, at most, in millions of characters from the start of the corpus: more changes little and takes
    /// longer.</summary>
    [Range(1, 1_000_000)]
    public int MillionCharacters { get; init; } = 1000;

    /// <summary>The model that the run goes on from (<c>init</c>), whose vocabulary is taken where none is named.</summary>
    internal string Init { get; init; } = "";

    /// <summary>The key that names the file.</summary>
    internal string Key => File == Init ? "init" : "vocabulary";

    /// <summary>A lone text names the file.</summary>
    public static VocabularyOptions Parse(string text) => new() { File = text };

    /// <summary>Settings, with those that are given here in place of theirs.</summary>
    internal TokenizerSettings Over(TokenizerSettings settings) => settings with
    {
        Lowercase = Lowercase ?? settings.Lowercase,
        StripAccents = StripAccents ?? settings.StripAccents,
        SplitChinese = TokenizeChineseChars ?? settings.SplitChinese,
    };
}

/// <summary>Opens or trains the vocabulary of a run.</summary>
public static class Vocabularies
{
    /// <summary>Tokens of BERT's vocabulary.</summary>
    internal const int DefaultSize = 30522;

    /// <summary>The tokenizer of a run. A vocabulary trained on the corpus is kept under <paramref name="datasets"/> and used
    /// again.</summary>
    /// <param name="options">The file, or how to train.</param>
    /// <param name="corpus">The corpus to train on.</param>
    /// <param name="datasets">The folder of prepared data.</param>
    /// <param name="console">Told of the text counted, and of a vocabulary whose case is not that of the text.</param>
    /// <param name="cancellation">Stops training; nothing is kept then.</param>
    /// <exception cref="UserErrorException">There is no such file, it is not a vocabulary, its own settings are others, or there is no
    /// text to train on.</exception>
    public static ElectraTokenizer Open(
        VocabularyOptions options,
        Corpus corpus,
        string datasets,
        RunConsole? console = null,
        CancellationToken cancellation = default
    ) => options.File != "" ? Load(options, console, cancellation) : Trained(options, corpus, datasets, console, cancellation);

    private static ElectraTokenizer Load(VocabularyOptions options, RunConsole? console, CancellationToken cancellation)
    {
        var (tokenizer, statesSettings) = Find(options, console, cancellation);
        var (stated, settings) = (tokenizer.Settings, options.Over(tokenizer.Settings));
        if (settings.ToString() == stated.ToString())
            settings = stated;
        else if (statesSettings)
            throw new UserErrorException(
                $"vocabulary: the tokenizer of {options.File} is {stated}, and the settings here make it {settings}: "
                    + $"leave them out, or set {Keys(stated)}"
            );
        else
            tokenizer = new ElectraTokenizer(tokenizer.Vocabulary, settings);
        if (!statesSettings && CaseProblem(tokenizer) is { } problem)
            console?.Warning($"vocabulary: {options.File} {problem}");
        return tokenizer;
    }

    private static LoadedTokenizer Find(VocabularyOptions options, RunConsole? console, CancellationToken cancellation)
    {
        string path;
        try
        {
            path = HubFolders.Find(options.File, HubKind.Model, [.. TokenizerFiles.Names], progress: console, cancellation: cancellation);
        }
        catch (HubException e)
        {
            throw new UserErrorException(
                $"{options.Key}: {e.Message}"
                    + (
                        options.Key == "init" ? ""
                            : " Give a local vocab.txt (vocabulary=path/to/vocab.txt), or train one on the corpus "
                                + "(vocabulary={size: 30522})."
                    ),
                e
            );
        }
        using var archive = ModelArchive.Is(path) ? ModelArchive.Open(path, withWeights: false, console, cancellation) : null;
        path = archive?.Folder ?? path;
        // A model's vocabulary lies beside its weights.
        if (WeightFiles.IsWeights(path) || (!Directory.Exists(path) && WeightFiles.TensorFlowIndex(path) is not null))
            path = Path.GetDirectoryName(path)!;
        if (FileStatus.Of(path).Kind == FileKind.Missing)
            throw new UserErrorException($"{options.Key}: there is no file or folder {options.File}");
        if (!Directory.Exists(path))
            return TokenizerFiles.LoadFile(path);
        string[] folders = [path, Path.Combine(path, HuggingFaceFolder.FolderOf(ModelPart.Discriminator))];
        return TokenizerFiles.Load(
            Array.Find(folders, TokenizerFiles.AreIn)
                ?? throw new UserErrorException(
                    $"{options.Key}: {options.File} holds no {TokenizerFiles.VocabularyFile}{ModelFiles.Milestones(path)}"
                )
        );
    }

    private static string Keys(TokenizerSettings settings) =>
        $"vocabulary.lowercase={Yes(settings.Lowercase)} vocabulary.strip_accents={Yes(settings.StripAccents ?? settings.Lowercase)} "
        + $"vocabulary.tokenize_chinese_chars={Yes(settings.SplitChinese)}";

    private static string Yes(bool value) => value ? "true" : "false";

    /// <summary>What tells that a vocabulary is of text in another case; null where nothing does.</summary>
    private static string? CaseProblem(ElectraTokenizer tokenizer)
    {
        var words = tokenizer.Vocabulary.Tokens.Where(token => !token.StartsWith('[')).ToList();
        int upper = words.Count(word => word.Any(char.IsUpper)), lower = words.Count(word => word.Any(char.IsLower));
        if (tokenizer.Settings.Lowercase && upper * 100 > words.Count)
            return $"has {upper:N0} tokens with capitals, which lowercased text never uses: "
                + "is it a cased vocabulary (vocabulary.lowercase=false)?";
        return !tokenizer.Settings.Lowercase && upper == 0 && lower * 100 > words.Count
            ? "has no token with capitals, so that words with capitals become [UNK]: "
                + "is it a vocabulary of lowercased text (vocabulary.lowercase=true)?"
            : null;
    }

    private static ElectraTokenizer Trained(
        VocabularyOptions options,
        Corpus corpus,
        string datasets,
        RunConsole? console,
        CancellationToken cancellation
    )
    {
        var (size, settings) = (options.Size ?? DefaultSize, options.Over(new TokenizerSettings()));
        var form = settings.ToString().Replace(", ", "-", StringComparison.Ordinal).Replace(' ', '_');
        var path = Path.Combine(
            Paths.Output(datasets),
            corpus.Id,
            $"vocab-{size}-{form}-{options.MinFrequency}-{options.MillionCharacters}m.txt"
        );
        if (!System.IO.File.Exists(path))
            WordPieceTrainer.Train(
                FirstCharacters(corpus.Documents(console, cancellation), 1_000_000L * options.MillionCharacters),
                new VocabularyTraining { Size = size, MinFrequency = options.MinFrequency, Text = settings },
                progress: null, cancellation).Save(path);
        return new ElectraTokenizer(Vocabulary.Load(path), settings);
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
