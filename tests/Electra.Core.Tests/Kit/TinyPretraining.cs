namespace Electra.Tests.Kit;

/// <summary>A tiny experiment for scripts/pretrain.csx: 12 updates on the sentences of <c>text.txt</c>.</summary>
internal sealed class TinyPretraining : TinyExperiment
{
    /// <summary>The folder of a run that has no other name or seed.</summary>
    public const string RunFolder = "runs/tiny_11081";

    /// <summary>A vocabulary for text that is made at random.</summary>
    public static readonly string[] Words =
    [
        .. "the a small old red cat dog bird sees likes follows river house garden today again .".Split(' '),
    ];

    public TinyPretraining()
        : base("pretrain.csx")
    {
        var random = new Random(1);
        string Pick(params string[] words) => words[random.Next(words.Length)];
        string Sentence() =>
            $"The {Pick("small", "old", "red")} {Pick("cat", "dog", "bird")} {Pick("sees", "likes", "follows")} the "
            + $"{Pick("river", "house", "garden")} {Pick("today", "again", "at night")}.";
        System.IO.File.WriteAllLines(File("text.txt"), Enumerable.Range(0, 600).Select(i => i % 6 == 5 ? "" : Sentence()));
        System.IO.File.WriteAllText(Config, $$"""
            name: tiny
            corpus: {{File("text.txt")}}
            vocabulary: {size: 120}
            examples: {max_length: 32, held_out: 0.1}
            model: {embedding_size: 16, hidden_size: 32, layers: 2, attention_heads: 2, intermediate_size: 64, generator_divisor: 2}
            training: {steps: 12, batch_size: 8, warmup_steps: 2, learning_rate: 1e-3}
            evaluation: {examples: 16}
            checkpoints: {folder: {{File("runs")}}, percents: [50, 100], every: 4}
            logging: {every: 1}
            compute: {device: cpu, threads: 1}
            datasets: {{File("datasets")}}
            """);
    }

    /// <summary>The path of what a run named so left: <c>metrics.jsonl</c>.</summary>
    public string Of(string name, string file = "") => File($"runs/{name}_11081/{file}");
}
