using System.Text.Json;
using Electra.Data.Tasks;

namespace Electra.Checkpoints.HuggingFace;

/// <summary>How a model of sentence-transformers makes a vector of a text.</summary>
/// <param name="Mode">How the states of its tokens become one.</param>
/// <param name="Normalises">Whether the vector is divided by its length.</param>
internal sealed record TextPooling(Pooling Mode, bool Normalises)
{
    /// <summary>Of a model whose folder says nothing of vectors: the mean.</summary>
    public static TextPooling OfOthers { get; } = new(Pooling.Mean, Normalises: false);

    /// <summary>Tokens of a text, at most; null: what its tokenizer says.</summary>
    public int? MaxLength { get; init; }

    /// <summary>Whether the tokens of a prompt are pooled with those of the text.</summary>
    public bool ReadsPrompt { get; init; } = true;

    /// <summary>Whether texts become small letters before its tokenizer reads them.</summary>
    public bool Lowercases { get; init; }

    /// <summary>Its prompts and how its vectors are compared, as <c>config_sentence_transformers.json</c> has them; null: nothing is said.
    /// </summary>
    public JsonElement? Settings { get; init; }

    /// <summary>What stands before a text, by its role.</summary>
    public IReadOnlyDictionary<string, string> Prompts() =>
        Settings is { } settings && settings.TryGetProperty("prompts", out var prompts) && prompts.ValueKind == JsonValueKind.Object
            ? prompts.EnumerateObject()
                .Where(prompt => prompt.Value.ValueKind == JsonValueKind.String)
                .ToDictionary(prompt => prompt.Name, prompt => prompt.Value.GetString()!)
            : new Dictionary<string, string>();

    /// <summary>The role of texts for which none is given; null: nothing stands before them.</summary>
    public string? UsualPrompt() =>
        Settings is { } settings
        && settings.TryGetProperty("default_prompt_name", out var name)
        && name.ValueKind == JsonValueKind.String
            ? name.GetString()
            : null;

    /// <summary>The head that such a model has here.</summary>
    public TaskHead Head => new(0) { Pooling = Mode, Normalises = Normalises };
}
