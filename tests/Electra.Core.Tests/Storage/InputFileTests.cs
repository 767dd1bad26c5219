using Electra.Storage;

namespace Electra.Tests.Storage;

public sealed class InputFileTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose()
    {
        Command.Shell($"chmod -R u+rwx {folder.Path}; rm -rf {folder.Path}/*");
        folder.Dispose();
    }

    [Fact]
    public void What_is_not_a_regular_file_is_refused_by_name_and_reason()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links, pipes and devices of Unix");
        Refused("missing", "there is no file");
        Directory.CreateDirectory(folder.File("inner"));
        Refused("inner", "is a folder");
        File.CreateSymbolicLink(folder.File("dangling"), "/nowhere/rows.csv");
        Refused("dangling", "dangling is a link to /nowhere/rows.csv, which does not exist");
        File.CreateSymbolicLink(folder.File("circle"), "circle");
        Refused("circle", "circle is a link to circle, which does not exist");
        Assert.False(InputFile.Exists(folder.File("dangling")) || InputFile.Exists(folder.File("circle")));
        Command.Shell($"mkfifo {folder.File("pipe")}");
        Refused("pipe", "is a pipe, and can be read only once");
        Assert.Contains("is a device", Assert.Throws<UserErrorException>(() => InputFile.Check("/dev/null")).Message);
        Refused("caf\uFFFD.txt", "is not UTF-8", "convmv");
    }

    [Fact]
    public void Every_folder_below_is_read_once_wherever_links_lead()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links of Unix");
        foreach (var name in new[] { "b.txt", "a.txt", "inner/c.txt", ".hidden/d.txt", "elsewhere/e.txt" })
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder.File($"tree/{name}"))!);
            File.WriteAllText(folder.File($"tree/{name}"), "");
        }
        Directory.Move(folder.File("tree/elsewhere"), folder.File("elsewhere"));
        Directory.CreateSymbolicLink(folder.File("tree/aaa"), folder.File("tree/inner"));
        Directory.CreateSymbolicLink(folder.File("tree/inner/up"), "..");
        Directory.CreateSymbolicLink(folder.File("tree/out"), "../elsewhere");
        string[] Under(bool hidden) =>
            [.. FolderFiles.Under(folder.File("tree"), hidden).Select(path => Path.GetRelativePath(folder.File("tree"), path))];
        Assert.Equal(["a.txt", "b.txt", "inner/c.txt", "out/e.txt"], Under(hidden: false));
        Assert.Contains(".hidden/d.txt", Under(hidden: true));
        File.CreateSymbolicLink(folder.File("tree/dangling"), "/nowhere");
        Assert.Equal(["a.txt", "b.txt", "dangling"], FolderFiles.In(folder.File("tree")).Select(Path.GetFileName));
        Assert.Equal([".hidden", "aaa", "inner", "out"], FolderFiles.FoldersIn(folder.File("tree")).Select(Path.GetFileName));
    }

    [Fact]
    public void A_folder_whose_name_is_not_utf8_is_named_before_anything_is_read()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "names of any bytes");
        Command.Shell($"mkdir {folder.Path}/$(printf 'caf\\351')");
        Assert.Contains("is not UTF-8", Assert.Throws<UserErrorException>(() => FolderFiles.Under(folder.Path).ToList()).Message);
    }

    private void Refused(string name, params string[] said)
    {
        var message = Assert.Throws<UserErrorException>(() => InputFile.Check(folder.File(name))).Message;
        Assert.All(said, part => Assert.Contains(part, message));
    }
}
