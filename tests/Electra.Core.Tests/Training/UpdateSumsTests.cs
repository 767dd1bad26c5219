using Electra.Tensors;
using Electra.Training;

namespace Electra.Tests.Training;

public class UpdateSumsTests
{
    [Fact]
    public void Losses_of_updates_whose_gradients_overflowed_are_counted_and_their_norms_are_not()
    {
        var sums = UpdateSums.None
            .With(new UpdateRecord(0, [40, 5], double.PositiveInfinity, false))
            .With(new UpdateRecord(1, [20, 3], 2, false))
            .With(new UpdateRecord(2, [double.NaN, 1], double.NaN, false));
        Assert.Equal((30, 4), (sums.MeanLoss(), sums.MeanLoss(1)));
        Assert.Equal((2, 2), (sums.MeanNorm, sums.NotFinite));
    }

    [Fact]
    public void The_mean_over_no_update_is_undefined() =>
        Assert.True(double.IsNaN(UpdateSums.None.MeanLoss()) && double.IsNaN(UpdateSums.None.MeanNorm));

    [Theory]
    [InlineData(Precision.Float32, 3)]
    [InlineData(Precision.Float16, 19)] // the loss scale has to come down first
    public void A_run_ends_when_one_update_more_than_allowed_in_a_row_is_not_finite(Precision precision, int allowed)
    {
        var guard = new DivergenceGuard(3, precision, inARow: 0, "A lower rate helps.");
        for (int i = 0; i < allowed; i++)
            guard.Check(new UpdateRecord(i, [1], double.NaN, false));
        guard.Check(new UpdateRecord(99, [1], 1, false));
        for (int i = 0; i < allowed; i++)
            guard.Check(new UpdateRecord(100 + i, [double.NaN], 1, false));
        var error = Assert.Throws<UserErrorException>(() => guard.Check(new UpdateRecord(200, [1], double.NaN, false)));
        Assert.Contains("at step 201", error.Message);
        Assert.Contains("A lower rate helps.", error.Message);
    }
}
