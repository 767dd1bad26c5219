using Electra.Configuration;
using Electra.Pretraining;
using Electra.Running;

namespace Electra.Tests.Pretraining;

/// <summary>scripts/pretrain.csx with only=evaluation: what is saved is measured again, and nothing is trained.</summary>
public sealed class CheckpointEvaluationTests : IDisposable
{
    private readonly TinyPretraining tiny = new();

    public void Dispose() => tiny.Dispose();

    [Fact]
    public async Task Milestones_and_models_elsewhere_are_measured_without_training()
    {
        await tiny.Done("seeds=1..2");
        var before = Written();
        var trained = Result(1);

        // As in training: the saved weights are those that were measured.
        var own = await tiny.Done("seeds=1..2", "only=evaluation", "name=tiny");
        Assert.All(
            ["tiny_1_50", "tiny_1_100", "tiny_2_50", "tiny_2_100"],
            name => Assert.Contains(own.Lines, line => line.TrimStart().StartsWith($"{name} ", StringComparison.Ordinal))
        );
        Assert.Equal(trained.MeasuredWith, Result(1).MeasuredWith);
        foreach (var figure in trained.Scores.Where(score => score.Key != "token_auc"))
            Assert.Equal(figure.Value, Result(1).Scores[figure.Key], 1e-9);
        Assert.Equal((trained.Rise, trained.Seconds), (Result(1).Rise, Result(1).Seconds));
        Assert.InRange(Result(1).Scores["token_auc"], 0.4, 1);
        Assert.Equal(before, Written());

        // At equal work: what the same command measures where the states are there.
        string[] equal = ["evaluation.masking=0.2", $"evaluation.generator={tiny.File("runs/tiny_1")}"];
        await tiny.Done([.. equal, "seed=1"]);
        var withStates = Result(1);
        before = Written();
        await tiny.Done(["seeds=[2, 1]", "only=evaluation", .. equal]);
        Assert.Equal(withStates.MeasuredWith, Result(1).MeasuredWith);
        Assert.Equal(withStates.MeasuredWith, Result(2).MeasuredWith);
        Assert.Equal(withStates.Scores["auc"], Result(1).Scores["auc"], 1e-9);
        Assert.Equal(Result(1).Scores["token_auc"], Result(2).Scores["token_auc"]);
        string[] csv = File.ReadAllLines(tiny.File("runs/tiny_evaluation.csv"));
        Assert.StartsWith("model,percent,auc,token_auc,accuracy,", csv[0]);
        Assert.Equal(5, csv.Length);
        Assert.Equal(before, Written());

        // Elsewhere: a pair, and a discriminator alone, which needs a generator.
        Copy("runs/tiny_2_100", "elsewhere/pair");
        Copy("runs/tiny_2_100/discriminator", "elsewhere/alone");
        string models = $"evaluation.models=[{tiny.File("elsewhere/pair")}, '{tiny.File("runs/tiny_*_50")}']";
        var elsewhere = await tiny.Done("name=other", "only=evaluation", models);
        Assert.Equal(3, elsewhere.Lines.Count(line => line.Contains("elsewhere/pair ") || line.Contains("_50 ")));
        Assert.False(Directory.Exists(tiny.File("runs/other_11081")));
        string alone = $"evaluation.models=[{tiny.File("elsewhere/alone")}]";
        await tiny.Refused(["name=other", "only=evaluation", alone], "has no generator beside it", "evaluation.generator");
        var judged = await tiny.Done(["name=other", "only=evaluation", alone, .. equal]);
        Assert.Contains(judged.Lines, line => line.Contains("elsewhere/alone ") && line.EndsWith('–'));
        Assert.Contains($"{Result(2).Scores["auc"]:0.000}", judged.Lines.Single(line => line.Contains("elsewhere/alone ")));
    }

    [Fact]
    public async Task A_discriminator_of_two_towers_is_measured_on_the_text_of_another_generator()
    {
        await tiny.Done("name=pair", "training.steps=2");
        string[] towers = ["name=towers", "model.generator.kind=two_tower"];
        await tiny.Done([.. towers, "training.steps=2"]);
        var (pair, judged) = (tiny.File("runs/pair_11081_100"), tiny.File("runs/towers_11081_100"));
        await tiny.Refused([.. towers, "only=evaluation", $"evaluation.models=[{judged}]"], "has no generator beside it");
        string[] both = ["only=evaluation", $"evaluation.models=[{judged}, {pair}]", $"evaluation.generator={pair}"];
        var measured = await tiny.Done([.. towers, .. both]);
        Assert.Equal(2, measured.Lines.Count(line => line.Contains("towers_11081_100 ") || line.Contains("pair_11081_100 ")));
        await tiny.Done([.. towers, "only=evaluation", $"evaluation.models=[{pair}]"]);
    }

    [Fact]
    public async Task A_finished_run_whose_states_are_gone_is_measured_by_its_model_and_never_trained_again()
    {
        await tiny.Done("seed=1");
        var before = Written();
        var trained = Result(1);
        Directory.Delete(tiny.File("runs/tiny_1/states"), recursive: true);
        foreach (var which in new[] { "seed=1", "seeds=[1]" })
        {
            string share = which == "seed=1" ? "0.2" : "0.3";
            await tiny.Done(which, $"evaluation.masking={share}");
            Assert.Equal($"own generator, {share[2]}0% masked", Result(1).MeasuredWith);
            Assert.NotEqual(trained.Scores["auc"], Result(1).Scores["auc"]);
            Assert.Equal(before, Written());
            Assert.False(Directory.Exists(tiny.File("runs/tiny_1/states")));
        }
        // Complete, and nothing to do.
        (await tiny.Done("seed=1", "evaluation.masking=0.3")).Said("This run is complete. Its states are gone");

        await tiny.Refused(["seed=1", "training.learning_rate=2e-3"], "tiny_1 is another experiment", "learning_rate: 0.002");
        Directory.Delete(tiny.File("runs/tiny_1_100"), recursive: true);
        await tiny.Refused(
            ["seed=1", "evaluation.masking=0.2"],
            "is finished, but neither its last state nor its model",
            "tiny_1_100",
            "resume=never makes it again"
        );
        Assert.True(PretrainResult.IsIn(tiny.File("runs/tiny_1")));
        await tiny.Done("seed=1", "resume=never");
        Assert.Equal(trained.Scores["auc"], Result(1).Scores["auc"]);
    }

    [Fact]
    public async Task What_cannot_be_measured_is_named()
    {
        await tiny.Refused(["seeds=3..4", "only=evaluation"], "tiny_3 has no saved model in", "nothing to measure");
        await tiny.Done("name=cased", "vocabulary.lowercase=false");
        await tiny.Refused(
            ["only=evaluation", $"evaluation.models=[{tiny.File("runs/cased_11081_100")}]"],
            "evaluation.models",
            "has another vocabulary than this run"
        );
        await tiny.Refused(
            ["only=evaluation", $"evaluation.models=['{tiny.File("runs/nobody_*_100")}']"],
            "evaluation.models: no model fits",
            "nobody_*_100"
        );
        await tiny.Refused(["only=evaluation", "evaluation.models=[nowhere]"], "nowhere", "no such");
    }

    [Fact]
    public void A_generator_has_one_name()
    {
        Directory.CreateDirectory(tiny.File("runs/a_1_100"));
        var named = new[] { "runs/a_1_100", "runs/a_1_100/", "runs/../runs/a_1_100" }.Select(name =>
            Config.Parse<PretrainConfig>("name: tiny", "tiny.yaml", $"evaluation.generator={tiny.File(name)}").MeasuredWith
        );
        Assert.Equal($"generator of {tiny.File("runs/a_1_100")}, 15% masked", Assert.Single(named.Distinct()));
    }

    [Fact]
    public async Task A_masked_language_model_is_measured_too()
    {
        string[] mlm = ["seed=1", "objective.kind=mlm", "model.generator_divisor=4"];
        await tiny.Done(mlm);
        var trained = Result(1);
        Directory.Delete(tiny.File("runs/tiny_1/states"), recursive: true);
        await tiny.Done([.. mlm, "only=evaluation"]);
        Assert.Equal(trained.Scores["perplexity"], Result(1).Scores["perplexity"], 1e-9);
        await tiny.Done([.. mlm, "evaluation.masking=0.3"]);
        Assert.Equal("30% masked", Result(1).MeasuredWith);
        Assert.NotEqual(trained.Scores["perplexity"], Result(1).Scores["perplexity"]);
    }

    private PretrainResult Result(int seed) => PretrainResult.Load(tiny.File($"runs/tiny_{seed}"));

    /// <summary>When each file of training was written.</summary>
    private List<(string, DateTime)> Written() =>
        [
            .. Directory
                .GetFiles(tiny.File("runs"), "*", SearchOption.AllDirectories)
                .Where(file => Path.GetFileName(file) is "metrics.jsonl" or "model.safetensors")
                .Order()
                .Select(file => (file, File.GetLastWriteTimeUtc(file))),
        ];

    private void Copy(string from, string to)
    {
        foreach (var file in Directory.GetFiles(tiny.File(from), "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(tiny.File(to), Path.GetRelativePath(tiny.File(from), file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }
}
