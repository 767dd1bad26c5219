using Electra.Running;

namespace Electra.Tests.Running;

public sealed class ScriptCommandTests
{
    [Theory]
    [InlineData("configs/a.yaml", "configs/a.yaml")]
    [InlineData("training.learning_rate=1e-4", "training.learning_rate=1e-4")]
    [InlineData("tasks=[rte, cola]", "'tasks=[rte, cola]'")]
    [InlineData("corpus=*.txt", "'corpus=*.txt'")]
    [InlineData("it's", "'it'\\''s'")]
    [InlineData("größe", "'größe'")]
    [InlineData("", "''")]
    public void Words_are_quoted_where_the_shell_needs_it(string word, string quoted)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "another shell");
        Assert.Equal(quoted, ScriptCommand.Word(word));
    }
}
