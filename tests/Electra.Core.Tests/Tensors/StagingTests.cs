using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Tests.Tensors;

public class StagingTests
{
    private static readonly long[][] Arrays = [[1, 2, 3], [], [long.MaxValue], [7, 8]];

    [Fact]
    public void What_is_put_on_a_device_is_what_was_given() =>
        Assert.Equal(Arrays, Staging.Put(Compute.Reference, Arrays).Select(part => part.data<long>().ToArray()));

    [Fact]
    public void Arrays_share_one_buffer_and_come_out_of_it_as_they_went_in()
    {
        using var flat = zeros(Staging.Total(Arrays), dtype: int64);
        Staging.Fill(flat, Arrays);
        Assert.Equal([1, 2, 3, long.MaxValue, 7, 8], flat.data<long>().ToArray());
        Assert.Equal(Arrays, Staging.Parts(flat, Arrays).Select(part => part.data<long>().ToArray()));
    }
}
