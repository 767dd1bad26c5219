using System.Text.Json;
using System.Text.Json.Nodes;
using Electra.Storage;

namespace Electra.Data.Examples;

/// <summary>What decides which examples come out: a folder holds those of one identity.</summary>
/// <param name="Format">The way of making them.</param>
/// <param name="Source">The documents and the tokenizer.</param>
/// <param name="Vocabulary">The tokenizer's vocabulary.</param>
/// <param name="Examples">The settings.</param>
internal sealed record PreparationIdentity(string Format, string Source, ExampleVocabulary Vocabulary, ExampleSettings Examples)
{
    /// <summary>Where two identities differ, as "key: this, that".</summary>
    public IEnumerable<string> DifferencesFrom(PreparationIdentity other) =>
        Leaves(this).Zip(Leaves(other)).Where(pair => pair.First != pair.Second)
            .Select(pair => $"{pair.First.Key}: {pair.First.Value} there, {pair.Second.Value} asked for");

    private static IEnumerable<(string Key, string? Value)> Leaves(PreparationIdentity identity) =>
        Leaves("", JsonSerializer.SerializeToNode(identity, SealedJson.Options)!.AsObject());

    private static IEnumerable<(string Key, string? Value)> Leaves(string prefix, JsonObject node) =>
        node.SelectMany(entry => entry.Value is JsonObject inner
            ? Leaves($"{prefix}{entry.Key}.", inner)
            : [(prefix + entry.Key, entry.Value?.ToJsonString())]);
}

/// <summary>
/// How far the preparation of a folder has come: its journal while it goes on, and the mark of a whole one at its end. It is written
/// after what it tells of is on the disk, so it never says too much.
/// </summary>
internal sealed record PreparationState
{
    private const string FileName = "preparation.json";

    public required PreparationIdentity Identity { get; init; }

    public long Segments { get; init; }

    /// <summary>What these segments gave.</summary>
    public ExampleSummary Summary { get; init; } = new(0, 0, default, default, 0);

    /// <summary>Whether that was all.</summary>
    public bool Complete { get; init; }

    /// <summary>The state that a folder is in; null where nothing has been written.</summary>
    /// <exception cref="UserErrorException">The folder holds other examples than the asked ones, or a damaged file.</exception>
    public static PreparationState? Load(string folder, PreparationIdentity asked)
    {
        string file = Path.Combine(folder, FileName);
        if (!File.Exists(file))
            return null;
        var state = new ExampleStoreFiles(folder, "").Read<PreparationState>(file);
        return state.Identity == asked
            ? state
            : throw new UserErrorException(
                $"{folder} holds examples made otherwise ({string.Join("; ", state.Identity.DifferencesFrom(asked))}). "
                    + "Delete it, or name another folder."
            );
    }

    /// <summary>The state when the next segment has been written too.</summary>
    public PreparationState With(CorpusSegment segment, ExampleCounts train, ExampleCounts heldOut, long dropped) =>
        this with
        {
            Segments = Segments + 1,
            Summary = new(
                Summary.Documents + segment.Documents.Count,
                Summary.Characters + segment.Characters,
                train,
                heldOut,
                Summary.DroppedTokens + dropped
            ),
        };

    /// <summary>Writes the state down, at once or not at all.</summary>
    public void Save(string folder) => SealedJson.Write(Path.Combine(folder, FileName), this);

    /// <summary>Forgets all: the next preparation begins anew.</summary>
    public static void Delete(string folder) => File.Delete(Path.Combine(folder, FileName));
}
