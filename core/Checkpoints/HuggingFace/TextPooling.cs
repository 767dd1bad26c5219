using System.Text.Json;
using Electra.Data.Tasks;

namespace Electra.Checkpoints.HuggingFace;

/// <summary>How a model of sentence-transformers makes a vector of a text.</summary>
/// <param name="Mode">How the states of its tokens become one.</param>
/// <param name="Normalises">Whether the vector is divided by its length.</param>
internal sealed record TextPooling(Pooling Mode, bool Normalises)
{
    /// <summary>Tokens of a text, at most; null: what its tokenizer says.</summary>
    public int? MaxLength { get; init; }

    /// <summary>Whether the tokens of a prompt are pooled with those of the text.</summary>
    public bool ReadsPrompt { get; init; } = true;

    /// <summary>Its prompts and how its vectors are compared, as <c>config_sentence_transformers.json</c> has them; null: nothing is said.
    /// </summary>
    public JsonElement? Settings { get; init; }

    /// <summary>The head that such a model has here.</summary>
    public TaskHead Head => new(0) { Pooling = Mode, Normalises = Normalises };
}
