
using Electra.Storage;

namespace Electra.Tests.Storage;

public sealed class AtomicFolderTests
{
    [Fact]
    public void A_written_folder_replaces_the_older_one_with_all_its_files()
    {
        using var folder = TestData.Temporary();
        AtomicFolder.Write(folder.File("c"), c => File.WriteAllText(Path.Combine(c, "older.txt"), "1"));
        AtomicFolder.Write(
            folder.File("c"),
            c => File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(c, "deep")).FullName, "newer.txt"), "2")
        );

        Assert.Equal([folder.File("c/deep/newer.txt")], Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void A_failure_half_way_leaves_the_older_folder_as_it_was()
    {
        using var folder = TestData.Temporary();
        AtomicFolder.Write(folder.File("c"), c => File.WriteAllText(Path.Combine(c, "a.txt"), "1"));

        Assert.Throws<InvalidDataException>(() => AtomicFolder.Write(folder.File("c"), c =>
        {
            File.WriteAllText(Path.Combine(c, "a.txt"), "2");
            throw new InvalidDataException();
        }));

        Assert.Equal("1", File.ReadAllText(folder.File("c/a.txt")));
        Assert.Single(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_process_that_died_between_the_two_renames_loses_nothing()
    {
        using var folder = TestData.Temporary();
        AtomicFolder.Write(folder.File("c"), c => File.WriteAllText(Path.Combine(c, "a.txt"), "1"));
        Directory.Move(folder.File("c"), folder.File(".c.replaced"));

        AtomicFolder.Recover(folder.File("c"));

        Assert.Equal("1", File.ReadAllText(folder.File("c/a.txt")));
        Assert.Single(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_symbolic_link_is_followed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights there");
        using var folder = TestData.Temporary();
        AtomicFolder.Write(folder.File("disk/real"), c => File.WriteAllText(Path.Combine(c, "a.txt"), "1"));
        Directory.CreateSymbolicLink(folder.File("link"), folder.File("disk/real"));

        AtomicFolder.Write(folder.File("link"), c => File.WriteAllText(Path.Combine(c, "a.txt"), "2"));

        Assert.Equal("2", File.ReadAllText(folder.File("disk/real/a.txt")));
        Assert.NotNull(new DirectoryInfo(folder.File("link")).LinkTarget);
        Assert.Single(Directory.GetFileSystemEntries(folder.File("disk")));
    }

    [Fact]
    public void A_file_in_the_place_of_the_folder_is_named_and_stays()
    {
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("c"), "a file");
        Assert.Contains("is a file", Assert.Throws<UserErrorException>(() => AtomicFolder.Write(folder.File("c"), _ => { })).Message);
        Assert.Equal("a file", File.ReadAllText(folder.File("c")));
    }
}
