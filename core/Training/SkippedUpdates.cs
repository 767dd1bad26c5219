using System.Text.Json;
using System.Text.Json.Serialization;
using Electra.Storage;

namespace Electra.Training;

/// <summary>
/// The updates of a run that were not applied, one JSON object a line: the step, why, its loss and gradient norm, and the examples of
/// its batch by their numbers in the store. The file is there once there is one.
/// </summary>
internal sealed class SkippedUpdates
{
    /// <summary>The name of the file in the run folder.</summary>
    public const string FileName = "skipped_updates.jsonl";

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private readonly string path;

    private sealed record Line(long Step, string Reason, double Loss, double GradientNorm, IReadOnlyList<long> Examples);

    /// <summary>Goes on with the file after a step: what it says of later ones is dropped, for they come again.</summary>
    public SkippedUpdates(string path, long resumedStep)
    {
        this.path = path;
        InputFile.CheckIfThere(path);
        if (!File.Exists(path))
            return;
        string[] kept = [.. File.ReadLines(path).Where(line => StepOf(line) is { } step && step <= resumedStep)];
        if (kept.Length == 0)
            File.Delete(path);
        else
            AtomicFile.WriteAllText(path, string.Concat(kept.Select(line => line + "\n")));
    }

    public void Write(UpdateRecord update, IReadOnlyList<long> examples) =>
        File.AppendAllText(
            path,
            JsonSerializer.Serialize(
                new Line(update.Update + 1, update.IsFinite ? "outlier" : "not finite", update.Loss, update.GradientNorm, examples),
                Json
            ) + "\n"
        );

    /// <summary>The step of a line; null where a kill tore it.</summary>
    private static long? StepOf(string line)
    {
        try
        {
            return JsonSerializer.Deserialize<Line>(line, Json)?.Step;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
