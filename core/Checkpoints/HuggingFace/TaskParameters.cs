using System.Text.Json;
using System.Text.Json.Serialization;
using Electra.Data.Tagging;
using Electra.Data.Tasks;
using Electra.Storage;

namespace Electra.Checkpoints.HuggingFace;

/// <summary>
/// What <c>config.json</c> says of single tasks by the names of their pipelines, where Hugging Face's library has a place for it:
/// <c>task_specific_params</c>. With it an exported model reads and answers as its run does.
/// </summary>
internal sealed record TaskParameters
{
    private const string Key = "task_specific_params";

    /// <summary>Of a model that answers questions.</summary>
    [JsonPropertyName("question-answering"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public AnswerSettings? QuestionAnswering { get; init; }

    /// <summary>Of a model that tags words.</summary>
    [JsonPropertyName("token-classification"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public TagSettings? TokenClassification { get; init; }

    /// <summary>Of a model that gives a value.</summary>
    [JsonPropertyName("text-classification"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ValueSettings? TextClassification { get; init; }

    /// <summary>What there is to say of the model of a task; null: nothing.</summary>
    public static TaskParameters? Of(TaskDefinition task, EncodingOptions encoding)
    {
        var said = new TaskParameters
        {
            QuestionAnswering = AnswerSettings.Of(task, encoding),
            TokenClassification = task.Kind != WordTags.Kind ? null
                : new(encoding.Overlap, task.Scheme, task.ConstrainsTags ? TagDecoding.Constrained : TagDecoding.Argmax),
            TextClassification = task.IsRegression && task.Range is var (low, high) ? new([low, high]) : null,
        };
        return said == new TaskParameters() ? null : said;
    }

    /// <summary>Reads what a file says; null where it says nothing of these tasks.</summary>
    /// <param name="json">The file.</param>
    /// <param name="path">Its path.</param>
    /// <param name="form">How its keys are written.</param>
    /// <exception cref="UserErrorException">A value cannot be a setting.</exception>
    public static TaskParameters? Read(ModelJson json, string path, JsonSerializerOptions form)
    {
        if (json[Key] is not { ValueKind: JsonValueKind.Object } all)
            return null;
        var said = new TaskParameters
        {
            QuestionAnswering = Of<AnswerSettings>("question-answering", settings => settings.Problem()),
            TokenClassification = Of<TagSettings>("token-classification", settings => settings.Problem()),
            TextClassification = Of<ValueSettings>("text-classification", settings => settings.Problem()),
        };
        return said == new TaskParameters() ? null : said;

        T? Of<T>(string task, Func<T, string?> problem)
            where T : class
        {
            if (!all.TryGetProperty(task, out var own) || own.ValueKind != JsonValueKind.Object)
                return null;
            try
            {
                var settings = own.Deserialize<T>(form)!;
                return problem(settings) is { } wrong
                    ? throw new UserErrorException($"{Paths.Shown(path)}: {Key}.{task}.{wrong}")
                    : settings;
            }
            catch (JsonException e)
            {
                throw new UserErrorException($"{Paths.Shown(path)}: {Key}.{task}{e.Path?.TrimStart('$')} has a value of another kind", e);
            }
        }
    }
}

/// <summary>How a model of tags reads long texts and chooses tags.</summary>
/// <param name="Stride">Tokens that two windows share, as Hugging Face's pipeline calls them.</param>
/// <param name="Scheme">How tags say where a span begins and ends; null: as far as their letters tell.</param>
/// <param name="Decode">Which tags may follow each other.</param>
internal sealed record TagSettings(int? Stride = null, TagScheme? Scheme = null, TagDecoding Decode = TagDecoding.Argmax)
{
    /// <summary>What is wrong with a value, with its key; null where all are right.</summary>
    public string? Problem() => Stride < 0 ? $"stride is {Stride}, and at least 0 is expected" : null;
}

/// <summary>What a model's value is clamped to.</summary>
/// <param name="Range">The lowest and the highest value; null: it has no limits.</param>
internal sealed record ValueSettings(IReadOnlyList<double>? Range = null)
{
    /// <summary>What is wrong with a value, with its key; null where all are right.</summary>
    public string? Problem() =>
        Range is null || (Range is [var low, var high] && low < high) ? null : "range is not the lowest and the highest value";
}
