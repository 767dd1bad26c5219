using Electra.Checkpoints.Formats;
using static TorchSharp.torch;

namespace Electra.Tests.Checkpoints.Formats;

/// <summary>Files of torch.save, of both forms.</summary>
public sealed class PyTorchFileTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Shared_storages_strides_and_number_formats_are_read_in_both_forms(bool legacy)
    {
        TorchTensor[] tensors =
        [
            new("whole", "Float", "0", 6, 0, [2, 3], [3, 1], legacy),
            new("row", "Float", "0", 6, 3, [3], [1], legacy),
            new("transposed", "Float", "0", 6, 0, [3, 2], [1, 3], legacy),
            new("expanded", "Float", "0", 6, 5, [2, 2], [0, 0], legacy),
            new("half", "Half", "1", 2, 0, [2], [1], legacy),
            new("brain", "BFloat16", "2", 2, 0, [2], [1], legacy),
            new("ids", "Long", "3", 2, 0, [1, 2], [2, 1], legacy),
            new("scalar", "Double", "4", 1, 0, [], [], legacy),
            new("none", "Float", "5", 0, 0, [0, 4], [4, 1], legacy),
        ];
        (string Key, long Count, byte[] Content)[] storages =
        [
            ("0", 6, TorchFiles.Floats(1, 2, 3, 4, 5, 6)),
            ("1", 2, [.. BitConverter.GetBytes((Half)1.5), .. BitConverter.GetBytes((Half)(-2))]),
            ("2", 2, [0xc0, 0x3f, 0x00, 0xc0]),
            ("3", 2, [.. BitConverter.GetBytes(7L), .. BitConverter.GetBytes(-9L)]),
            ("4", 1, BitConverter.GetBytes(0.25)),
            ("5", 0, []),
        ];
        var path = folder.File("weights.bin");
        var pickle = PickleBuilder.StateDict(tensors);
        File.WriteAllBytes(
            path,
            legacy ? TorchFiles.Legacy(pickle, storages) : TorchFiles.Zip(pickle, storages.Select(s => (s.Key, s.Content)))
        );

        using var file = PyTorchFile.Open(path);
        Assert.Equal(tensors.Select(t => t.Name), file.Tensors.Keys);
        Assert.Equal(ScalarType.BFloat16, file.Tensors["brain"].Type);
        Assert.Equal([1, 2, 3, 4, 5, 6], Floats("whole"));
        Assert.Equal([4, 5, 6], Floats("row"));
        Assert.Equal([1, 4, 2, 5, 3, 6], Floats("transposed"));
        Assert.Equal([6, 6, 6, 6], Floats("expanded"));
        Assert.Equal([1.5f, -2], Floats("half"));
        Assert.Equal([1.5f, -2], Floats("brain"));
        Assert.Equal([7, -9], Floats("ids"));
        Assert.Equal([0.25f], Floats("scalar"));
        Assert.Empty(Floats("none"));

        float[] Floats(string name)
        {
            using var value = zeros([.. file.Tensors[name].Shape]);
            file.CopyTo(name, value);
            return [.. value.data<float>()];
        }
    }

    [Fact]
    public void Weights_are_found_beside_an_optimizer()
    {
        // fastai's {'model': …, 'opt': {'state': […], 'hypers': L}}: L is an object of a class that is not there, and stays a name.
        var weight = new TorchTensor("discriminator.electra.embeddings.LayerNorm.weight", "Float", "0", 2, 0, [2], [1]);
        var pickle = new PickleBuilder()
            .Protocol()
            .Op('}', '(')
            .Text("model")
            .Op('}', '(')
            .Text(weight.Name)
            .Tensor(weight)
            .Op('u')
            .Text("opt")
            .Op('}', '(')
            .Text("state")
            .Op(']', '(')
            .Op('}', '(')
            .Text("grad_avg")
            .Tensor(weight with { Key = "1" })
            .Text("step")
            .Int(12)
            .Op('u', 'e')
            .Text("hypers")
            .Global("fastcore.foundation", "L")
            .Op(')')
            .Raw(0x81)
            .Op('}', '(')
            .Text("items")
            .Op(']', '(')
            .Op('G')
            .Raw(0, 0, 0, 0, 0, 0, 0, 0)
            .Op('e', 'u', 'b')
            .Op('u', 'u', '.')
            .Bytes;
        var path = folder.File("learner.pth");
        File.WriteAllBytes(path, TorchFiles.Zip(pickle, ("0", TorchFiles.Floats(3, 4)), ("1", TorchFiles.Floats(5, 6))));
        using var file = PyTorchFile.Open(path);
        Assert.Equal([weight.Name], file.Tensors.Keys);
        using var value = zeros(2);
        file.CopyTo(weight.Name, value);
        Assert.Equal([3f, 4f], value.data<float>().ToArray());
    }

    [Fact]
    public void Elements_that_were_damaged_are_noticed_when_they_are_read()
    {
        var path = folder.File("weights.bin");
        var bytes = TorchFiles.Zip(
            PickleBuilder.StateDict(new TorchTensor("w", "Float", "0", 2, 0, [2], [1])),
            ("0", TorchFiles.Floats(3, 4))
        );
        bytes[bytes.AsSpan().IndexOf(TorchFiles.Floats(3, 4))] ^= 1;
        File.WriteAllBytes(path, bytes);
        using var file = PyTorchFile.Open(path);
        using var value = zeros(2);
        Assert.Contains("checksum", Assert.Throws<UserErrorException>(() => file.CopyTo("w", value)).Message);
    }
}
