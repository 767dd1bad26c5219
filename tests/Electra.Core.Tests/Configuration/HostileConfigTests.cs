using System.Text;
using CsCheck;
using Electra.Configuration;
using Electra.Pretraining;

namespace Electra.Tests.Configuration;

/// <summary>Files that are not configurations: each is refused in words, at once, or read as what it says.</summary>
public sealed class HostileConfigTests : IDisposable
{
    private static readonly string[] Scraps =
    [
        "name: x",
        "seed: 3",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ": ",
        "&a ",
        "*a ",
        "!!int ",
        "? ",
        "| \n",
        "'",
        "\"",
        "#",
        "\n",
        "  ",
        "\t",
        "%YAML 1.2\n",
        "---\n",
        "...\n",
        "\u2028",
        "\ud83d\ude00",
    ];

    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    private static string Refused(string yaml) =>
        Assert.Throws<UserErrorException>(() => Config.Parse<SampleConfig>(yaml, "a.yaml")).Message;

    private string RefusedFile(byte[] content)
    {
        File.WriteAllBytes(folder.File("a.yaml"), content);
        return Assert.Throws<UserErrorException>(() => Config.Load<SampleConfig>(folder.File("a.yaml"))).Message;
    }

    [Fact]
    public void What_is_no_file_is_refused_by_name_and_a_pipe_without_a_writer_is_not_waited_for()
    {
        foreach (var (what, _) in OddFiles.All)
        {
            var path = folder.File($"{what}.yaml");
            OddFiles.Put(what, path);
            var message = Assert.Throws<UserErrorException>(() => Config.Load<SampleConfig>(path)).Message;
            Assert.Contains($"{what}.yaml", message);
            Assert.Contains(
                what switch
                {
                    "folder" => "is a folder; a configuration is a file",
                    "link" => "/nowhere/gone",
                    "pipe" => "is a named pipe: a configuration is a file, /dev/stdin or <(…)",
                    _ => "is empty",
                },
                message
            );
        }
    }

    [Fact]
    public void Aliases_that_stand_for_more_than_memory_holds_are_refused()
    {
        var bomb = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (var i = 1; i < 12; i++)
            bomb.Append($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n");
        Assert.Contains("with its aliases written out, this is more than 100000 values", Refused(bomb.ToString()));
    }

    [Theory]
    [InlineData("a: ", "[", "]")]
    [InlineData("", "{a: ", "}")]
    [InlineData("a: ", "- ", "")]
    public void Values_nested_without_end_are_refused(string before, string open, string close)
    {
        foreach (var depth in new[] { 65, 100_000 })
            Assert.NotEqual(
                "",
                Refused(before + string.Concat(Enumerable.Repeat(open, depth)) + "x" + string.Concat(Enumerable.Repeat(close, depth)))
            );
        Assert.Contains("nested more than 64 deep", Refused("a: " + new string('[', 70) + new string(']', 70)));
    }

    [Theory]
    [InlineData("seed: 99999999999999999999999999999999999999")]
    [InlineData("seed: 1e400")]
    [InlineData("training: {learning_rate: 1e999}")]
    [InlineData("training: {steps: 0x7fffffffffffffffff}")]
    public void Numbers_too_large_are_refused_with_their_key(string yaml) => Assert.StartsWith("a.yaml:1:", Refused($"{yaml}\n"));

    [Fact]
    public void A_number_format_that_there_is_not_is_refused_by_name()
    {
        var message = Assert
            .Throws<UserErrorException>(() => Config.Parse<PretrainConfig>("training: {precision: float8}", "a.yaml"))
            .Message;
        Assert.Contains("float8", message);
        Assert.Contains("Allowed: auto, float32, bfloat16, float16, tf32", message);
    }

    [Fact]
    public void What_is_not_text_or_far_too_large_is_refused()
    {
        Assert.Contains("larger than a megabyte", RefusedFile(new byte[(1 << 20) + 1]));
        Assert.Contains("a.yaml:2 holds a zero byte", RefusedFile("name: x\nseed: \0"u8.ToArray()));
        Assert.Contains("is not UTF-8 at byte 6", RefusedFile([.. "name: "u8, 0xE9, (byte)'\n']));
        Assert.Contains("is UTF-16: save it as UTF-8", RefusedFile([0xFF, 0xFE, (byte)'n', 0]));
        if (File.Exists("/dev/zero"))
            Assert.Contains(
                "larger than a megabyte",
                Assert.Throws<UserErrorException>(() => Config.Load<SampleConfig>("/dev/zero")).Message
            );
    }

    [Fact]
    public void Whatever_stands_in_a_file_is_read_or_refused_in_words() =>
        Gen.OneOf(
                Gen.String,
                Gen.Int[0, Scraps.Length - 1].Select(i => Scraps[i]).Array[0, 12].Select(string.Concat))
            .Sample(text =>
            {
                try
                {
                    Config.Parse<SampleConfig>(text, "a.yaml");
                }
                catch (UserErrorException e)
                {
                    Assert.NotEmpty(e.Message);
                }
            }, iter: 20_000);
}
