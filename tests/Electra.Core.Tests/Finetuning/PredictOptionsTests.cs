using Electra.Configuration;
using Electra.Finetuning;

namespace Electra.Tests.Finetuning;

public class PredictOptionsTests
{
    [Fact]
    public void Runs_are_given_by_number_by_range_or_as_a_list()
    {
        var config = Parse("predict: {runs: {cola: 1, rte: [0, 3], mnli: 0..2}}");
        Assert.Equal([1], config.Predict.Runs["cola"]);
        Assert.Equal([0, 3], config.Predict.Runs["rte"]);
        Assert.Equal([0, 1, 2], config.Predict.Runs["mnli"]);
        Assert.Equal([4], Parse("tasks: [rte]", "predict.runs={rte: 4}").Predict.Runs["rte"]);
    }

    [Theory]
    [InlineData("predict: {runs: {coal: 1}}", "predict.runs.coal is not a task; did you mean cola?")]
    [InlineData("predict: {runs: {rte: []}}", "predict.runs.rte has no run")]
    [InlineData("predict: {runs: {rte: [1, 1]}}", "predict.runs.rte has a run twice")]
    [InlineData("predict: {output: a.tsv}", "predict.output is where the predictions of predict.input go")]
    [InlineData("predict: {model: made}", "predict.model predicts the lines of predict.input: give that too")]
    [InlineData("predict: {model: made, input: '-', runs: {rte: 1}}", "predict.runs are runs of the configuration's group")]
    [InlineData("predict: {model: made, input: '-', score: pll}", "predict.model is a fine-tuned model, and predict.score scores")]
    [InlineData("predict: {input: '-', null_threshold: 0}", "predict.null_threshold is for predict.model; of runs it is a key of")]
    [InlineData("predict: {batch_size: 0}", "predict.batch_size cannot be 0")]
    public void What_makes_no_sense_is_named(string yaml, string said) =>
        Assert.Contains(said, Assert.Throws<UserErrorException>(() => Parse(yaml)).Message);

    [Theory]
    [InlineData("CoLA")]
    [InlineData("MNLI-m")]
    [InlineData("sst-2")]
    public void A_task_of_ones_own_cannot_be_called_as_a_file_of_the_sites(string name) =>
        Assert.Contains("is the name of a task that is there already", Assert.Throws<UserErrorException>(() =>
            Parse($"data: {{own: {{{name}: {{text: a, labels: [x, y], train: a.csv, held_out: 0.1}}}}}}")).Message);

    private static FinetuneConfig Parse(string yaml, params string[] overrides) =>
        Config.Parse<FinetuneConfig>($"checkpoint: made\n{yaml}", "made.yaml", overrides);
}
