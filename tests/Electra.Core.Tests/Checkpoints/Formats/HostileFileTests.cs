using System.Text.Json;
using Electra.Checkpoints.Formats;
using static TorchSharp.torch;

namespace Electra.Tests.Checkpoints.Formats;

/// <summary>No file, however made, does more than be refused.</summary>
public sealed class HostileFileTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    public static TheoryData<string> Descriptions() => [.. HostileFiles.All().Select(file => file.What + file.Extension)];

    [Theory]
    [MemberData(nameof(Descriptions))]
    public void A_hostile_file_is_refused_in_little_memory(string what)
    {
        var (_, extension, content) = HostileFiles.All().Single(file => file.What + file.Extension == what);
        var path = folder.File("model" + extension);
        File.WriteAllBytes(path, content);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<UserErrorException>(() => WeightFiles.Open(path));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 120_000_000);
        Assert.Contains(Path.GetFileName(path), error.Message);
        Assert.True(error.Message.Length < 500, error.Message);
        Assert.False(File.Exists("hostile"));
    }

    [Theory]
    [InlineData("os.system.bin", "os.system")]
    [InlineData("builtins.eval in a state dictionary.bin", "builtins.eval")]
    [InlineData("tensors that overlap.safetensors", "the tensor b starts at byte")]
    [InlineData("a file outside the archive's folder.bin", "archive/../../evil")]
    public void The_error_says_what_was_found(string what, string said)
    {
        var (_, extension, content) = HostileFiles.All().Single(file => file.What + file.Extension == what);
        File.WriteAllBytes(folder.File("model" + extension), content);
        Assert.Contains(said, Assert.Throws<UserErrorException>(() => WeightFiles.Open(folder.File("model" + extension))).Message);
    }

    [Theory]
    [InlineData(".safetensors", 8_000)]
    [InlineData(".bin", 8_000)]
    [InlineData(".pth", 4_000)]
    public void Mutated_files_are_refused_or_load_what_they_say(string extension, int mutations)
    {
        var valid = extension switch
        {
            ".safetensors" => HostileFiles.ValidSafeTensors,
            ".bin" => HostileFiles.ValidZip,
            _ => HostileFiles.ValidLegacy,
        };
        var path = folder.File("model" + extension);
        var random = new Random(7);
        int loaded = 0;
        using var scope = NewDisposeScope();
        for (int i = 0; i < mutations; i++)
        {
            var bytes = i == 0 ? valid : Mutated(valid, random);
            File.WriteAllBytes(path, bytes);
            try
            {
                using var file = WeightFiles.Open(path);
                foreach (var (name, stored) in file.Tensors)
                {
                    using var value = zeros([.. stored.Shape], dtype: stored.Type);
                    file.CopyTo(name, value);
                    if (extension == ".safetensors")
                        Assert.Equal(Independently(bytes, name), value.bytes.ToArray());
                    else if (extension == ".bin") // every byte that matters is under a checksum
                        Assert.Equal(name == "a" ? TorchFiles.Floats(1, 2, 3, 4, 5, 6) : BitConverter.GetBytes(7L), value.bytes.ToArray());
                }
                loaded++;
            }
            catch (UserErrorException)
            {
            }
        }
        Assert.InRange(loaded, 1, mutations - 1);
    }

    /// <summary>A few bytes set, bits flipped, a part removed, doubled or cut off.</summary>
    internal static byte[] Mutated(byte[] valid, Random random)
    {
        List<byte> bytes = [.. valid];
        for (int n = random.Next(1, 4); n > 0; n--)
        {
            int at = random.Next(bytes.Count), length = Math.Min(random.Next(1, 9), bytes.Count - at);
            switch (random.Next(6))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 2: bytes[at] = random.Next(2) == 0 ? (byte)0 : (byte)255; break;
                case 3: bytes.RemoveRange(at, length); break;
                case 4: bytes.InsertRange(at, bytes.GetRange(at, length)); break;
                default: bytes.RemoveRange(at, random.Next(8) == 0 ? bytes.Count - at : 0); break;
            }
            if (bytes.Count == 0)
                break;
        }
        return [.. bytes];
    }

    /// <summary>The bytes of a tensor in a safetensors file, found without the code under test.</summary>
    private static byte[] Independently(byte[] file, string name)
    {
        int header = (int)BitConverter.ToInt64(file);
        using var json = JsonDocument.Parse(file.AsMemory(8, header));
        var offsets = json.RootElement.GetProperty(name).GetProperty("data_offsets");
        return file[(8 + header + offsets[0].GetInt32())..(8 + header + offsets[1].GetInt32())];
    }
}
