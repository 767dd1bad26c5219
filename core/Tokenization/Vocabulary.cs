using System.Text;
using Electra.Storage;

namespace Electra.Tokenization;

/// <summary>The tokens a model knows, each with its id: an immutable list.</summary>
public sealed class Vocabulary
{
    /// <summary>What begins a piece that continues a word: <c>##</c>.</summary>
    public const string Continuation = "##";

    /// <summary>The special tokens as BERT calls them, in the order in which a trained vocabulary begins.</summary>
    public static IReadOnlyList<string> SpecialTokens { get; } = new SpecialTokenNames().All;

    private readonly string[] tokens;
    private readonly Dictionary<string, int> ids;
    private readonly HashSet<int> special;

    /// <summary>A vocabulary of the given tokens; a token's id is its place.</summary>
    /// <param name="pieces">The pieces of words that text is cut into.</param>
    /// <param name="source">Where they come from, for messages.</param>
    /// <param name="names">What the special tokens are called; null: as BERT calls them.</param>
    /// <param name="added">Tokens that stand for themselves: some of the pieces, or more tokens after them.</param>
    /// <exception cref="UserErrorException">A token is empty or there twice, has an id that is not free, or a special token is
    /// missing.</exception>
    internal Vocabulary(
        IEnumerable<string> pieces,
        string source = "the vocabulary",
        SpecialTokenNames? names = null,
        IEnumerable<AddedToken>? added = null
    )
    {
        var all = pieces.ToList();
        PieceCount = all.Count;
        ids = new Dictionary<string, int>(all.Count, StringComparer.Ordinal);
        for (int id = 0; id < all.Count; id++)
        {
            var token = all[id];
            if (token.Length == 0)
                throw new UserErrorException($"{source}:{id + 1}: the line is empty; a vocabulary has one token a line");
            if (!ids.TryAdd(token, id))
                throw new UserErrorException($"{source}:{id + 1}: the token {token} is there already, on line {ids[token] + 1}");
        }
        var flagged = (added ?? [])
            .OrderBy(token => token.Id ?? int.MaxValue)
            .Select(token => token with { Id = Place(token, all, source) })
            .ToList();
        Names = names ?? new SpecialTokenNames();
        if (Names.All.Where(token => !ids.ContainsKey(token)).ToArray() is { Length: > 0 } missing)
            throw new UserErrorException(
                $"{source} has no {string.Join(", ", missing)}: a vocabulary for ELECTRA needs {string.Join(" ", Names.All)}"
                    + (
                        Names.All.Any(name => all.Exists(token => token != name && token.Trim() == name))
                            ? "; there is white space around the token"
                            : ""
                    )
            );

        tokens = [.. all];
        (PadId, UnkId, ClsId, SepId, MaskId) = (ids[Names.Pad], ids[Names.Unk], ids[Names.Cls], ids[Names.Sep], ids[Names.Mask]);
        SpecialIds = [PadId, UnkId, ClsId, SepId, MaskId];
        AddedTokens =
        [
            .. Names
                .All.Where(name => !flagged.Exists(token => token.Content == name))
                .Select(name => new AddedToken(name) { Id = ids[name], Special = true }),
            .. flagged.Select(token => SpecialIds.Contains(token.Id!.Value) ? token with { Special = true } : token),
        ];
        special = [.. AddedTokens.Where(token => token.Special).Select(token => token.Id!.Value)];
        var plain = Names.All.Select(name => new AddedToken(name) { Id = ids[name], Special = true });
        Fingerprint = Storage.Fingerprint.Of(Names == new SpecialTokenNames() && AddedTokens.ToHashSet().SetEquals(plain)
            ? FileBytes
            : [.. FileBytes, .. Encoding.UTF8.GetBytes($"{Names}\n{string.Join('\n', AddedTokens.OrderBy(token => token.Id))}")]);
    }

    /// <summary>The number of tokens, added ones counted.</summary>
    public int Count => tokens.Length;

    /// <summary>The number of pieces that words are cut into: the tokens before those that were added.</summary>
    internal int PieceCount { get; }

    /// <summary>What the special tokens are called.</summary>
    internal SpecialTokenNames Names { get; }

    /// <summary>The tokens that stand for themselves in text, with their ids: the special ones, and those that were added.</summary>
    internal IReadOnlyList<AddedToken> AddedTokens { get; }

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

    /// <summary>The ids of [PAD], [UNK], [CLS], [SEP] and [MASK].</summary>
    public IReadOnlyList<int> SpecialIds { get; }

    /// <summary>Names the content: twelve hexadecimal digits of its SHA-256.</summary>
    public string Fingerprint { get; }

    /// <summary>The content of a vocab.txt: one piece a line, UTF-8. Tokens that were added after the pieces stand elsewhere.</summary>
    internal byte[] FileBytes => Encoding.UTF8.GetBytes(string.Join('\n', tokens.Take(PieceCount)) + "\n");

    /// <summary>Reads a vocab.txt: UTF-8, one token a line, LF or CRLF.</summary>
    /// <param name="path">The file.</param>
    /// <param name="names">What the special tokens are called; null: as BERT calls them.</param>
    /// <param name="added">Tokens that stand for themselves.</param>
    /// <exception cref="UserErrorException">There is no such file, it cannot be read, it is not UTF-8, or not a vocabulary.</exception>
    internal static Vocabulary Load(string path, SpecialTokenNames? names = null, IEnumerable<AddedToken>? added = null)
    {
        var shown = Paths.Shown(path);
        InputFile.Check(path);
        var pieces = new List<string>();
        try
        {
            using var reader = new StreamReader(path, new UTF8Encoding(false, throwOnInvalidBytes: true));
            while (reader.ReadLine() is { } line)
                pieces.Add(line);
        }
        catch (DecoderFallbackException)
        {
            throw new UserErrorException($"{shown}:{pieces.Count + 1}: the line, or one after it, is not UTF-8");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{shown} cannot be read: {error.Message}", error);
        }
        while (pieces.Count > 0 && pieces[^1] == "") // blank lines at the end are not tokens
            pieces.RemoveAt(pieces.Count - 1);
        return new Vocabulary(pieces, shown, names, added);
    }

    /// <summary>Writes a vocab.txt, whole or not at all.</summary>
    public void Save(string path) => AtomicFile.WriteAllBytes(path, FileBytes);

    /// <summary>Whether an id is a special token's: one of the five, or one that was added as such.</summary>
    public bool IsSpecial(int id) => special.Contains(id);

    /// <summary>Whether the token of an id continues a word.</summary>
    public bool Continues(int id) => this[id].StartsWith(Continuation, StringComparison.Ordinal);

    /// <summary>The id of an added token, which is appended to <paramref name="all"/> where it is new.</summary>
    private int Place(AddedToken token, List<string> all, string source)
    {
        if (token.Content.Length == 0)
            throw new UserErrorException($"{source}: an added token is empty");
        if (ids.TryGetValue(token.Content, out int there))
            return token.Id is null || token.Id == there
                ? there
                : throw new UserErrorException(
                    $"{source}: the added token {token.Content} has the id {token.Id}, and the vocabulary has it as {there}"
                );
        if (token.Id is { } id && id != all.Count)
            throw new UserErrorException($"{source}: the added token {token.Content} has the id {id}, "
                + (id < all.Count ? $"which is that of {all[id]}" : $"and no token has the id {all.Count}"));
        ids.Add(token.Content, all.Count);
        all.Add(token.Content);
        return all.Count - 1;
    }
}
