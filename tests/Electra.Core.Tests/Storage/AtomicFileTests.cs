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

    [Fact]
    public async Task A_named_pipe_is_written_to_and_not_replaced()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there are none");
        using var folder = TestData.Temporary();
        Command.Run("mkfifo", folder.File("pipe"));
        var reading = Task.Run(() => File.ReadAllText(folder.File("pipe")), TestContext.Current.CancellationToken);

        AtomicFile.WriteAllText(folder.File("pipe"), "a line\n");

        Assert.Equal("a line\n", await reading);
        Assert.True(SpecialFile.Is(folder.File("pipe")));
        Assert.Single(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_device_is_written_to_and_not_replaced_through_a_link_too()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "devices have other names there");
        using var folder = TestData.Temporary();
        // A copy of /dev/null, which only root can make: the true one would be gone if this failed.
        Assert.SkipUnless(Command.Run("mknod", folder.File("nowhere"), "c", "1", "3"), "needs the right to make a device");
        File.CreateSymbolicLink(folder.File("link"), folder.File("nowhere"));

        AtomicFile.WriteAllText(folder.File("link"), "lost");

        Assert.True(SpecialFile.Is(folder.File("nowhere")));
        Assert.Equal(2, Directory.GetFileSystemEntries(folder.Path).Length);
    }

    [Fact]
    public void An_open_file_of_the_process_is_written_where_it_stands()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "open files have paths there");
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("log.txt"), "kept\n");
        using (var log = File.OpenHandle(folder.File("log.txt"), FileMode.Open, FileAccess.ReadWrite))
        {
            int number = (int)log.DangerousGetHandle();
            using (
                var all = new FileStream(new Microsoft.Win32.SafeHandles.SafeFileHandle(number, ownsHandle: false), FileAccess.ReadWrite)
            )
            {
                all.Seek(0, SeekOrigin.End);
                _ = all.SafeFileHandle;
            }
            AtomicFile.WriteAllText($"/dev/fd/{number}", "first\n");
            AtomicFile.WriteAllText($"/proc/self/fd/{number}", "second\n");
        }
        Assert.Equal("kept\nfirst\nsecond\n", File.ReadAllText(folder.File("log.txt")));
    }

    [Theory]
    [InlineData("/dev/stdout", 1)]
    [InlineData("/dev/fd/63", 63)]
    [InlineData("/proc/self/fd/2", 2)]
    [InlineData("/dev/null", null)]
    [InlineData("/proc/1/fd/1", null)]
    [InlineData("/etc/hostname", null)]
    public void Paths_of_open_files_are_known(string path, int? number)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "open files have paths there");
        Assert.Equal(number, SpecialFile.Descriptor(path));
    }

    [Fact]
    public void Regular_files_folders_and_nothing_are_not_special()
    {
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("a.txt"), "");
        Assert.All([folder.File("a.txt"), folder.Path, folder.File("nothing")], path => Assert.False(SpecialFile.Is(path)));
    }

    [Fact]
    public void A_folder_in_the_place_of_the_file_is_named()
    {
        using var folder = TestData.Temporary();
        Assert.Contains("is a folder", Assert.Throws<UserErrorException>(() => AtomicFile.WriteAllText(folder.Path, "")).Message);
    }

    [Fact]
    public void A_replaced_file_keeps_its_permissions()
    {
        if (OperatingSystem.IsWindows())
            return;
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("a.txt"), "older");
        File.SetUnixFileMode(folder.File("a.txt"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        AtomicFile.WriteAllText(folder.File("a.txt"), "newer");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(folder.File("a.txt")));
    }
}
