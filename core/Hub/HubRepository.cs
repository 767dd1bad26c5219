using System.Text.RegularExpressions;

namespace Electra.Hub;

/// <summary>What a repository of the hub holds.</summary>
internal enum HubKind
{
    /// <summary>Weights, vocabularies, configurations.</summary>
    Model,

    /// <summary>Data.</summary>
    Dataset,
}

/// <summary>A repository of the hub at a revision.</summary>
internal sealed partial record HubRepository
{
    /// <summary>The branch that is meant where none is named.</summary>
    public const string DefaultRevision = "main";

    /// <param name="kind">What it holds.</param>
    /// <param name="id"><c>organisation/name</c>.</param>
    /// <param name="revision">A branch, a tag or a commit; the main branch by default.</param>
    /// <exception cref="HubException">The name or the revision is not a valid one.</exception>
    public HubRepository(HubKind kind, string id, string revision = DefaultRevision)
    {
        if (!IsId(id))
            throw new HubException(
                $"{id} is not the name of a repository on the Hugging Face hub: "
                    + "organisation/name is expected, such as google/electra-small-discriminator"
            );
        // A revision becomes a path in the cache.
        if (!SafePath.IsSafe(revision))
            throw new HubException($"{revision} is not a revision of {id}: a branch, a tag or a commit is expected");
        (Kind, Id, Revision) = (kind, id, revision);
    }

    /// <summary>What the repository holds.</summary>
    public HubKind Kind { get; }

    /// <summary><c>organisation/name</c>.</summary>
    public string Id { get; }

    /// <summary>A branch, a tag or a commit.</summary>
    public string Revision { get; }

    /// <summary>Reads <c>organisation/name</c> or <c>organisation/name@revision</c>.</summary>
    /// <exception cref="HubException">It is neither.</exception>
    public static HubRepository Parse(HubKind kind, string text) =>
        text.IndexOf('@') is > 0 and var at ? new(kind, text[..at], text[(at + 1)..]) : new(kind, text);

    /// <summary>Whether a text could be <c>organisation/name</c>, with or without <c>@revision</c>.</summary>
    public static bool IsName(string text) => text.Split('@', 2) is [var id, ..] && id.Contains('/') && IsId(id);

    /// <summary>The name as it was written: with the revision where that is not the main branch.</summary>
    public override string ToString() => Revision == DefaultRevision ? Id : $"{Id}@{Revision}";

    /// <summary>models or datasets.</summary>
    internal string Plural => Kind == HubKind.Model ? "models" : "datasets";

    /// <summary>The path of the repository's page and of its files below the endpoint.</summary>
    internal string PagePath => Kind == HubKind.Model ? Id : $"datasets/{Id}";

    /// <summary>The name of the repository's folder in the cache.</summary>
    internal string FolderName => $"{Plural}--{Id.Replace("/", "--")}";

    private static bool IsId(string text) => IdPattern().IsMatch(text) && !text.Contains("--") && !text.Contains("..");

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,95})?\z")]
    private static partial Regex IdPattern();
}
