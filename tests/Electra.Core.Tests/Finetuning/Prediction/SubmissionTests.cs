using System.IO.Compression;
using System.Text;
using Electra.Data.Tasks;
using Electra.Finetuning.Prediction;
using Electra.Running;

namespace Electra.Tests.Finetuning.Prediction;

public sealed class SubmissionTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("CoLA.tsv", 1063, "0", "1")]
    [InlineData("SST-2.tsv", 1821, "0", "1")]
    [InlineData("MRPC.tsv", 1725, "0", "1")]
    [InlineData("STS-B.tsv", 1379, "0.000", "5.000", "2.500")]
    [InlineData("QQP.tsv", 390965, "0", "1")]
    [InlineData("MNLI-m.tsv", 9796, "entailment", "neutral", "contradiction")]
    [InlineData("MNLI-mm.tsv", 9847, "entailment", "neutral", "contradiction")]
    [InlineData("QNLI.tsv", 5463, "entailment", "not_entailment")]
    [InlineData("RTE.tsv", 3000, "entailment", "not_entailment")]
    [InlineData("WNLI.tsv", 146, "0", "1")]
    [InlineData("AX.tsv", 1104, "entailment", "neutral", "contradiction")]
    public void A_file_is_byte_for_byte_what_the_site_accepts(string name, int rows, params string[] labels)
    {
        var summary = Submission.Write(folder.Path, [Predicted(name)]);
        var expected = new StringBuilder("index\tprediction\n");
        for (int row = 0; row < rows; row++)
            expected.Append($"{row}\t{labels[row % labels.Length]}\n");
        byte[] bytes = Encoding.ASCII.GetBytes(expected.ToString());
        Assert.Equal([folder.File(name)], summary.Files);
        Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(folder.File(name))));
        using var archive = ZipFile.OpenRead(summary.Zip!);
        using var content = new MemoryStream();
        var entry = Assert.Single(archive.Entries);
        using (var stream = entry.Open())
            stream.CopyTo(content);
        Assert.Equal(name, entry.FullName);
        Assert.True(bytes.AsSpan().SequenceEqual(content.ToArray()));
        Assert.Empty(summary.Problems);
        Assert.Equal(Submission.Official.Select(file => file.Split.Submission).Where(other => other != name), summary.Missing);
    }

    [Fact]
    public void All_eleven_files_make_a_complete_zip_and_the_same_predictions_the_same_zip()
    {
        TestPredictions[] all = [.. Submission.Official.Select(file => Predicted(file.Split.Submission))];
        var summary = Submission.Write(folder.Path, all);
        Assert.Empty(summary.Missing);
        Assert.Empty(summary.Problems);
        Assert.Equal(
            [
                "AX.tsv",
                "CoLA.tsv",
                "MNLI-m.tsv",
                "MNLI-mm.tsv",
                "MRPC.tsv",
                "QNLI.tsv",
                "QQP.tsv",
                "RTE.tsv",
                "SST-2.tsv",
                "STS-B.tsv",
                "WNLI.tsv",
            ],
            Names(summary.Zip!).Order(StringComparer.Ordinal)
        );
        byte[] first = File.ReadAllBytes(summary.Zip!);
        Submission.Write(folder.Path, all);
        Assert.Equal(first, File.ReadAllBytes(summary.Zip!));
        Assert.DoesNotContain(Directory.EnumerateFiles(folder.Path), file => file.EndsWith(".partial"));
    }

    [Fact]
    public void Tasks_of_ones_own_have_files_and_are_not_handed_in()
    {
        var own = MadeRuns.Task("docs-kind");
        var predictions = Predictions(own, own.Splits[2], [0, 0, 5, 0, 0, 9, 0, 0, 0, 0], MadeRuns.Result("docs-kind", 0, 0.5));
        var alone = Submission.Write(folder.File("own"), [predictions]);
        Assert.Null(alone.Zip);
        Assert.Equal("index\tprediction\n0\tproperty\n1\ttype\n", File.ReadAllText(folder.File("own/docs-kind.tsv")));
        var both = Submission.Write(folder.File("both"), [predictions, Predicted("RTE.tsv")]);
        Assert.Equal(["RTE.tsv"], Names(both.Zip!));
    }

    [Fact]
    public void What_lies_there_from_an_earlier_call_is_named_and_not_handed_in()
    {
        Submission.Write(folder.Path, [Predicted("RTE.tsv"), Predicted("WNLI.tsv")]);
        var summary = Submission.Write(folder.Path, [Predicted("WNLI.tsv")]);
        Assert.Equal(["RTE.tsv"], summary.Stale);
        Assert.Equal(["WNLI.tsv"], Names(summary.Zip!));
    }

    [Fact]
    public void The_runs_behind_the_files_are_recorded()
    {
        var task = MadeRuns.Task("rte");
        Submission.Write(
            folder.Path,
            [Predictions(task, task.Splits[2], new float[6000], MadeRuns.Result("rte", 4, 0.5), MadeRuns.Result("rte", 1, 0.25))]
        );
        Assert.Equal(
            "file\ttask\trun\tseed\tcheckpoint\tmetric\tscore\nRTE.tsv\trte\t4\t104\tmade\taccuracy\t0.5\n"
                + "RTE.tsv\trte\t1\t101\tmade\taccuracy\t0.25\n",
            File.ReadAllText(folder.File(Submission.RunsName))
        );
    }

    [Fact]
    public void What_the_site_would_refuse_is_found()
    {
        string wnli = Table(146, "1"), stsb = Table(1379, "4.2");
        Assert.Empty(Check(("WNLI.tsv", wnli), ("STS-B.tsv", stsb)));
        Refused("WNLI.tsv:1: the header is \"index\tlabel\"", ("WNLI.tsv", wnli.Replace("prediction", "label")));
        Refused("WNLI.tsv:1: the header is \"\"", ("WNLI.tsv", ""));
        Refused("WNLI.tsv:1: the header is \"\tindex\tprediction\"", ("WNLI.tsv", "\t" + wnli));
        Refused("WNLI.tsv:7: the line must be the number 5", ("WNLI.tsv", wnli.Replace("\n5\t", "\n6\t")));
        Refused("WNLI.tsv:2: the line must be the number 0", ("WNLI.tsv", "index\tprediction\n1\t1\n"));
        Refused("WNLI.tsv:3: the line must be the number 1", ("WNLI.tsv", wnli.Replace("\n1\t1\n", "\n1\t1\t0\n")));
        Refused("WNLI.tsv:2: the prediction \"2\" is not one of 0, 1", ("WNLI.tsv", Table(146, "2")));
        Refused("RTE.tsv:2: the prediction \"1\" is not one of entailment, not_entailment", ("RTE.tsv", Table(3000, "1")));
        Refused(
            "AX.tsv:2: the prediction \"not_entailment\" is not one of entailment, neutral, contradiction",
            ("AX.tsv", Table(1104, "not_entailment"))
        );
        Refused("STS-B.tsv:2: the prediction \"5.1\" is not one of the numbers from 0 to 5", ("STS-B.tsv", Table(1379, "5.1")));
        Refused("WNLI.tsv: there are 145 predictions, and the site's test set has 146", ("WNLI.tsv", Table(145, "1")));
        Refused("WNLI.tsv: there are 147 predictions", ("WNLI.tsv", Table(147, "1")));
        Refused("glue/WNLI.tsv is not one of the site's files: CoLA.tsv, SST-2.tsv", ("glue/WNLI.tsv", wnli));
        Refused("WNLI.tsv is there twice", ("WNLI.tsv", wnli), ("WNLI.tsv", wnli));
        Assert.Equal(2, Check(("wnli.tsv", wnli), ("STS-B.tsv", Table(1379, "x"))).Count);

        void Refused(string said, params (string, string)[] files) => Assert.StartsWith(said, Assert.Single(Check(files)));
    }

    [Fact]
    public void A_partial_zip_says_what_it_lacks_and_a_refused_one_is_an_error()
    {
        var (partial, code) = Written(
            new([Predicted("RTE.tsv"), Predicted("WNLI.tsv")], [(MadeRuns.Task("cola"), "no run of cola is finished")])
        );
        Assert.Equal(0, code);
        Assert.Contains("CoLA is not predicted: no run of cola is finished", partial);
        Assert.Contains("submission.zip is partial", partial);
        Assert.Contains("it lacks CoLA.tsv, SST-2.tsv, MRPC.tsv, STS-B.tsv, QQP.tsv, MNLI-m.tsv, MNLI-mm.tsv, QNLI.tsv, AX.tsv.", partial);

        Assert.Contains(
            "submission.zip is complete",
            Written(new([.. Submission.Official.Select(file => Predicted(file.Split.Submission))], [])).Output
        );

        var rte = Predicted("RTE.tsv");
        var (refused, error) = Written(new([Predictions(rte.Task, rte.Split, rte.Rows.Outputs[2..], [.. rte.Runs])], []));
        Assert.Equal(1, error);
        Assert.Contains("RTE.tsv: there are 2999 predictions, and the site's test set has 3000", refused);
        Assert.Contains("is from an earlier call", Written(new([Predicted("WNLI.tsv")], [])).Output.Replace("are from", "is from"));

        (string Output, int Code) Written(PredictedTests tests)
        {
            var output = new StringWriter();
            int code = Submission.Write(folder.Path, tests, new RunConsole(output, terminal: null));
            return (output.ToString(), code);
        }
    }

    /// <summary>Predictions that go round the labels in their order, and round values below, above and inside the range.</summary>
    private static TestPredictions Predicted(string name)
    {
        var (task, split) = Submission.Official.Single(file => file.Split.Submission == name);
        var logits = new float[split.OfficialRows * task.Outputs];
        for (int row = 0; row < split.OfficialRows; row++)
            if (task.IsRegression)
                logits[row] = (row % 3) switch { 0 => -0.75f, 1 => 7.5f, _ => 2.5f };
            else
                logits[row * task.Outputs + row % task.Outputs] = 1;
        return Predictions(task, split, logits, MadeRuns.Result(task.Model, 0, 0.5));
    }

    private static TestPredictions Predictions(TaskDefinition task, TaskSplit split, float[] outputs, params FinetuneResult[] runs) =>
        new(split, MadeRuns.Rows(task, outputs, []), runs);

    private static string Table(int rows, string label) =>
        "index\tprediction\n" + string.Concat(Enumerable.Range(0, rows).Select(row => $"{row}\t{label}\n"));

    private IReadOnlyList<string> Check(params (string Name, string Text)[] files)
    {
        var zip = folder.File("made.zip");
        File.Delete(zip);
        using (var archive = ZipFile.Open(zip, ZipArchiveMode.Create))
            foreach (var (name, text) in files)
                using (var writer = new StreamWriter(archive.CreateEntry(name).Open()))
                    writer.Write(text);
        return Submission.Check(zip);
    }

    private static List<string> Names(string zip)
    {
        using var archive = ZipFile.OpenRead(zip);
        return [.. archive.Entries.Select(entry => entry.FullName)];
    }
}
