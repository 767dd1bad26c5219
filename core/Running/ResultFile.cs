using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Electra.Data.Readers;
using Electra.Storage;

namespace Electra.Running;

/// <summary>The <c>result.json</c> that ends a run. It is written last, so that a run which has one is finished.</summary>
internal static partial class ResultFile
{
    /// <summary>The name of the file in the run's folder.</summary>
    public const string Name = "result.json";

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    /// <summary>Whether the run in a folder is finished.</summary>
    public static bool IsIn(string folder) => InputFile.IsNamed(Path.Combine(folder, Name));

    /// <summary>Writes a result into its run's folder, whole or not at all.</summary>
    public static void Save<T>(string folder, T result) =>
        AtomicFile.WriteAllText(Path.Combine(folder, Name), JsonSerializer.Serialize(result, Json) + "\n");

    /// <summary>Reads the result of a finished run.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="kind">What the run does: <c>fine-tuning</c>.</param>
    /// <param name="script">The script that makes such runs.</param>
    /// <param name="check">Throws a <see cref="JsonException"/> where values do not fit together; null: they always do.</param>
    /// <exception cref="UserErrorException">The folder holds no result, or a damaged one.</exception>
    public static T Load<T>(string folder, string kind, string script, Action<T>? check = null)
    {
        var file = Path.Combine(folder, Name);
        if (!IsIn(folder))
            throw new UserErrorException(
                $"{Paths.Shown(folder)} holds no {Name}: the run is not finished. scripts/{script} resumes it."
            );
        try
        {
            var text = Encoding.UTF8.GetString(InputFile.ReadAllBytes(file));
            var result = (text.Length == 0 ? default : Parse<T>(text)) ?? throw new JsonException("it is empty.");
            check?.Invoke(result);
            return result;
        }
        catch (JsonException e)
        {
            throw new UserErrorException(
                $"{Paths.Shown(file)} is not the result of a {kind} run: {Reason(e)} Remove the file to do the run again.",
                e
            );
        }
    }

    /// <summary>Reads a result, also one that Python has written again: it writes NaN and Infinity without quotes.</summary>
    private static T? Parse<T>(string text)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(text, Json);
        }
        catch (JsonException) when (NotFinite().IsMatch(text))
        {
            return JsonSerializer.Deserialize<T>(NotFinite().Replace(text, "\"$0\""), Json);
        }
    }

    /// <summary>What is wrong with a file, by its lines and keys and without the names of types.</summary>
    private static string Reason(JsonException e) =>
        e.Message.Split("missing required properties including: ") is [_, var missing] ? $"it has no {missing.Split(" Path:")[0]}"
        : e.InnerException is JsonException || e.Path is null or "$" ? TolerantJson.Reason(e)
        : $"{e.Path.TrimStart('$', '.')} in line {e.LineNumber + 1} has a value of another kind than is expected.";

    [GeneratedRegex(@"(?<=[:\[,]\s*)(NaN|-?Infinity)(?=\s*[,\]}])")]
    private static partial Regex NotFinite();
}
