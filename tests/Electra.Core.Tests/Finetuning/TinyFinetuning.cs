
using Electra.Checkpoints.HuggingFace;
using Electra.Model;
using Electra.Tensors;
using Electra.Tests.Scripting;
using Electra.Tokenization;

namespace Electra.Tests.Finetuning;

/// <summary>
/// A tiny experiment for scripts/finetune.csx, run as a process: a checkpoint with random weights, and two tasks of one's own,
/// <c>colour</c> (one text, two classes) and <c>same</c> (pairs, a regression), in a folder.
/// </summary>
internal static class TinyFinetuning
{
    /// <summary>The vocabulary, without special tokens.</summary>
    public static readonly string[] Words = ["red", "blue", "cat", "dog", "house", "sees", "the", "a"];

    /// <summary>The script.</summary>
    public static string Script { get; } = Path.Combine(TestData.Repository, "scripts", "finetune.csx");

    /// <summary>Writes checkpoint, data and configuration; skips the test where the scripts have no library to load.</summary>
    public static void Write(TemporaryFolder folder)
    {
        Assert.SkipUnless(
            File.Exists(Path.Combine(TestData.Repository, "core/bin/Release/net10.0/electra.csx")),
            "needs dotnet build -c Release"
        );
        var tokenizer = new ElectraTokenizer(new Vocabulary([.. Vocabulary.SpecialTokens, .. Words]));
        var shape = new ElectraConfig
        {
            EmbeddingSize = 16,
            HiddenSize = 32,
            Layers = 2,
            AttentionHeads = 2,
            IntermediateSize = 64,
            MaxPositions = 32,
            GeneratorDivisor = 1,
            InitializerRange = 0.1,
        }.For(tokenizer.Vocabulary);
        using var pair = ElectraPair.Create(shape, seed: 1, Compute.Reference);
        HuggingFaceFolder.SavePair(folder.File("checkpoint"), pair, tokenizer);

        var random = new Random(1);
        string Text() => string.Join(' ', Enumerable.Range(0, random.Next(2, 9)).Select(_ => Words[random.Next(2, Words.Length)]));
        string Colour(int i) => $"{Text()} {Words[i % 2]} {Text()}\t{Words[i % 2]}";
        string Same() =>
            Text() is var a && random.Next(2) == 0 ? $"{a}\t{a}\t{4 + random.NextDouble():F2}" : $"{a}\t{Text()}\t{random.NextDouble():F2}";
        File.WriteAllLines(folder.File("colour.tsv"), Enumerable.Range(0, 90).Select(Colour).Prepend("text\tlabel"));
        File.WriteAllLines(folder.File("colour-dev.tsv"), Enumerable.Range(0, 40).Select(Colour).Prepend("text\tlabel"));
        File.WriteAllLines(folder.File("colour-test.tsv"), Enumerable.Range(0, 20).Select(_ => Text()).Prepend("text"));
        File.WriteAllLines(folder.File("same.tsv"), Enumerable.Range(0, 80).Select(_ => Same()).Prepend("a\tb\tlabel"));
        File.WriteAllText(folder.File("tiny.yaml"), $$"""
            group: tiny
            checkpoint: {{folder.File("checkpoint")}}
            tasks: [colour, same]
            runs: 0..1
            data:
              own:
                colour: {text: [text], labels: [red, blue], train: {{folder.File("colour.tsv")}}, dev: {{folder.File(
                "colour-dev.tsv"
            )}}, test: {{folder.File("colour-test.tsv")}}, epochs: 4}
                same: {text: [a, b], regression: true, range: [0, 5], train: {{folder.File("same.tsv")}}, held_out: 0.2, unordered: true}
            encoding: {max_length: 24}
            training: {batch_size: 8, learning_rate: 3e-3, layer_decay: 0.9}
            folder: {{folder.File("runs")}}
            datasets: {{folder.File("datasets")}}
            logging: {every: 5}
            compute: {device: cpu, threads: 1}
            """);
    }

    /// <summary>Runs the script to its end.</summary>
    public static Task<ScriptResult> Finetune(TemporaryFolder folder, params string[] overrides) =>
        ScriptRunner.Run(folder, ["-c", "release", Script, "--", folder.File("tiny.yaml"), .. overrides]);
}
