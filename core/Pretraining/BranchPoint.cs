using System.Globalization;
using Electra.Storage;
using Electra.Training;

namespace Electra.Pretraining;

/// <summary>Where a run left another.</summary>
/// <param name="From">The state that it began with, as it was named.</param>
/// <param name="Step">Updates that were done there.</param>
/// <param name="Rows">Rows of examples that were read there.</param>
/// <param name="Spent">What these took.</param>
internal sealed record PretrainBranch(string From, long Step, long Rows, ComputeSpent Spent);

/// <summary>Finds the saved state that <see cref="PretrainConfig.BranchFrom"/> names.</summary>
internal static class BranchPoint
{
    private const string Key = "branch_from";

    /// <summary>The folder of a state: the one that is named, or the newest of the run that is named.</summary>
    /// <exception cref="UserErrorException">There is none.</exception>
    public static string Find(string source)
    {
        var folder = Paths.Find(source);
        if (IsState(folder))
            return folder;
        if (Newest(StateKeeper<PretrainPosition>.FolderOf(folder)) is { } ofRun)
            return ofRun;
        if (Newest(folder) is { } newest)
            return newest;
        var beside = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(folder)) is { } parent ? States(parent).ToList() : [];
        throw new UserErrorException(
            $"{Key}: there is no saved state in {source}. "
                + (
                    beside.Count > 0
                        ? $"There is {string.Join(", ", beside.Select(state => Path.GetFileName(state.Folder)))}; "
                            + "checkpoints.keep_last says how many a run keeps."
                        : "A state is a folder of a run, such as checkpoints/pretrain/base_1/states/step_5000; a run that is named without "
                            + "it gives its newest. A model without the state of its optimizer is a start of its own: init."
                )
        );
    }

    /// <exception cref="UserErrorException">The run would end where it begins, or reads other tokens.</exception>
    public static void Check(PretrainPosition state, PretrainConfig config, string tokenizer)
    {
        if (config.Training.Budget is null && state.Step >= config.Training.Steps)
            throw new UserErrorException(
                $"{Key}: {config.BranchFrom} has {state.Step:N0} updates, and training.steps counts these too: it is "
                    + $"{config.Training.Steps:N0}, and must be more."
            );
        if (state.Tokenizer is { } read && read != tokenizer)
            throw new UserErrorException(
                $"{Key}: {config.BranchFrom} was trained with another vocabulary. Name that one: vocabulary, in the config.yaml of its run."
            );
    }

    /// <summary>Whether a state lies in a folder of states.</summary>
    public static bool IsIn(string state, string states) => Path.GetFullPath(Path.Combine(state, "..")) == Path.GetFullPath(states);

    private static bool IsState(string folder) => File.Exists(Path.Combine(folder, "state.json"));

    private static string? Newest(string states) => States(states).Select(state => state.Folder).LastOrDefault();

    private static IEnumerable<(long Step, string Folder)> States(string folder) =>
        Directory.Exists(folder)
            ? from inner in Directory.GetDirectories(folder, "step_*")
              where IsState(inner)
              let step = long.TryParse(Path.GetFileName(inner)[5..], NumberStyles.None, CultureInfo.InvariantCulture, out long n) ? n : -1
              where step >= 0
              orderby step
              select (step, inner)
            : [];
}
