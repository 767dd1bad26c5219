using System.IO.Compression;
using System.IO.Pipes;
using System.Text;
using Electra.Data.Readers;
using Electra.Data.Tasks;
using Electra.Finetuning;
using Electra.Finetuning.Prediction;
using Electra.Tensors;

namespace Electra.Tests.Finetuning.Prediction;

public sealed class TextPredictionsTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_line_gets_its_label_and_probability_in_the_order_of_the_file()
    {
        File.WriteAllText(folder.File("in.txt"), "good\nbad\n\nso  \"so\"");
        int count = Predict("cola", rows => [.. rows.SelectMany(row => new[] { 0f, row.Texts[0] == "good" ? 1f : -1f })]);
        Assert.Equal(4, count);
        Assert.Equal(
            "acceptable\t0.7311\tgood\nunacceptable\t0.7311\tbad\nunacceptable\t0.7311\t\nunacceptable\t0.7311\tso  \"so\"\n",
            File.ReadAllText(folder.File("out.tsv"))
        );
    }

    [Fact]
    public void The_two_texts_of_a_pair_are_separated_by_a_tab_and_a_value_is_clamped()
    {
        File.WriteAllText(folder.File("in.txt"), "one\ttwo\nlong\tlonger\n");
        Predict("stsb", rows =>
        {
            Assert.Equal([("one", "two"), ("long", "longer")], rows.Select(row => (row.Texts[0], row.Texts[1])));
            return [1.23456f, 7f];
        });
        Assert.Equal("1.235\tone\ttwo\n5.000\tlong\tlonger\n", File.ReadAllText(folder.File("out.tsv")));
    }

    [Fact]
    public void A_model_that_does_not_say_what_it_reads_takes_one_text_a_line_or_two()
    {
        using var model = FinetunedModel.OpenAny(TestData.Fixture("golden/r_tiny_multilabel"), Compute.Reference);
        Assert.Equal("a|a+b", Read("a\na\tb"));
        Assert.EndsWith("reads one text, and the line has a tab", Assert.Throws<UserErrorException>(() => Read("a\tb\tc")).Message);

        string Read(string lines)
        {
            var read = "";
            File.WriteAllText(folder.File("in.txt"), lines);
            TextPredictions.Predict(
                model.Task,
                rows =>
                {
                    read = string.Join('|', rows.Select(row => string.Join('+', row.Texts)));
                    return model.Predict(rows, 2, new RowCounts(), default);
                },
                new PredictOptions { Input = folder.File("in.txt"), Output = folder.File("out.tsv") }
            );
            Assert.Equal(lines.Split('\n').Length, File.ReadLines(folder.File("out.tsv")).Count());
            return read;
        }
    }

    [Fact]
    public void A_long_file_is_predicted_some_batches_at_a_time_and_may_be_compressed()
    {
        string[] lines = [.. Enumerable.Range(0, 1000).Select(i => $"line {i}")];
        using (var writer = new StreamWriter(new GZipStream(File.Create(folder.File("in.txt.gz")), CompressionLevel.Fastest)))
            foreach (var line in lines)
                writer.WriteLine(line);
        var pieces = new List<int>();
        Assert.Equal(1000, Predict("sst2", rows =>
        {
            pieces.Add(rows.Count);
            return new float[2 * rows.Count];
        }, "in.txt.gz", batchSize: 16));
        Assert.Equal([256, 256, 256, 232], pieces);
        Assert.Equal(lines.Select(line => $"negative\t0.5000\t{line}"), File.ReadLines(folder.File("out.tsv")));
    }

    [Theory]
    [InlineData("rte", "a\tb\nno pair\n", "in.txt:2: RTE reads two texts, separated by a tab (sentence1, sentence2); the line has no tab")]
    [InlineData("rte", "a\tb\nc\td\te\n", "in.txt:2: RTE reads two texts, separated by a tab (sentence1, sentence2); the line has 2 tabs")]
    [InlineData("cola", "a\n\nb\tc\n", "in.txt:3: CoLA reads one text, and the line has a tab")]
    public void A_line_that_is_wrong_is_named_and_no_file_is_written(string task, string text, string said)
    {
        File.WriteAllText(folder.File("in.txt"), text);
        Assert.EndsWith(said, Assert.Throws<UserErrorException>(() => Predict(task, rows => new float[2 * rows.Count])).Message);
        Assert.Equal([folder.File("in.txt")], Directory.EnumerateFiles(folder.Path));
    }

    [Fact]
    public void The_lines_before_a_wrong_one_are_answered_where_they_go_out_at_once()
    {
        var output = new StringWriter { NewLine = "\n" };
        Assert.Throws<UserErrorException>(() =>
            TextPredictions.Predict(
                MadeRuns.Task("cola"),
                Of("cola", rows => new float[2 * rows.Count]),
                [
                    ["a", "b", "c\td", "e"],
                ],
                "made",
                output,
                null,
                default
            )
        );
        Assert.Equal("unacceptable\t0.5000\ta\nunacceptable\t0.5000\tb\n", output.ToString());
    }

    [Fact]
    public void A_folder_or_a_dangling_link_in_place_of_the_lines_is_named()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights there");
        Directory.CreateDirectory(folder.File("in.txt"));
        File.CreateSymbolicLink(folder.File("link"), folder.File("gone"));
        Assert.Contains("in.txt is a folder, and a file is expected", Said("in.txt"));
        Assert.Contains("link is a link to", Said("link"));
        Assert.Contains("there is no file", Said("gone"));

        string Said(string input) =>
            Assert.Throws<UserErrorException>(() => Predict("cola", rows => new float[2 * rows.Count], input)).Message;
    }

    [Fact]
    public async Task A_named_pipe_is_read_and_one_is_written_to()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there are none");
        foreach (var name in new[] { "in", "out.tsv" })
            Command.Run("mkfifo", folder.File(name));
        var writing = Task.Run(() => File.WriteAllText(folder.File("in"), "one\ntwo\n"), TestContext.Current.CancellationToken);
        var reading = Task.Run(() => File.ReadAllText(folder.File("out.tsv")), TestContext.Current.CancellationToken);
        Assert.Equal(2, Predict("cola", rows => new float[2 * rows.Count], "in"));
        await writing;
        Assert.Equal("unacceptable\t0.5000\tone\nunacceptable\t0.5000\ttwo\n", await reading);
    }

    [Fact]
    public void The_file_that_is_read_is_not_written_under_another_name_either()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights there");
        File.WriteAllText(folder.File("in.txt"), "one\n");
        File.CreateSymbolicLink(folder.File("out.tsv"), folder.File("in.txt"));
        Assert.Contains(
            "is the file that is read",
            Assert.Throws<UserErrorException>(() => Predict("cola", rows => new float[2 * rows.Count])).Message
        );
        Assert.Equal("one\n", File.ReadAllText(folder.File("in.txt")));
    }

    [Fact]
    public void An_empty_file_has_no_predictions_and_asks_the_model_nothing()
    {
        File.WriteAllText(folder.File("in.txt"), "");
        Assert.Equal(0, Predict("cola", _ => throw new InvalidOperationException()));
        Assert.Equal("", File.ReadAllText(folder.File("out.tsv")));
    }

    [Fact]
    public void A_file_that_is_not_there_or_not_utf8_is_named_and_an_older_output_stays()
    {
        File.WriteAllText(folder.File("out.tsv"), "older");
        Assert.Contains("there is no file", Assert.Throws<UserErrorException>(() => Predict("cola", rows => [], "missing.txt")).Message);
        File.WriteAllBytes(folder.File("in.txt"), [.. Encoding.UTF8.GetBytes("héhé\nh"), 0xE9, (byte)'\n']);
        Assert.Contains(
            "in.txt:2: the byte at 8 (0xE9) is not UTF-8",
            Assert.Throws<UserErrorException>(() => Predict("cola", rows => new float[2 * rows.Count])).Message
        );
        File.WriteAllText(folder.File("in.txt"), "fine");
        Assert.Throws<OperationCanceledException>(() => Predict("cola", rows => [], cancellation: new CancellationToken(canceled: true)));
        Assert.Equal("older", File.ReadAllText(folder.File("out.tsv")));
    }

    [Fact]
    public void Lines_that_are_typed_are_handed_out_one_by_one()
    {
        using var input = new AnonymousPipeServerStream(PipeDirection.Out);
        using var read = new AnonymousPipeClientStream(PipeDirection.In, input.ClientSafePipeHandle);
        using var pieces = StandardInput.Lines(read, 100, TestContext.Current.CancellationToken).GetEnumerator();
        foreach (var line in new[] { "one", "zwei", "drei und" })
        {
            input.Write(Encoding.UTF8.GetBytes(line + "\n"));
            Assert.True(pieces.MoveNext());
            Assert.Equal([line], pieces.Current);
        }
        input.Write("without an end"u8);
        input.Dispose();
        Assert.True(pieces.MoveNext());
        Assert.Equal(["without an end"], pieces.Current);
        Assert.False(pieces.MoveNext());
    }

    [Fact]
    public void Lines_that_are_there_are_handed_out_together_and_never_too_many()
    {
        string[] lines = [.. Enumerable.Range(0, 2500).Select(i => $"line {i} €")];
        using var input = new MemoryStream(Encoding.UTF8.GetBytes("\uFEFF" + string.Join("\r\n", lines)));
        var pieces = StandardInput.Lines(input, 100, TestContext.Current.CancellationToken).ToList();
        Assert.Equal(lines, pieces.SelectMany(piece => piece));
        Assert.All(pieces, piece => Assert.InRange(piece.Count, 1, 100));
    }

    [Fact]
    public void A_line_that_is_not_utf8_is_named_after_those_before_it()
    {
        using var input = new MemoryStream([.. "one\ntwo\n"u8, 0xFF, .. "\nfour\n"u8]);
        var lines = new List<string>();
        var message = Assert.Throws<UserErrorException>(() =>
        {
            foreach (var piece in StandardInput.Lines(input, 100, TestContext.Current.CancellationToken))
                lines.AddRange(piece);
        }).Message;
        Assert.StartsWith("standard input:3 is not UTF-8", message);
        Assert.Equal(["one", "two"], lines);
    }

    [Fact]
    public void Waiting_for_a_writer_ends_when_the_run_is_stopped()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "named pipes of Unix");
        var pipe = folder.File("in");
        Command.Run("mkfifo", pipe);
        using var stopping = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        Assert.ThrowsAny<OperationCanceledException>(() =>
            StandardInput.Lines(() => File.OpenRead(pipe), 10, stopping.Token, "in").ToList()
        );
        // The reader still waits; a writer lets it go.
        File.WriteAllText(pipe, "");
    }

    [Fact]
    public void Waiting_for_a_line_ends_when_the_run_is_stopped()
    {
        using var input = new AnonymousPipeServerStream(PipeDirection.Out);
        using var read = new AnonymousPipeClientStream(PipeDirection.In, input.ClientSafePipeHandle);
        using var stopping = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        Assert.ThrowsAny<OperationCanceledException>(() => StandardInput.Lines(read, 10, stopping.Token).ToList());
        // The reader still waits; the end of the pipe lets it go, without which the pipe would not close.
        input.Dispose();
    }

    private int Predict(
        string task,
        Func<IReadOnlyList<TaskRow>, float[]> score,
        string input = "in.txt",
        int batchSize = 64,
        CancellationToken cancellation = default
    ) =>
        TextPredictions.Predict(
            MadeRuns.Task(task),
            Of(task, score),
            new PredictOptions
            {
                Input = folder.File(input),
                Output = folder.File("out.tsv"),
                BatchSize = batchSize,
            },
            cancellation: cancellation
        );

    /// <summary>Outputs that a function makes, with no more labels than lines have.</summary>
    private static Func<IReadOnlyList<TaskRow>, TaskOutputs> Of(string task, Func<IReadOnlyList<TaskRow>, float[]> score) =>
        rows => new TaskOutputs(MadeRuns.Task(task), score(rows), [], [.. Enumerable.Range(1, rows.Count)]) { Texts = rows };
}
