using Electra.Checkpoints.HuggingFace;
using Electra.Model;
using Electra.Tensors;
using Electra.Tokenization;

namespace Electra.Tests.Kit;

/// <summary>
/// A tiny experiment for scripts/finetune.csx: a checkpoint with random weights, and two runs of two tasks of one's own, <c>colour</c>
/// (one text, two classes: a word says which) and <c>same</c> (pairs, a regression).
/// </summary>
internal sealed class TinyFinetuning : TinyExperiment
{
    /// <summary>The vocabulary, without special tokens.</summary>
    public static readonly string[] Words = ["red", "blue", "cat", "dog", "house", "sees", "the", "a"];

    public TinyFinetuning()
        : base("finetune.csx")
    {
        var tokenizer = new ElectraTokenizer(new Vocabulary([.. Vocabulary.SpecialTokens, .. Words]));
        var shape = TinyPair.Config with
        {
            VocabularySize = 0,
            Layers = 2,
            AttentionHeads = 2,
            MaxPositions = 32,
            GeneratorDivisor = 1,
            InitializerRange = 0.1,
        };
        using var pair = ElectraPair.Create(shape.For(tokenizer.Vocabulary), seed: 1, Compute.Reference);
        HuggingFaceFolder.SavePair(File("checkpoint"), pair, tokenizer);

        var random = new Random(1);
        string Text() => string.Join(' ', Enumerable.Range(0, random.Next(2, 9)).Select(_ => Words[random.Next(2, Words.Length)]));
        string Colour(int i) => $"{Text()} {Words[i % 2]} {Text()}\t{Words[i % 2]}";
        string Same() =>
            Text() is var a && random.Next(2) == 0 ? $"{a}\t{a}\t{4 + random.NextDouble():F2}" : $"{a}\t{Text()}\t{random.NextDouble():F2}";
        Write("colour.tsv", "text\tlabel", 90, Colour);
        Write("colour-dev.tsv", "text\tlabel", 40, Colour);
        Write("colour-test.tsv", "text", 20, _ => Text());
        Write("same.tsv", "a\tb\tlabel", 80, _ => Same());
        System.IO.File.WriteAllText(Config, $$"""
            group: tiny
            checkpoint: {{File("checkpoint")}}
            tasks: [colour, same]
            runs: 0..1
            data:
              own:
                colour:
                  text: [text]
                  labels: [red, blue]
                  train: {{File("colour.tsv")}}
                  dev: {{File("colour-dev.tsv")}}
                  test: {{File("colour-test.tsv")}}
                  epochs: 4
                same: {text: [a, b], regression: true, range: [0, 5], train: {{File("same.tsv")}}, held_out: 0.2, unordered: true}
            encoding: {max_length: 24}
            training: {batch_size: 8, learning_rate: 3e-3, layer_decay: 0.9}
            folder: {{File("runs")}}
            datasets: {{File("datasets")}}
            logging: {every: 5}
            compute: {device: cpu, threads: 1}
            """);
    }

    /// <summary>
    /// Trains a task of one's own twice, in the groups <c>whole</c> and <c>stopped</c>: the second run is stopped in its third epoch and
    /// goes on. Both end with the same weights.
    /// </summary>
    /// <param name="task">The task.</param>
    /// <param name="own">Its definition, as an override.</param>
    /// <param name="keys">Other overrides.</param>
    public async Task LearnAndResume(string task, string own, params string[] keys)
    {
        keys = [own, $"tasks=[{task}]", "runs=[0]", "logging.every=1", .. keys];
        await Done([.. keys, "group=whole"]);
        using (var run = Start([.. keys, "group=stopped"]))
        {
            await run.WaitForLine("epoch 3 ");
            run.Send("TERM");
            (await run.Finish()).Ended(143);
        }
        await Done([.. keys, "group=stopped"]);
        Assert.Equal(Weights("whole"), Weights("stopped"));
        byte[] Weights(string group) => System.IO.File.ReadAllBytes(File($"runs/{group}_{task}_0/model.safetensors"));
    }

    /// <summary>Writes a table.</summary>
    /// <param name="name">Its path below the experiment's folder.</param>
    /// <param name="header">The first line.</param>
    /// <param name="rows">How many rows follow.</param>
    /// <param name="row">Makes one.</param>
    public void Write(string name, string header, int rows, Func<int, string> row)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(File(name))!);
        System.IO.File.WriteAllLines(File(name), Enumerable.Range(0, rows).Select(row).Prepend(header));
    }
}
