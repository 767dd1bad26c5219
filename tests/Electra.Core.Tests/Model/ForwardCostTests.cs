using System.Text.Json;
using Electra.Model;

namespace Electra.Tests.Model;

public class ForwardCostTests
{
    [Fact]
    public void A_network_costs_what_google_counts()
    {
        foreach (var row in Golden.Json("m_flops").GetProperty("networks").EnumerateArray())
        {
            var cost = Cost(row, Whole(row, "hidden"), Whole(row, "layers"), Whole(row, "embedding"), Whole(row, "sequence"));
            Same(row, "layer", cost.Layer);
            Same(row, "input", cost.Input);
            Same(row, "rtd_head", cost.DetectionHead);
            Same(row, "inference", cost.Encoder + cost.DetectionHead);
            if (row.GetProperty("output_fraction").GetDouble() != 0.15625)
                continue;
            double rows = (double)Whole(row, "batch") * Whole(row, "steps");
            Same(row, "mlm_head", cost.MaskedHead);
            Same(row, "train_mlm", cost.TrainingMasked * rows);
            Same(row, "train_discriminator", cost.TrainingDetection * rows);
        }
    }

    [Fact]
    public void A_pair_costs_what_the_paper_says()
    {
        foreach (var row in Golden.Json("m_flops").GetProperty("electra").EnumerateArray())
        {
            int length = Whole(row, "sequence"), hidden = Whole(row, "hidden"), width = Whole(row, "generator_hidden");
            int embedding = row.GetProperty("embedding") is { ValueKind: JsonValueKind.Number } given ? given.GetInt32() : hidden;
            bool tied = row.GetProperty("tied_embeddings").GetBoolean();
            var generator = Cost(row, width, Whole(row, "generator_layers"), tied ? embedding : width, length);
            var discriminator = Cost(row, hidden, Whole(row, "layers"), embedding, length);
            double rows = (double)Whole(row, "batch") * Whole(row, "steps");
            Same(row, "train", (generator.TrainingMasked + discriminator.TrainingDetection) * rows);
        }
    }

    private static ForwardCost Cost(JsonElement row, int hidden, int layers, int embedding, int length) =>
        new(
            new ElectraConfig
            {
                HiddenSize = hidden,
                Layers = layers,
                EmbeddingSize = embedding,
                AttentionHeads = row.TryGetProperty("heads", out var heads) ? heads.GetInt32() : Math.Max(1, hidden / 64),
                IntermediateSize = row.TryGetProperty("intermediate", out var intermediate) ? intermediate.GetInt32() : 4 * hidden,
                VocabularySize = row.TryGetProperty("vocabulary", out var vocabulary) ? vocabulary.GetInt32() : 30522,
            },
            length
        );

    private static int Whole(JsonElement row, string name) => row.GetProperty(name).GetInt32();

    private static void Same(JsonElement row, string name, double actual) =>
        Assert.Equal(1, actual / row.GetProperty(name).GetDouble(), 1e-12);
}
