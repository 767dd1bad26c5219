using System.Text.Json;
using System.Text.Json.Serialization;
using Electra.Storage;

namespace Electra.Running;

/// <summary>
/// The updates of a run that were not applied, one JSON object a line: the step, why, its loss and gradient norm, and the examples of
/// its batch by their numbers in the store. The file is there once there is one.
/// </summary>
internal sealed class SkippedUpdates
{
    /// <summary>The name of the file in the run folder.</summary>
    public const string FileName = "skipped_updates.jsonl";

    private const string NotFinite = "not finite";

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private readonly string path;
    private readonly Func<long, IReadOnlyList<long>> examplesOf;

    private sealed record Line(long Step, string Reason, double Loss, double GradientNorm, IReadOnlyList<long> Examples);

    /// <summary>Goes on with the file after a step: what it says of later ones is dropped, for they come again.</summary>
    /// <param name="path">The file.</param>
    /// <param name="resumedStep">The step.</param>
    /// <param name="examplesOf">The examples of the k-th update, from 0.</param>
    public SkippedUpdates(string path, long resumedStep, Func<long, IReadOnlyList<long>> examplesOf)
    {
        (this.path, this.examplesOf) = (path, examplesOf);
        InputFile.CheckIfThere(path);
        if (!File.Exists(path))
            return;
        string[] kept = [.. File.ReadLines(path).Where(line => Parsed(line)?.Step <= resumedStep)];
        if (kept.Length == 0)
            File.Delete(path);
        else
            AtomicFile.WriteAllText(path, string.Concat(kept.Select(line => line + "\n")));
    }

    /// <summary>Adds an update.</summary>
    /// <param name="update">Its number, from 0.</param>
    /// <param name="isFinite">Whether its loss and gradients are finite: then it was out of line with the latest ones.</param>
    /// <param name="loss">Its loss.</param>
    /// <param name="gradientNorm">The norm of its gradients.</param>
    public void Write(long update, bool isFinite, double loss, double gradientNorm) =>
        File.AppendAllText(
            path,
            JsonSerializer.Serialize(
                new Line(update + 1, isFinite ? "outlier" : NotFinite, loss, gradientNorm, examplesOf(update)),
                Json
            ) + "\n"
        );

    /// <summary>How many updates of the run in a folder were skipped because their loss or gradients were not finite.</summary>
    public static int CountNotFinite(string folder)
    {
        var path = Path.Combine(folder, FileName);
        return File.Exists(path) ? File.ReadLines(path).Count(line => Parsed(line)?.Reason == NotFinite) : 0;
    }

    /// <summary>A line; null where a kill tore it.</summary>
    private static Line? Parsed(string line)
    {
        try
        {
            return JsonSerializer.Deserialize<Line>(line, Json);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
