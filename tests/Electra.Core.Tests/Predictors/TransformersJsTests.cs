using System.IO.Compression;
using System.Text.Json;
using Electra.Checkpoints;
using Electra.Data.Tasks;
using Electra.Export;
using Electra.Finetuning;
using Electra.Predictors;
using Electra.Tensors;

namespace Electra.Tests.Predictors;

/// <summary>
/// Exported folders in transformers.js under Node, as they are: the same token ids and the same outputs as here. The package is installed
/// once, beside the tests; without Node or a registry there is a message instead.
/// </summary>
public sealed class TransformersJsTests : IDisposable
{
    private const string Package = "@huggingface/transformers@4.3.2";

    private static readonly string Script = TestData.Fixture("node/ask.mjs"),
        Packages = Path.Combine(AppContext.BaseDirectory, "node");

    /// <summary>With its text; every word is one token.</summary>
    private static readonly string[] Question = ["who was the king", "germany and the king of england"];

    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Fact, Trait("Category", "Long")]
    public async Task Each_pipeline_gives_the_ids_and_the_answers_of_this_kit()
    {
        await RequirePackage();
        ZipFile.ExtractToDirectory(TestData.Fixture("golden/models.zip"), folder.File("golden"));
        string classifier = Export(folder.File("golden/seq3")),
            moods = Export(TestData.Fixture("golden/r_tiny_multilabel")),
            tagger = Export(TestData.Fixture("golden/t_tiny_model")),
            answerer = Export(TestData.Fixture("golden/q_tiny_model")),
            generator = Export(folder.File("golden/mlm")),
            encoder = Export(folder.File("golden/enc"));
        string[] texts = ["The cat sees a dog.", "déjà vu 12"];
        var answers = await Ask(
        [
            new("text-classification", classifier, texts, new { top_k = (int?)null }),
            new("text-classification", moods, texts, new { top_k = (int?)null }),
            new("token-classification", tagger, ["germany and the king of england"], new { ignore_labels = Array.Empty<string>() }),
            new("fill-mask", generator, ["the [MASK] sees"], new { top_k = 3 }),
            new("feature-extraction", encoder, texts, new { pooling = "mean" }),
            new("question-answering", answerer, [Question], new { }),
        ]);
        foreach (var (source, answer) in new[] { "golden/seq3", "", "", "golden/mlm", "golden/enc" }.Zip(answers))
            if (source != "")
                RequireIds(folder.File(source), answer, source == "golden/mlm" ? ["the [MASK] sees"] : texts);
        RequireScores(folder.File("golden/seq3"), answers[0], texts);
        RequireScores(TestData.Fixture("golden/r_tiny_multilabel"), answers[1], texts);
        RequireTags(TestData.Fixture("golden/t_tiny_model"), answers[2], "germany and the king of england");
        RequireTokens(folder.File("golden/mlm"), answers[3], "the [MASK] sees");
        RequireVectors(folder.File("golden/enc"), answers[4], texts);
        using var asked = QuestionAnswerer.Open(TestData.Fixture("golden/q_tiny_model"), compute: Compute.Reference);
        Assert.Equal(asked.Ask(Question[0], Question[1]).Answer.Text, answers[5].Outputs[0].GetProperty("answer").GetString());
    }

    private static void RequireIds(string source, Answer answer, string[] texts)
    {
        using var model = PretrainedModel.Open(source);
        foreach (var (text, ids) in texts.Zip(answer.Ids))
            Assert.Equal(IdsOf(model, text), ids);
    }

    private static int[] IdsOf(PretrainedModel model, string text)
    {
        var ids = new List<int>();
        model.Tokenizer.Encode(text, ids);
        return [model.Tokenizer.Vocabulary.ClsId, .. ids, model.Tokenizer.Vocabulary.SepId];
    }

    private static void RequireScores(string source, Answer answer, string[] texts)
    {
        using var classifier = TextClassifier.Open(source, Compute.Reference);
        foreach (var (text, output) in texts.Zip(answer.Outputs))
        {
            var scores = classifier.Classify(text).Scores;
            Assert.Equal(scores.Count, output.GetArrayLength());
            foreach (var (mine, other) in scores.Zip(output.EnumerateArray()))
            {
                Assert.Equal(mine.Label, other.GetProperty("label").GetString());
                Assert.Equal(mine.Score, other.GetProperty("score").GetDouble(), 1e-4);
            }
        }
    }

    /// <summary>Every word is one token here, so that its place tells its word.</summary>
    private static void RequireTags(string source, Answer answer, string text)
    {
        using var model = FinetunedModel.OpenAny(source, Compute.Reference);
        var row = WordTags.Kind.Row!(model.Task, text, "");
        float[] outputs = model.Predict([row], 1, new RowCounts(), default).Outputs;
        var words = row.WordTexts.Zip(outputs.Chunk(model.Task.Outputs)).ToList();
        Assert.Equal(words.Count + 2, answer.Ids[0].Length);
        foreach (var ((word, own), other) in words.Zip(answer.Outputs[0].EnumerateArray()))
        {
            Assert.Equal(word, other.GetProperty("word").GetString());
            Assert.Equal(model.Task.Labels[Array.IndexOf(own, own.Max())], other.GetProperty("entity").GetString());
            Assert.Equal(Labels.Probability(own), other.GetProperty("score").GetDouble(), 1e-4);
        }
    }

    private static void RequireTokens(string source, Answer answer, string text)
    {
        using var fill = FillMask.Open(source, Compute.Reference);
        var tokens = Assert.Single(fill.Fill(text, best: 3)).Tokens;
        foreach (var (mine, other) in tokens.Zip(answer.Outputs[0].EnumerateArray()))
        {
            Assert.Equal(mine.Token, other.GetProperty("token_str").GetString());
            Assert.Equal(mine.Probability, other.GetProperty("score").GetDouble(), 1e-5);
        }
    }

    private static void RequireVectors(string source, Answer answer, string[] texts)
    {
        using var embedder = TextEmbedder.Open(source, Compute.Reference);
        foreach (var (vector, output) in embedder.Embed(texts).Zip(answer.Outputs))
        {
            double[] other = [.. output.EnumerateArray().Select(value => value.GetDouble())];
            Assert.Equal(vector.Length, other.Length);
            Assert.All(vector.Zip(other), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        }
    }

    private string Export(string source)
    {
        using var model = PretrainedModel.Open(source);
        return Path.GetFileName(ModelExport.Write(model, new ExportConfig { Out = folder.File("models"), To = ExportFormat.Onnx }));
    }

    private async Task<List<Answer>> Ask(params Request[] requests)
    {
        using var node = new RunningScript("node", [Script, folder.File("models") + "/"], Packages);
        await node.Type(JsonSerializer.Serialize(requests, JsonSerializerOptions.Web));
        node.EndInput();
        var done = (await node.Finish()).Succeeded();
        return JsonSerializer.Deserialize<List<Answer>>(done.Output, JsonSerializerOptions.Web)!;
    }

    private static async Task RequirePackage()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "npm is a batch file there");
        Assert.SkipUnless(await Runs("node", "--version"), "Node is not installed");
        if (File.Exists(Path.Combine(Packages, "node_modules/.package-lock.json"))) // npm writes it last
            return;
        Directory.CreateDirectory(Packages);
        // Its native parts come in packages of their own: nothing is to be run. A registry that does not answer is not waited for.
        string[] words =
        [
            "install", "--prefix", Packages, "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0", "--fetch-timeout=15000",
            Package,
        ];
        Assert.SkipUnless(await Runs("npm", words), $"npm cannot install {Package}");
    }

    private static async Task<bool> Runs(string program, params string[] words)
    {
        try
        {
            using var run = new RunningScript(program, words, Path.GetTempPath());
            return (await run.Finish().WaitAsync(TimeSpan.FromMinutes(3), TestContext.Current.CancellationToken)).ExitCode == 0;
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or TimeoutException)
        {
            return false;
        }
    }

    private sealed record Request(string Task, string Model, IReadOnlyList<object> Inputs, object Options)
    {
        public string Dtype => "fp32";
    }

    private sealed record Answer(int[][] Ids, JsonElement[] Outputs);
}
