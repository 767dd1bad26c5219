using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Model;
using Electra.Storage;
using Electra.Tensors;
using Electra.Tokenization;
using static TorchSharp.torch;

namespace Electra.Tests.Pretraining;

/// <summary>Disks that fill up and writes that fail: a message that says so, and what was good before is good after.</summary>
public sealed class FullDiskTests(WholeRun whole) : IClassFixture<WholeRun>
{
    private sealed record Step(int Number);

    [Theory, Trait("Category", "Long")]
    [InlineData(0.15)]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public async Task A_run_stopped_by_a_full_disk_resumes_to_the_same_end(double share)
    {
        await whole.Ready();
        long needed = Directory
            .EnumerateFiles(whole.Tiny.File("runs"), "*", SearchOption.AllDirectories)
            .Where(file => file.Contains("/whole_"))
            .Sum(file => new FileInfo(file).Length);
        var name = $"full{share * 100}";
        var disk = whole.Tiny.File($"disk-{name}");
        Directory.CreateDirectory(disk);
        Assert.SkipUnless(
            Mount("-t", "tmpfs", "-o", $"size={(long)(share * needed) >> 10}k", "tmpfs", disk),
            "needs the right to mount a small disk"
        );
        try
        {
            (await whole.Run(name, $"checkpoints.folder={disk}")).Refused("disk is full");
            Assert.Empty(Directory.EnumerateFileSystemEntries(disk, ".*.partial", SearchOption.AllDirectories));
            foreach (
                var state in Directory.Exists(Path.Combine(disk, $"{name}_11081/states"))
                    ? Directory.GetDirectories(Path.Combine(disk, $"{name}_11081/states"))
                    : []
            )
                TrainingState.Load<object>(state).Tensors.Dispose();

            Assert.True(Mount("-o", "remount,size=64m", disk));
            (await whole.Run(name, $"checkpoints.folder={disk}")).Succeeded();
            RunFolders.AssertSameBytes(
                whole.StateOf("whole", 60) + "/tensors.safetensors",
                Path.Combine(disk, $"{name}_11081/states/step_60/tensors.safetensors")
            );
            RunFolders.AssertSameLogs(whole.Tiny.File("runs/whole_11081"), Path.Combine(disk, $"{name}_11081"));
        }
        finally
        {
            Command.Run("umount", disk);
        }
    }

    [Fact]
    public void A_write_that_fails_leaves_the_state_before_it_whole_whichever_it_is()
    {
        using var folder = TestData.Temporary();
        using var values = zeros(1000);
        TrainingState.Save(folder.File("state"), [("values", values)], "layout", new Step(1));
        values.fill_(2);
        int failures = WithFailures(() => TrainingState.Save(folder.File("state"), [("values", values)], "layout", new Step(2)), () =>
        {
            Assert.Equal((1, 0f), Read());
            Assert.Single(Directory.GetFileSystemEntries(folder.Path));
        });
        Assert.Equal((2, 2f), Read());
        Assert.True(failures >= 3, $"{failures} writes");

        (int, float) Read()
        {
            var (step, _, tensors) = TrainingState.Load<Step>(folder.File("state"));
            using (tensors)
            using (var loaded = tensors.Load("values"))
                return (step.Number, loaded[500].item<float>());
        }
    }

    [Fact]
    public void A_write_that_fails_leaves_the_models_before_it_whole_whichever_it_is()
    {
        using var folder = TestData.Temporary();
        var tokenizer = new ElectraTokenizer(new Vocabulary([.. Vocabulary.SpecialTokens, "a", "b"]));
        var shape = TinyPair.Smallest.For(tokenizer.Vocabulary);
        using var first = ElectraPair.Create(shape, seed: 1, Compute.Reference);
        using var second = ElectraPair.Create(shape, seed: 2, Compute.Reference);
        HuggingFaceFolder.SavePair(folder.File("model"), first, tokenizer);
        var before = Content();
        int failures = WithFailures(
            () => HuggingFaceFolder.SavePair(folder.File("model"), second, tokenizer),
            () => Assert.Equal(before, Content())
        );
        Assert.NotEqual(before, Content());
        Assert.True(failures >= 8, $"{failures} writes");

        string Content() =>
            string.Join(
                '\n',
                Directory
                    .GetFiles(folder.Path, "*", SearchOption.AllDirectories)
                    .Order(StringComparer.Ordinal)
                    .Select(file => $"{file} {RunFolders.Hash(file)}")
            );
    }

    /// <summary>Does something again and again, the n-th time with a disk that is full at the n-th write, until nothing fails.</summary>
    /// <returns>How often it failed.</returns>
    private static int WithFailures(Action action, Action afterFailure)
    {
        for (int failing = 0; ; failing++)
        {
            int left = failing;
            AtomicFile.Through.Value = stream => new FailingStream(stream, () => left-- == 0);
            try
            {
                action();
                return failing;
            }
            catch (IOException e)
            {
                Assert.Equal("No space left on device", e.Message);
            }
            finally
            {
                AtomicFile.Through.Value = null;
            }
            afterFailure();
        }
    }

    private static bool Mount(params string[] words) => OperatingSystem.IsLinux() && Command.Run("mount", words);

    /// <summary>Writes through to another stream, or fails as a full disk does.</summary>
    private sealed class FailingStream(Stream inner, Func<bool> fails) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => inner.Length;

        public override long Position { get => inner.Position; set => throw new NotSupportedException(); }

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (fails())
                throw new IOException("No space left on device", 28);
            inner.Write(buffer);
        }
    }
}
