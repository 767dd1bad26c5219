using System.Text.Json;
using Electra.Pretraining;
using Electra.Storage;
using Electra.Training;

namespace Electra.Tests.Pretraining;

public class SavedFiguresTests
{
    /// <summary>A state of an older version has its first figures in records.</summary>
    [Fact]
    public void A_position_is_read_as_it_was_written_and_as_it_once_was()
    {
        var figures = new Dictionary<string, double> { ["loss"] = 1.5, ["auc"] = double.NaN };
        var position = new PretrainPosition(7, 1, figures, UpdateSums.None, 0);
        var json = JsonSerializer.Serialize(position, SealedJson.Options);
        Assert.Equal(figures, JsonSerializer.Deserialize<PretrainPosition>(json, SealedJson.Options)!.First);

        const string Older = """
            {"step": 7, "seconds": 1, "first": {"loss": 1.5, "detection": {"tokens": 3, "auc": 0.5}, "token_auc": 0.5},
             "unlogged": {}, "not_finite_in_a_row": 0}
            """;
        var older = JsonSerializer.Deserialize<PretrainPosition>(Older, SealedJson.Options)!;
        Assert.Equal((7, 1.5, 0.5, 0.5), (older.Step, older.First!["loss"], older.First["auc"], older.First["token_auc"]));
        Assert.Null(older.Tokens);
        var begun = JsonSerializer.Serialize(position with { First = null }, SealedJson.Options);
        Assert.Null(JsonSerializer.Deserialize<PretrainPosition>(begun, SealedJson.Options)!.First);
    }
}
