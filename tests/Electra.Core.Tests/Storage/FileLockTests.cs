using Electra.Running;
using Electra.Storage;

namespace Electra.Tests.Storage;

public sealed class FileLockTests : IDisposable
{
    private const int NoLocks = 37, WouldBlock = 11; // ENOLCK, EWOULDBLOCK

    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void What_stands_in_the_place_of_the_file_is_named()
    {
        foreach (var (what, said) in OddFiles.All)
        {
            OddFiles.Put(what, folder.File("lock"));
            Assert.Contains(said, Assert.Throws<UserErrorException>(() => FileLock.TryTake(folder.File("lock"))).Message);
            OddFiles.Remove(folder.File("lock"));
        }
    }

    [Fact]
    public void One_at_a_time_has_a_lock()
    {
        var path = folder.File("made/lock");
        using (var first = FileLock.TryTake(path))
        {
            Assert.NotNull(first);
            Assert.Null(FileLock.TryTake(path));
        }
        using var next = FileLock.TryTake(path);
        Assert.NotNull(next);
    }

    [Fact]
    public void A_file_system_that_does_not_lock_is_refused_by_name()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the number of the error is Linux's");
        FileLock.Substitute.Value = () => NoLocks;
        foreach (
            Action take in new Action[]
            {
                () => FileLock.TryTake(folder.File("lock")),
                () => RunLock.Take(folder.Path),
                () => FileLock.Wait(folder.File("lock"), "", null, default),
            }
        )
        {
            var message = Assert.Throws<UserErrorException>(take).Message;
            Assert.Contains(
                $"{folder.Path} is on a file system ({new DriveInfo(folder.Path).DriveFormat}) that does not lock files (No locks "
                    + "available)",
                message
            );
            Assert.Contains("ELECTRA_LOCKS=optional", message);
        }
        // Nothing holds the file afterwards.
        FileLock.Substitute.Value = null;
        FileLock.TryTake(folder.File("lock"))!.Dispose();
    }

    [Fact]
    public void A_lock_that_another_process_has_is_not_a_failure_of_the_file_system()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the number of the error is Linux's");
        FileLock.Substitute.Value = () => WouldBlock;
        Assert.Null(FileLock.TryTake(folder.File("lock")));
    }

    [Fact]
    public void Who_has_a_run_is_named()
    {
        using var first = RunLock.Take(folder.Path);
        Assert.Contains(
            $"is in use by process {Environment.ProcessId}: let it end",
            Assert.Throws<UserErrorException>(() => RunLock.Take(folder.Path)).Message
        );
    }
}
