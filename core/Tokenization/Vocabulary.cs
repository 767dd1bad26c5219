using System.Text;
using Electra.Storage;

namespace Electra.Tokenization;

/// <summary>The tokens a model knows, each with its id: an immutable list.</summary>
public sealed class Vocabulary
{
    /// <summary>What begins a piece that continues a word: <c>##</c>.</summary>
    public const string Continuation = "##";

    /// <summary>The tokens every vocabulary must have, in the order in which a trained one begins.</summary>
    public static IReadOnlyList<string> SpecialTokens { get; } = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

    private readonly string[] tokens;
    private readonly Dictionary<string, int> ids;

    /// <summary>A vocabulary of the given tokens; a token's id is its place.</summary>
    /// <param name="tokens">The tokens.</param>
    /// <param name="source">Where they come from, for messages.</param>
    /// <exception cref="UserErrorException">A token is empty or there twice, or a special token is missing.</exception>
    public Vocabulary(IEnumerable<string> tokens, string source = "the vocabulary")
    {
        this.tokens = [.. tokens];
        ids = new Dictionary<string, int>(this.tokens.Length, StringComparer.Ordinal);
        for (int id = 0; id < this.tokens.Length; id++)
        {
            var token = this.tokens[id];
            if (token.Length == 0)
                throw new UserErrorException($"{source}:{id + 1}: the line is empty; a vocabulary has one token a line");
            if (!ids.TryAdd(token, id))
                throw new UserErrorException($"{source}:{id + 1}: the token {token} is there already, on line {ids[token] + 1}");
        }
        if (SpecialTokens.Where(token => !ids.ContainsKey(token)).ToArray() is { Length: > 0 } missing)
            throw new UserErrorException($"{source} has no {string.Join(", ", missing)}: a vocabulary for ELECTRA needs {string.Join(" ", SpecialTokens)}");

        (PadId, UnkId, ClsId, SepId, MaskId) = (ids["[PAD]"], ids["[UNK]"], ids["[CLS]"], ids["[SEP]"], ids["[MASK]"]);
        SpecialIds = [PadId, UnkId, ClsId, SepId, MaskId];
        Fingerprint = Storage.Fingerprint.Of(FileBytes);
    }

    /// <summary>The number of tokens.</summary>
    public int Count => tokens.Length;

    /// <summary>The token of an id.</summary>
    public string this[int id] => tokens[id];

    /// <summary>All tokens by id.</summary>
    public IReadOnlyList<string> Tokens => tokens;

    /// <summary>The id of [PAD], which fills sequences up.</summary>
    public int PadId { get; }

    /// <summary>The id of [UNK], which stands for a word that has no pieces.</summary>
    public int UnkId { get; }

    /// <summary>The id of [CLS], which begins every example.</summary>
    public int ClsId { get; }

    /// <summary>The id of [SEP], which ends every segment.</summary>
    public int SepId { get; }

    /// <summary>The id of [MASK], which hides a token.</summary>
    public int MaskId { get; }

    /// <summary>The ids of the five special tokens.</summary>
    public IReadOnlyList<int> SpecialIds { get; }

    /// <summary>Names the content: twelve hexadecimal digits of its SHA-256.</summary>
    public string Fingerprint { get; }

    /// <summary>The content of a vocab.txt: one token a line, UTF-8.</summary>
    public byte[] FileBytes => Encoding.UTF8.GetBytes(string.Join('\n', tokens) + "\n");

    /// <summary>Reads a vocab.txt: UTF-8, one token a line, LF or CRLF.</summary>
    /// <exception cref="UserErrorException">There is no such file, it cannot be read, it is not UTF-8, or it is no vocabulary.</exception>
    public static Vocabulary Load(string path)
    {
        var shown = ProjectPath.Shown(path);
        if (!File.Exists(path))
            throw new UserErrorException($"there is no vocabulary file {shown}");
        var tokens = new List<string>();
        try
        {
            using var reader = new StreamReader(path, new UTF8Encoding(false, throwOnInvalidBytes: true));
            while (reader.ReadLine() is { } line)
                tokens.Add(line);
        }
        catch (DecoderFallbackException)
        {
            throw new UserErrorException($"{shown}:{tokens.Count + 1}: the line, or one after it, is not UTF-8");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{shown} cannot be read: {error.Message}", error);
        }
        return new Vocabulary(tokens, shown);
    }

    /// <summary>Writes a vocab.txt, whole or not at all.</summary>
    public void Save(string path) => AtomicFile.WriteAllBytes(path, FileBytes);

    /// <summary>The id of a token; false where the vocabulary does not have it.</summary>
    public bool TryGetId(string token, out int id) => ids.TryGetValue(token, out id);

    /// <summary>Whether an id is one of the five special tokens.</summary>
    public bool IsSpecial(int id) => id == PadId || id == UnkId || id == ClsId || id == SepId || id == MaskId;
}
