using System.Globalization;
using System.Text.RegularExpressions;
using Electra.Checkpoints;
using Electra.Running;
using Electra.Statistics;
using Electra.Storage;
using Electra.Training;

namespace Electra.Pretraining;

/// <summary>A model that was measured.</summary>
/// <param name="Scores">What came of it.</param>
/// <param name="Unknown">The figures among them that are not the model's: those of a generator that was not saved with it.</param>
internal sealed record MeasuredModel(IHeldOutScores Scores, params IReadOnlyList<string> Unknown);

/// <summary>
/// Measures models that are saved on held-out text, and trains nothing: <c>only=evaluation</c>, and a finished run whose states are gone.
/// </summary>
/// <param name="run">The experiment: its held-out text is read.</param>
/// <param name="measure">Measures a model from where it is, as the run of a configuration is measured.</param>
internal sealed partial class CheckpointEvaluation(Run<PretrainConfig> run, Func<string, PretrainConfig, MeasuredModel> measure)
{
    private readonly PretrainConfig config = run.Config;

    /// <summary>A model to be measured.</summary>
    /// <param name="Source">Where it is.</param>
    /// <param name="Owner">The configuration of the run whose it is; null of a model that was named.</param>
    /// <param name="Percent">The milestone, as in the folder's name.</param>
    private sealed record Saved(string Source, PretrainConfig? Owner, double Percent = 100)
    {
        public string Shown => Owner is null ? Source : Path.GetFileName(Source);
    }

    /// <summary>
    /// Measures the models of <c>evaluation.models</c>, or every milestone of the run or of its <c>seeds</c>; the results of finished runs
    /// say what came of it.
    /// </summary>
    /// <returns>The scores of the last.</returns>
    /// <exception cref="UserErrorException">There is no such model, or one cannot be measured on this text.</exception>
    public IHeldOutScores MeasureAll()
    {
        Saved[] all = config.Evaluation.Models.Count > 0
            ?
            [
                .. config
                    .Evaluation.Models.SelectMany(name =>
                        ModelPattern.Is(name) ? ModelPattern.Fitting("evaluation.models", name) : [name]
                    )
                    .Distinct()
                    .Select(source => new Saved(source, Owner: null)),
            ]
            :
            [
                .. (config.Seeds ?? [config.Seed]).SelectMany(seed =>
                    Milestones(config with { Seed = seed, Seeds = null, Only = RunPart.All })
                ),
            ];
        return Measure(all);
    }

    /// <summary>Measures a finished run by its last model: of several ranks the first, which has it.</summary>
    /// <exception cref="UserErrorException">The folder holds another experiment's run, or the model is gone too.</exception>
    public IHeldOutScores MeasureLast()
    {
        var last = PretrainCheckpoints.ModelFolder(config, "100");
        if (!ModelPattern.IsModel(last))
            throw new UserErrorException(
                $"the run in {Paths.Shown(run.Folder)} is finished, but neither its last state nor its model {Paths.Shown(last)} is there "
                    + "to be measured. resume=never makes it again"
            );
        RequireSame(config);
        run.Console.Line($"This run is complete. Its states are gone: it is measured by its model {Paths.Shown(last)}.");
        run.Progress?.Begin(PretrainResult.Load(run.Folder).Updates);
        return Measure([new Saved(last, config)]);
    }

    /// <summary>Whether a run is finished and the state that it ended with is gone: it would be trained again.</summary>
    public static bool IsToMeasureLast(Run<PretrainConfig> run) =>
        run.Config is { DryRun: false, Resume: ResumeMode.Auto }
        && PretrainResult.IsIn(run.Folder)
        && !(StateKeeper<PretrainPosition>.NewestStep(run.Folder) >= PretrainResult.Load(run.Folder).Updates);

    private IHeldOutScores Measure(IReadOnlyList<Saved> all)
    {
        run.Console.Heading("Measuring on held-out text");
        var rows = new List<(Saved Saved, MeasuredModel Model)>();
        foreach (var saved in all)
        {
            run.Console.Report(new ProgressReport("measuring", rows.Count, all.Count, "models"));
            rows.Add((saved, measure(saved.Source, saved.Owner ?? config)));
            if (saved is { Owner: { } owner, Percent: 100 })
                Renew(owner, rows[^1].Model);
        }
        run.Console.EndProgress();
        Show(rows);
        return rows[^1].Model.Scores;
    }

    /// <summary>The result of a finished run says what it was measured with now; when it rose stays as it was in training.</summary>
    private void Renew(PretrainConfig owner, MeasuredModel model)
    {
        var folder = Paths.Output(owner.RunFolder!);
        if (!PretrainResult.IsIn(folder))
            return;
        using var taken = run.HasFolder ? null : RunLock.Take(folder);
        var result = PretrainResult.Load(folder);
        // A script's own figures stay: they are not measured here.
        var own = result.Scores.Select(score => (Name: score.Key, score.Value));
        var figures = model.Scores.Figures.UnionBy(own, figure => figure.Name).ExceptBy(model.Unknown, figure => figure.Name);
        (result with { Scores = figures.ToDictionary(), MeasuredWith = owner.MeasuredWith }).Save(folder);
    }

    /// <summary>The models of a run that are saved, in the order of its updates.</summary>
    private IEnumerable<Saved> Milestones(PretrainConfig alone)
    {
        var root = Paths.Output(config.Checkpoints.Folder);
        Saved[] found =
        [
            .. from folder in Directory.Exists(root) ? Directory.EnumerateDirectories(root, $"{alone.RunName}_*") : []
            let percent = Percent().Match(Path.GetFileName(folder)[alone.RunName.Length..])
            where percent.Success && ModelPattern.IsModel(folder)
            select new Saved(folder, alone, double.Parse(percent.Groups["number"].Value, CultureInfo.InvariantCulture)) into saved
            orderby saved.Percent
            select saved,
        ];
        if (found.Length == 0)
            throw new UserErrorException(
                $"{alone.RunName} has no saved model in {Paths.Shown(root)}, such as {alone.RunName}_100: there is nothing to measure. "
                    + "evaluation.models names models elsewhere"
            );
        RequireSame(alone);
        return found;
    }

    /// <summary>Makes sure that a run in its folder is the one that is asked for.</summary>
    private void RequireSame(PretrainConfig alone)
    {
        var folder = Paths.Output(alone.RunFolder!);
        if (File.Exists(Path.Combine(folder, Experiment.ConfigFile))) // else models without their run
            PretrainCheckpoints.RequireSame(folder, alone, run.Script);
    }

    private void Show(IReadOnlyList<(Saved Saved, MeasuredModel Model)> rows)
    {
        var names = FigureStyle.Ordered(rows.SelectMany(row => row.Model.Scores.Figures).Select(figure => figure.Name));
        double? Known(string name, MeasuredModel model) =>
            model.Unknown.Contains(name) ? null : model.Scores.Figures.Single(figure => figure.Name == name).Value;
        run.Console.Table(
            ["", .. names.Select(name => FigureStyle.OfPretraining(name).Heading)],
            rows.Select(row =>
                (IReadOnlyList<object?>)
                    [row.Saved.Shown, .. names.Select(name => FigureStyle.OfPretraining(name).Value(Known(name, row.Model)))]
            )
        );
        run.Console.Line($"Measured with: {string.Join("; ", rows.Select(row => (row.Saved.Owner ?? config).MeasuredWith).Distinct())}.");
        var file = Path.Combine(Paths.Output(config.Checkpoints.Folder), $"{config.Name}_evaluation.csv");
        var table = new ReportTable(
            "",
            ["model", "percent", .. names, "measured_with"],
            [
                .. rows.Select(row =>
                    (IReadOnlyList<string>)
                        [
                            Paths.Shown(row.Saved.Source),
                            row.Saved.Owner is null ? "" : row.Saved.Percent.ToString(CultureInfo.InvariantCulture),
                            .. names.Select(name => Known(name, row.Model)?.ToString("R", CultureInfo.InvariantCulture) ?? ""),
                            (row.Saved.Owner ?? config).MeasuredWith,
                        ]
                ),
            ]
        );
        AtomicFile.WriteAllText(file, table.Csv());
        run.Console.Line($"As CSV: {Paths.Shown(file)}.");
        string[] renewed = [.. rows.Where(row => row.Saved is { Owner: not null, Percent: 100 }).Select(row => row.Saved.Owner!.RunName)];
        if (renewed.Length > 0 && !run.HasFolder)
            run.Console.Line($"Finished runs say so in their results ({string.Join(", ", renewed)}): stats.csx compares them.");
    }

    [GeneratedRegex(@"^_(?<number>\d+(\.\d+)?)$")]
    private static partial Regex Percent();
}
