using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Electra.Storage;

namespace Electra.Running;

/// <summary>The <c>result.json</c> that ends a run. It is written last, so that a run which has one is finished.</summary>
internal static class ResultFile
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
    public static bool IsIn(string folder) => File.Exists(Path.Combine(folder, Name));

    /// <summary>Writes a result into its run's folder, whole or not at all.</summary>
    public static void Save<T>(string folder, T result) =>
        AtomicFile.WriteAllText(Path.Combine(folder, Name), JsonSerializer.Serialize(result, Json) + "\n");

    /// <summary>Reads the result of a finished run.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="kind">What the run does: <c>fine-tuning</c>.</param>
    /// <param name="script">The script that makes such runs.</param>
    /// <exception cref="UserErrorException">The folder holds no result, or a damaged one.</exception>
    public static T Load<T>(string folder, string kind, string script)
    {
        var file = Path.Combine(folder, Name);
        if (!File.Exists(file))
            throw new UserErrorException(
                $"{Paths.Shown(folder)} holds no {Name}: the run is not finished. scripts/{script} goes on with it."
            );
        try
        {
            return JsonSerializer.Deserialize<T>(File.ReadAllBytes(file), Json) ?? throw new JsonException("it is empty");
        }
        catch (JsonException e)
        {
            throw new UserErrorException(
                $"{Paths.Shown(file)} is not the result of a {kind} run: {e.Message} Remove the file to do the run again.",
                e
            );
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{Paths.Shown(file)} cannot be read: {e.Message}", e);
        }
    }
}
