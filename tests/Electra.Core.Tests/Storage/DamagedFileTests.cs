using System.IO.Compression;
using System.Text;
using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Data.Corpora;
using Electra.Data.Examples;
using Electra.Data.Readers;
using Electra.Data.Tasks;
using Electra.Model;
using Electra.Running;
using Electra.Statistics;
using Electra.Tensors;
using Electra.Tests.Data.Examples;
using Electra.Tests.Hub;
using Electra.Tokenization;
using static TorchSharp.torch;

namespace Electra.Tests.Storage;

/// <summary>
/// Every reader of files, given damaged ones: an error in words or a right answer, soon; never another exception, never other data where a
/// checksum tells.
/// </summary>
public sealed class DamagedFileTests : IDisposable
{
    /// <summary>Damages of each file.</summary>
    private static readonly int Count = int.Parse(Environment.GetEnvironmentVariable("ELECTRA_TEST_DAMAGES") ?? "200");

    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("train.tokens")]
    [InlineData("train.index")]
    [InlineData("train.json")]
    public void A_store_of_examples_gives_what_was_written_or_nothing(string name)
    {
        Made.Store(folder.Path, 40).Dispose();
        var right = Read();
        Assert.True(Mutations.Try(folder.File(name), Count, Read, content => content.SequenceEqual(right)) > Count / 2);

        int[] Read()
        {
            using var store = ExampleStore.Open(folder.Path, "train");
            var (row, all) = (new int[store.MaxLength], new List<int> { (int)store.Count, store.MaxLength, store.Vocabulary.Pad });
            for (long i = 0; i < store.Count; i++)
            {
                int length = store.Read(i, row, out int lengthA);
                Assert.Equal((length, lengthA), store.Lengths(i));
                all.AddRange([lengthA, .. row[..length]]);
            }
            return [.. all];
        }
    }

    [Fact]
    public void A_journal_of_preparation_is_right_or_refused()
    {
        var identity = new PreparationIdentity("format", "source", Made.Vocabulary, new());
        var state = new PreparationState { Identity = identity, Segments = 3, Summary = new(7, 1000, new(5, 600, 1, 2), default, 9) };
        state.Save(folder.Path);
        Mutations.Try(folder.File("preparation.json"), Count, () => PreparationState.Load(folder.Path, identity), read => read == state);
    }

    [Theory]
    [InlineData("rows.labels")]
    [InlineData("rows.tokens")]
    [InlineData("rows.json")]
    public void Encoded_rows_and_their_labels_are_right_or_refused(string name)
    {
        File.WriteAllLines(
            folder.File("train.tsv"),
            Enumerable.Range(0, 30).Select(i => $"a b {(i % 2 == 0 ? "a" : "b")}\t{i * 0.5}").Prepend("text\tlabel")
        );
        var task = TaskSources.Open(
            "own",
            new TaskSourceOptions
            {
                Own = new Dictionary<string, OwnTaskOptions>
                {
                    ["own"] = new()
                    {
                        Text = ["text"],
                        Regression = true,
                        Train = folder.File("train.tsv"),
                        HeldOut = 0.2,
                    },
                },
            }
        );
        var tokenizer = new ElectraTokenizer(new Vocabulary([.. Vocabulary.SpecialTokens, "a", "b"]));
        var right = Read();
        var file = Directory.GetFiles(folder.Path, name, SearchOption.AllDirectories).First(path => path.Contains("train-"));
        Assert.True(Mutations.Try(file, Count, Read, content => content.SequenceEqual(right)) > Count / 2);

        double[] Read()
        {
            using var data = TaskData.Prepare(task, tokenizer, new() { MaxLength = 16 }, folder.Path);
            var batch = data.Train.Examples.Batch([.. Enumerable.Range(0, data.Train.Count)]);
            return [.. batch.Labels.Select(label => (double)label), .. batch.Tokens.Ids.Select(id => (double)id)];
        }
    }

    [Theory]
    [InlineData("state.json")]
    [InlineData("tensors.safetensors")]
    public void A_state_of_training_is_right_or_refused(string name)
    {
        using var values = arange(50, dtype: ScalarType.Float32);
        TrainingState.Save(folder.File("state"), [("values", values)], "layout", new Position(12345, 1.5, double.NaN));
        Assert.True(
            Mutations.Try(
                folder.File($"state/{name}"),
                Count,
                () =>
                {
                    var (position, _, tensors) = TrainingState.Load<Position>(folder.File("state"));
                    using (tensors)
                    using (var loaded = tensors.Load("values"))
                        return (position, loaded.data<float>().ToArray());
                },
                read => read.position == new Position(12345, 1.5, double.NaN) && read.Item2.SequenceEqual(values.data<float>().ToArray())
            )
                > Count / 2
        );
    }

    private sealed record Position(long Step, double Seconds, double Loss);

    [Theory]
    [InlineData("vocab.txt")]
    [InlineData("tokenizer.json")]
    [InlineData("tokenizer_config.json")]
    [InlineData("config.json")]
    [InlineData("model.safetensors")]
    public void A_models_folder_is_opened_or_refused(string name)
    {
        var tokenizer = new ElectraTokenizer(new Vocabulary([.. Vocabulary.SpecialTokens, "a", "##b", "é"]));
        var shape = TinyPair.Smallest.For(tokenizer.Vocabulary);
        using (var pair = ElectraPair.Create(shape, seed: 1, Compute.Reference))
            HuggingFaceFolder.SavePair(folder.File("model"), pair, tokenizer);
        if (name == "vocab.txt") // which is read where the other is not there
            File.Delete(folder.File("model/discriminator/tokenizer.json"));
        Mutations.Try(folder.File($"model/discriminator/{name}"), Count, () =>
        {
            using var model = PretrainedModel.Open(folder.File("model/discriminator"));
            _ = model.Config.ToModel();
            return model.Tokenizer.EncodeToIds("a ab é");
        });
    }

    [Fact]
    public void A_log_of_metrics_is_read_or_refused()
    {
        using (var log = MetricsLog.Open(folder.Path))
            for (int step = 1; step <= 5; step++)
                log.Write(step, ("loss", step * 0.1), ("held_out/auc", double.NaN));
        Mutations.Try(folder.File("metrics.jsonl"), Count, () =>
        {
            var rows = MetricsLog.Read(folder.Path);
            Curves.Draw(folder.Path, folder.File("curves.png"), "damaged", [new("Losses", ["loss"], IsLogarithmic: true)]);
            return rows;
        });
    }

    [Fact]
    public void A_result_of_fine_tuning_is_read_or_refused()
    {
        new FinetuneResult
        {
            Group = "g",
            Task = "rte",
            Run = 0,
            Seed = 5,
            Checkpoint = "checkpoints/a",
            Metric = "accuracy",
            Score = 0.5,
            Scores = new Dictionary<string, double> { ["accuracy"] = 0.5 },
            Epochs = [new(1, 0.7, new Dictionary<string, double> { ["accuracy"] = 0.5 })],
            Seconds = 3,
        }.Save(folder.File("g_rte_0"));
        Mutations.Try(
            folder.File("g_rte_0/result.json"),
            Count,
            () =>
            {
                var results = FinetuneResult.All(folder.Path);
                return results.Sum(result =>
                    result.Score + result.Scores.Count + result.Epochs.Sum(epoch => epoch.Scores.Count) + result.Group.Length
                );
            }
        );
    }

    [Fact]
    public void Updates_that_were_skipped_are_read_as_far_as_they_are_whole()
    {
        var path = folder.File(SkippedUpdates.FileName);
        for (int step = 1; step <= 5; step++)
            new SkippedUpdates(path, step, _ => [1, 2, 3]).Write(step, isFinite: false, double.NaN, double.PositiveInfinity);
        Mutations.Try(path, Count, () => new SkippedUpdates(path, 3, _ => []));
    }

    [Fact]
    public void Scores_in_a_table_are_read_or_refused()
    {
        File.WriteAllText(folder.File("scores.csv"), "model,task,run,score,seed\n\"a, b\",CoLA,0,61.5,1\nb,rte,1,70,2\n# nothing\n");
        Mutations.Try(folder.File("scores.csv"), Count, () => ScoreCsv.Read(folder.File("scores.csv")));
    }

    [Theory]
    [InlineData("rows.tsv")]
    [InlineData("rows.csv")]
    [InlineData("rows.jsonl")]
    [InlineData("rows.parquet")]
    [InlineData("rows.tsv.gz")]
    [InlineData("rows.csv.zst")]
    public void The_files_of_a_task_are_read_or_refused(string name)
    {
        var file = Write(name, json: """{"a":"TEXT","b":"NUMBER"}""", csv: "\"TEXT\",NUMBER", tsv: "TEXT\tNUMBER", header: "a{0}b");
        Mutations.Try(file, Count, () => TableFile.Read(file, name.EndsWith("parquet") ? ["text"] : ["a", "b"], new TableForm()).Count());
    }

    [Theory]
    [InlineData("text.txt", false)]
    [InlineData("text.txt.gz", true)]
    [InlineData("text.txt.zst", false)]
    [InlineData("text.jsonl", false)]
    [InlineData("text.jsonl.gz", true)]
    [InlineData("text.parquet", false)]
    public void The_files_of_a_corpus_are_read_or_refused(string name, bool hasChecksum)
    {
        var file = Write(name, json: """{"text":"TEXT"}""", csv: "", tsv: "TEXT NUMBER\n", header: null);
        var right = Read();
        Mutations.Try(file, Count, Read, hasChecksum ? read => read.SequenceEqual(right) : null);

        List<string> Read() => [.. Corpus.Open(new CorpusOptions { Source = [file] }).Documents()];
    }

    private string Write(string name, string json, string csv, string tsv, string? header)
    {
        var file = folder.File(name);
        string[] texts = [.. Enumerable.Range(0, 60).Select(i => $"The größte number {i} of \\u00e9verything is {i * i}.")];
        if (name.EndsWith(".parquet"))
        {
            File.WriteAllBytes(file, ParquetBytes.Of("text", texts).GetAwaiter().GetResult());
            return file;
        }
        var (form, separator) = name.Contains(".json") ? (json, ' ') : name.Contains(".csv") ? (csv, ',') : (tsv, '\t');
        var lines = texts.Select((text, i) => form.Replace("TEXT", text).Replace("NUMBER", $"{i}"));
        if (header is not null && !name.Contains(".json"))
            lines = lines.Prepend(string.Format(header, separator));
        byte[] content = Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => line + "\n")));
        using var stream = File.Create(file);
        using Stream to =
            name.EndsWith(".gz") ? new GZipStream(stream, CompressionLevel.Fastest)
            : name.EndsWith(".zst") ? new ZstdSharp.CompressionStream(stream)
            : stream;
        to.Write(content);
        return file;
    }
}
