using System.Text;
using System.Text.Json;
using Electra.Storage;

namespace Electra.Running;

/// <summary>Numbers of one step.</summary>
/// <param name="Step">The training step.</param>
/// <param name="Values">The numbers by name.</param>
internal sealed record MetricsRow(long Step, IReadOnlyDictionary<string, double> Values);

/// <summary>
/// The numbers of a run as it goes: <c>metrics.jsonl</c>, one flat JSON object a line (<c>{"step":100,"loss":12.5}</c>), and the
/// same for TensorBoard. A non-finite number is the string <c>"NaN"</c>, <c>"Infinity"</c> or <c>"-Infinity"</c>, as in
/// System.Text.Json's named literals.
/// </summary>
/// <remarks>
/// Every line is written through to the system at once: a run that is killed leaves at most one torn line, which resuming drops.
/// </remarks>
internal sealed class MetricsLog : IDisposable
{
    /// <summary>The name of the file in the run folder.</summary>
    public const string FileName = "metrics.jsonl";

    private const string StepName = "step";

    private readonly FileStream file;
    private readonly TensorBoardWriter tensorBoard;

    private MetricsLog(FileStream file, TensorBoardWriter tensorBoard) => (this.file, this.tensorBoard) = (file, tensorBoard);

    /// <summary>Opens the log of a run folder, to begin anew or to go on after a step.</summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="resumedStep">The step that the run goes on from: lines of later steps are dropped. Null drops all.</param>
    /// <exception cref="UserErrorException">A line of the log, not the last, is damaged.</exception>
    public static MetricsLog Open(string folder, long? resumedStep = null)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, FileName);
        InputFile.CheckIfThere(path);
        var kept =
            resumedStep is { } last && File.Exists(path)
                ? Lines(path).Where(line => line.Row.Step <= last).Select(line => line.Text + "\n")
                : [];
        AtomicFile.WriteAllText(path, string.Concat(kept));
        return new MetricsLog(
            new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete),
            TensorBoardWriter.Open(folder, firstStep: resumedStep + 1 ?? 0));
    }

    /// <summary>Appends the numbers of a step.</summary>
    public void Write(long step, params IEnumerable<(string Name, double Value)> values)
    {
        var numbers = values.ToList();
        file.Write(Json(step, numbers));
        file.Flush();
        tensorBoard.Write(step, numbers);
    }

    /// <summary>Returns when all that was written is on the disk, so that no state says of a step what the log does not.</summary>
    public void FlushToDisk() => file.Flush(flushToDisk: true);

    /// <summary>The rows of a log, in the order of the file. A torn last line is left out.</summary>
    /// <param name="path">The file <c>metrics.jsonl</c>, or the run folder.</param>
    /// <exception cref="UserErrorException">There is no such file, or a line, not the last, is damaged.</exception>
    public static IReadOnlyList<MetricsRow> Read(string path)
    {
        path = Directory.Exists(path) ? Path.Combine(path, FileName) : path;
        InputFile.CheckIfThere(path);
        return File.Exists(path)
            ? [.. Lines(path).Select(line => line.Row)]
            : throw new UserErrorException($"there is no metrics log {Paths.Shown(path)}");
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        file.Dispose();
        tensorBoard.Dispose();
    }

    private static IEnumerable<(string Text, MetricsRow Row)> Lines(string path)
    {
        // A reader must not keep a run from writing.
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        for (var number = 1; reader.ReadLine() is { } text; number++)
            if (Row(text) is { } row)
                yield return (text, row);
            else if (reader.Peek() >= 0)
                throw new UserErrorException(
                    $"{Paths.Shown(path)}:{number} is not a line of a metrics log: a JSON object with a step and named numbers is "
                        + "expected. Remove the line"
                );
    }

    private static MetricsRow? Row(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            var numbers = json.RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value);
            return new MetricsRow(
                numbers[StepName].GetInt64(),
                numbers.Where(p => p.Key != StepName).ToDictionary(p => p.Key, p => p.Value.Deserialize<double>(NamedLiterals)));
        }
        catch (Exception e)
            when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException)
        {
            return null;
        }
    }

    private static byte[] Json(long step, IEnumerable<(string Name, double Value)> values)
    {
        var line = new StringBuilder($"{{\"{StepName}\":{step}");
        foreach (var (name, value) in values)
            line.Append(',')
                .Append(JsonSerializer.Serialize(name, NamedLiterals))
                .Append(':')
                .Append(JsonSerializer.Serialize(value, NamedLiterals));
        return Encoding.UTF8.GetBytes(line.Append("}\n").ToString());
    }

    private static readonly JsonSerializerOptions NamedLiterals = new()
    {
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
}
