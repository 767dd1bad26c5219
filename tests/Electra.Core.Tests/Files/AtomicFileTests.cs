using Electra.Files;

namespace Electra.Tests.Files;

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

public sealed class AtomicFolderTests
{
    [Fact]
    public void A_written_folder_replaces_the_older_one_with_all_its_files()
    {
        using var folder = TestData.Temporary();
        AtomicFolder.Write(folder.File("c"), c => File.WriteAllText(Path.Combine(c, "older.txt"), "1"));
        AtomicFolder.Write(folder.File("c"), c => File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(c, "deep")).FullName, "newer.txt"), "2"));

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
}

public sealed class ProjectPathTests
{
    [Fact]
    public void The_root_is_the_folder_of_the_solution() =>
        Assert.Equal(TestData.Repository, ProjectPath.Root);

    [Fact]
    public void A_path_to_read_is_looked_for_in_the_working_directory_then_at_the_root()
    {
        using var root = TestData.Temporary();
        var scripts = Directory.CreateDirectory(root.File("scripts")).FullName;
        File.WriteAllText(root.File("a.yaml"), "");
        File.WriteAllText(root.File("b.yaml"), "");
        File.WriteAllText(Path.Combine(scripts, "b.yaml"), "");

        Assert.Equal(root.File("a.yaml"), ProjectPath.Find("a.yaml", scripts, root.Path));
        Assert.Equal(Path.Combine(scripts, "b.yaml"), ProjectPath.Find("b.yaml", scripts, root.Path));
        Assert.Equal(Path.Combine(scripts, "none.yaml"), ProjectPath.Find("none.yaml", scripts, root.Path));
    }

    [Fact]
    public void A_tilde_is_the_home_folder_and_output_goes_under_the_root()
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        Assert.Equal([Path.Combine(home, "data")], ProjectPath.Candidates("~/data"));
        Assert.Equal(Path.Combine(ProjectPath.Root, "checkpoints", "x"), ProjectPath.Output("checkpoints/x"));
    }
}
