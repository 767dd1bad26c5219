using System.Text.Json;
using Electra.Data.Answering;
using Electra.Data.Readers;
using Parquet;
using Parquet.Schema;

namespace Electra.Tests.Data.Answering;

/// <summary>Questions from the Parquet files of the hub.</summary>
public sealed class QuestionFilesTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    /// <summary>Files that another library wrote: answers as two lists, as SQuAD has them, and as a list of pairs.</summary>
    [Theory]
    [InlineData("squad")]
    [InlineData("squad_list")]
    public void Rows_of_Parquet_are_the_questions_that_lines_of_JSON_are(string name)
    {
        File.WriteAllLines(
            folder.File("squad.jsonl"),
            [
                Line("a1", "Which cat?", "\U0001F600 The red cat sees the dog.", ("red", 6), ("red cat", 6)),
                Line("a2", "Who sees?", "The dog sleeps — \"deep\"\nin the house."),
                Line("a3", "Where?", "The dog sleeps in the house.", ("the house", 18)),
            ]
        );
        var path = TestData.Fixture($"readers/{name}.parquet");
        var lines = Read(folder.File("squad.jsonl"));
        foreach (var (expected, found) in lines.Zip(Read(path)))
        {
            Assert.Equal(expected with { Answers = null }, found with { Answers = null });
            Assert.Equal(expected.Answers, found.Answers);
        }
        Assert.Equal([2, 0, 1], lines.Select(question => question.Answers!.Count));
        Assert.All(QuestionFiles.Read(path, new QuestionForm(false, false)), question => Assert.Null(question.Answers));
        Assert.Contains(".parquet:2: the question has no answer", Refused(path, unanswerable: false));

        static string Line(string id, string question, string context, params (string Text, int Start)[] answers) =>
            JsonSerializer.Serialize(new
            {
                id,
                question,
                context,
                answers = new { text = answers.Select(one => one.Text), answer_start = answers.Select(one => one.Start) },
            });
        static List<Question> Read(string path) => [.. QuestionFiles.Read(path, new QuestionForm(true, true))];
    }

    [Fact]
    public async Task A_Parquet_file_without_answers_has_questions_to_predict_and_none_to_learn()
    {
        DataField[] fields = [new DataField<string>("question"), new DataField<string>("context")];
        await using (var file = File.Create(folder.File("asked.parquet")))
        await using (var writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields), file))
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync(fields[0], ["who", "when"]);
            await group.WriteAsync(fields[1], ["the cat", "at noon"]);
        }
        Assert.Equal(
            [new Question("1", "who", "the cat"), new Question("2", "when", "at noon")],
            QuestionFiles.Read(folder.File("asked.parquet"), new QuestionForm(false, false))
        );
        Assert.Contains("there is no column answers.text", Refused(folder.File("asked.parquet"), unanswerable: true));
    }

    [Fact]
    public void Lists_of_Parquet_are_written_as_JSON_and_refused_where_a_value_is_asked_for()
    {
        var path = TestData.Fixture("readers/squad.parquet");
        Assert.Equal(
            ["""["red","red cat"]""", "[]", """["the house"]"""],
            TableFile.Read(path, ["answers.text"], new TableForm { Lists = true }).Select(row => row.Values[0])
        );
        Assert.Contains(
            "the column answers.text holds lists",
            Assert.Throws<UserErrorException>(() => TableFile.Read(path, ["answers.text"], new TableForm()).Count()).Message
        );
    }

    private static string Refused(string path, bool unanswerable) =>
        Assert.Throws<UserErrorException>(() => QuestionFiles.Read(path, new QuestionForm(true, unanswerable)).Count()).Message;
}
