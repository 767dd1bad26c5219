
using Electra.Bench;
using Electra.Configuration;
using Electra.Tensors;

namespace Electra.Tests.Tensors;

public class PrecisionTests
{
    [Theory]
    [InlineData("auto", Precision.Auto)]
    [InlineData("float32", Precision.Float32)]
    [InlineData("bfloat16", Precision.Bfloat16)]
    [InlineData("float16", Precision.Float16)]
    [InlineData("tf32", Precision.Tf32)]
    public void Number_formats_have_the_names_that_libtorch_gives_them(string name, Precision precision) =>
        Assert.Equal(precision, Config.Load<BenchConfig>("configs/bench.yaml", [$"precision={name}"]).Precision);
}
