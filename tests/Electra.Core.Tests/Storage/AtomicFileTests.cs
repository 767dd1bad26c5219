
using Electra.Storage;

namespace Electra.Tests.Storage;

public sealed class AtomicFileTests
{
    [Fact]
    public void A_written_file_replaces_the_older_one_and_leaves_nothing_beside_it()
    {
        using var folder = TestData.Temporary();
        AtomicFile.WriteAllText(folder.File("new/a.txt"), "older and longer");
        AtomicFile.WriteAllText(folder.File("new/a.txt"), "näher");

        Assert.Equal("näher", File.ReadAllText(folder.File("new/a.txt")));
        Assert.Equal("näher"u8.Length, new FileInfo(folder.File("new/a.txt")).Length);
        Assert.Single(Directory.GetFileSystemEntries(folder.File("new")));
    }

    [Fact]
    public void A_failure_half_way_leaves_the_older_file_as_it_was()
    {
        using var folder = TestData.Temporary();
        AtomicFile.WriteAllText(folder.File("a.txt"), "older");

        Assert.Throws<InvalidDataException>(() => AtomicFile.Write(folder.File("a.txt"), stream =>
        {
            stream.Write("half"u8);
            stream.Flush();
            throw new InvalidDataException();
        }));

        Assert.Equal("older", File.ReadAllText(folder.File("a.txt")));
        Assert.Single(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_symbolic_link_is_followed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights there");
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("real.txt"), "older");
        File.CreateSymbolicLink(folder.File("link.txt"), folder.File("real.txt"));

        AtomicFile.WriteAllText(folder.File("link.txt"), "newer");

        Assert.Equal("newer", File.ReadAllText(folder.File("real.txt")));
        Assert.NotNull(new FileInfo(folder.File("link.txt")).LinkTarget);
    }
}
