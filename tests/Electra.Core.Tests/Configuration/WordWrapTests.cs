using Electra.Configuration;

namespace Electra.Tests.Configuration;

public class WordWrapTests
{
    [Theory]
    [InlineData("", 10, "")]
    [InlineData("one two", 10, "one two")]
    [InlineData("one two three", 7, "one two|  three")]
    [InlineData("one two three", 8, "one two|  three")]
    [InlineData("    one two three", 11, "    one two|  three")]
    [InlineData("averylongword and more", 5, "averylongword|  and|  more")]
    [InlineData("one   two", 4, "one|  two")]
    [InlineData("\u001b[33mone two\u001b[0m three", 7, "\u001b[33mone two\u001b[0m|  three")]
    [InlineData("one two   ", 20, "one two   ")]
    public void Lines_break_between_words(string line, int width, string expected) =>
        Assert.Equal(expected, string.Join('|', WordWrap.Lines(line, width, "  ")));
}
