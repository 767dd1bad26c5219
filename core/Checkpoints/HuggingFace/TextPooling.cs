using System.Text.Json;
using Electra.Data.Tasks;

namespace Electra.Checkpoints.HuggingFace;

/// <summary>How a model of sentence-transformers makes a vector of a text.</summary>
/// <param name="Mode">How the states of its tokens become one.</param>
/// <param name="Normalises">Whether the vector is divided by its length.</param>
internal sealed record TextPooling(Pooling Mode, bool Normalises)
{
    /// <summary>Tokens of a text, at most; null: as many as there are positions.</summary>
    public int? MaxLength { get; init; }

    /// <summary>What stands before texts of a role, by its name (<c>config_sentence_transformers.json</c>); null: nothing.</summary>
    public JsonElement? Prompts { get; init; }

    /// <summary>The head that such a model has here.</summary>
    public TaskHead Head => new(0) { Pooling = Mode, Normalises = Normalises };
}
