using Electra.Native;
using static TorchSharp.torch;

namespace Electra.Tests.Native;

public class LibTorchTests
{
    [Fact]
    public void Tensors_work_and_come_from_the_builds_own_folder()
    {
        using var product = ones(3, 4).matmul(ones(4, 2));
        Assert.Equal(24f, product.sum().item<float>());
        Assert.True(File.Exists(Path.Combine(LibTorch.Folder, OperatingSystem.IsWindows() ? "torch_cpu.dll" : OperatingSystem.IsMacOS() ? "libtorch_cpu.dylib" : "libtorch_cpu.so")));
    }
}
