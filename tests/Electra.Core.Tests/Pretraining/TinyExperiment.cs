
namespace Electra.Tests.Pretraining;

/// <summary>A tiny experiment for scripts/pretrain.csx, run as a process: <c>text.txt</c> and <c>tiny.yaml</c> in a folder.</summary>
internal static class TinyExperiment
{
    /// <summary>The script.</summary>
    public static string Script { get; } = Path.Combine(TestData.Repository, "scripts", "pretrain.csx");

    /// <summary>Writes the text and the configuration; skips the test where the scripts have no library to load.</summary>
    public static void Write(TemporaryFolder folder)
    {
        Assert.SkipUnless(
            File.Exists(Path.Combine(TestData.Repository, "core/bin/Release/net10.0/electra.csx")),
            "needs dotnet build -c Release"
        );
        var random = new Random(1);
        string Pick(params string[] words) => words[random.Next(words.Length)];
        File.WriteAllLines(
            folder.File("text.txt"),
            Enumerable
                .Range(0, 600)
                .Select(i =>
                    i % 6 == 5
                        ? ""
                        : $"The {Pick("small", "old", "red")} {Pick("cat", "dog", "bird")} {Pick("sees", "likes", "follows")} the "
                            + $"{Pick("river", "house", "garden")} {Pick("today", "again", "at night")}."
                )
        );
        File.WriteAllText(
            folder.File("tiny.yaml"),
            $$"""
            name: tiny
            corpus: {{folder.File("text.txt")}}
            vocabulary: {size: 120}
            examples: {max_length: 32, held_out: 0.1}
            model: {embedding_size: 16, hidden_size: 32, layers: 2, attention_heads: 2, intermediate_size: 64, generator_divisor: 2}
            training: {steps: 12, batch_size: 8, warmup_steps: 2, learning_rate: 1e-3}
            evaluation: {examples: 16}
            checkpoints: {folder: {{folder.File("runs")}}, percents: [50, 100], every: 4}
            logging: {every: 1}
            compute: {device: cpu}
            datasets: {{folder.File("datasets")}}
            """);

    }
}
