using Electra.Data;
using Electra.Data.Tasks;
using Electra.Finetuning;
using Electra.Model;
using Electra.Optimization;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Training;

namespace Electra.Tests.Kit;

/// <summary>A tiny model and what an update of it is made of.</summary>
/// <param name="Name">What is trained.</param>
/// <param name="Model">The model.</param>
/// <param name="Store">Its parameters.</param>
/// <param name="Losses">How many losses a pass gives.</param>
/// <param name="Steps">The steps of the update that a key names.</param>
internal sealed record TinyTraining(
    string Name,
    IDisposable Model,
    ParameterStore Store,
    int Losses,
    Func<RandomKey, IReadOnlyList<UpdateStep>> Steps
) : IDisposable
{
    private const int Vocabulary = 200;

    /// <summary>What masking knows of the vocabulary.</summary>
    public static MaskingTokens Tokens { get; } = new(Vocabulary, 4, [.. Enumerable.Range(0, Vocabulary).Select(id => id <= 4)]);

    /// <summary>Each objective of pre-training, and ELECTRA's with each kind of generator.</summary>
    /// <param name="compute">Device and precision.</param>
    /// <param name="parts">The batch of each update.</param>
    /// <param name="shape">The model's shape.</param>
    public static IEnumerable<TinyTraining> Pretraining(Compute compute, IReadOnlyList<TokenBatch> parts, ElectraConfig shape)
    {
        var method = ElectraMethod.From(new ObjectiveOptions(), Tokens, compute);
        foreach (var kind in Enum.GetValues<GeneratorKind>())
            yield return Pair(
                $"electra, {kind} generator",
                shape with
                {
                    Generator = new() { Kind = kind },
                    GeneratorDivisor = kind == GeneratorKind.Shared ? 1 : shape.GeneratorDivisor,
                },
                pair => key => [new(method.Passes(pair, parts, key))]
            );
        yield return Pair(
            "gdes",
            shape with { Generator = new() { Embeddings = GeneratorEmbeddings.Disentangled } },
            pair => key => GdesObjective.Steps(pair, method, parts, key)
        );
        var model = MaskedLanguageModel.Create(shape.WithoutGenerator, 1, compute);
        var mlm = MlmMethod.From(new ObjectiveOptions(), Tokens, compute);
        yield return new("mlm", model, model.Store, 1, key => [new(mlm.Passes(model, parts, key))]);
        foreach (var prior in Enum.GetValues<NoisePrior>().Where(prior => prior != NoisePrior.Google || parts[0].Packed is null))
        {
            var electric = ElectricPair.Create(shape, 1, compute);
            var energy = ElectricMethod.From(new ObjectiveOptions { Prior = prior }, Tokens, compute);
            yield return new($"electric, {prior} prior", electric, electric.Store, 3, key => [new(energy.Passes(electric, parts, key))]);
        }

        TinyTraining Pair(string name, ElectraConfig config, Func<ElectraPair, Func<RandomKey, IReadOnlyList<UpdateStep>>> steps)
        {
            var pair = ElectraPair.Create(config, 1, compute);
            return new(name, pair, pair.Store, 3, steps(pair));
        }
    }

    /// <summary>Tasks of each kind: classes, with and without weights, values, several labels, words, choices, answers with each
    /// head.</summary>
    /// <param name="compute">Device and precision.</param>
    /// <param name="text">The rows of each update, an even number.</param>
    /// <param name="shape">The model's shape.</param>
    /// <param name="smoothing">Of labels.</param>
    public static IEnumerable<TinyTraining> Finetuning(Compute compute, TokenBatch text, ElectraConfig shape, double smoothing = 0.1)
    {
        TaskDefinition cola = GlueTasks.Find("cola")!;
        var batch = new TaskBatch(text, [.. Enumerable.Repeat(1f, text.Size)], [.. Enumerable.Range(0, text.Size)]);
        yield return Task("classes", cola, batch);
        yield return Task("weighted classes", cola with { ClassWeights = [1, 2] }, batch);
        yield return Task("values", GlueTasks.Find("stsb")!, batch);
        var named = new OwnTaskOptions { Text = ["text"], Labels = ["red", "blue"] };
        var labels = OwnTask.Define("labels", named with { Kind = OwnTaskKind.MultiLabel });
        yield return Task("several labels", labels, batch with { Labels = [.. Enumerable.Repeat(1f, text.Size * labels.Outputs)] });
        // The second token of each row, and the third of the first.
        long[] read = [2, .. Enumerable.Range(0, text.Size).Select(row => (row * text.Length) + 1L)];
        var words = OwnTask.Define("words", named with { Text = [], Kind = OwnTaskKind.Tokens });
        yield return Task("words", words, batch with { Labels = [.. read.Select(_ => 1f)], Positions = read });
        var choice = OwnTask.Define("choice", new OwnTaskOptions { Kind = OwnTaskKind.Choice, Text = ["text"], Choices = ["a", "b"] });
        yield return Task("choices", choice, batch with { Labels = [.. batch.Places.Select(i => i % 2f)], RowSizes = RowsOf(text.Size) });
        foreach (var head in Enum.GetValues<AnswerHead>())
            foreach (var answerability in Enum.GetValues<Answerability>())
            {
                var options = new AnswerOptions { Head = head, Answerability = answerability, Unanswerable = answerability != default };
                var answers = OwnTask.Define("answers", new OwnTaskOptions { Kind = OwnTaskKind.Answers, Answers = options });
                float[] places = [.. Enumerable.Range(0, text.Size).SelectMany(_ => new[] { 1f, 2f, 0f })];
                yield return Task($"answers, {head} head, {answerability}", answers, batch with { Labels = places });
            }

        TinyTraining Task(string name, TaskDefinition task, TaskBatch own)
        {
            var method = FinetuneMethod.From(new FinetuneOptions { LabelSmoothing = task.IsRegression ? 0 : smoothing });
            var model = ElectraClassifier.Create(shape.WithoutGenerator, task.Kind.Head(task), 0.1, 1, compute);
            int[] rows = [.. Enumerable.Range(0, own.RowSizes?.Length ?? text.Size)];
            return new(name, model, model.Store, 1, key => [new(method.Passes(model, task, (_, _) => own, rows, 0, key))]);
        }
    }

    /// <summary>Sequences of random tokens.</summary>
    /// <param name="isPadded">Whether all but the first are shorter than the longest.</param>
    /// <param name="isPacked">Whether each row is two examples.</param>
    public static TokenBatch Text(bool isPadded, bool isPacked = false)
    {
        const int Size = 6, Length = 32;
        var numbers = RandomKey.FromSeed(3).Numbers();
        int[] lengths = [.. Enumerable.Range(0, Size).Select(row => isPadded && row > 0 ? Length - row * 3 : Length)];
        long[] ids =
        [
            .. Enumerable.Range(0, Size * Length).Select(i => i % Length < lengths[i / Length] ? 5L + numbers.Next(Vocabulary - 5) : 0),
        ];
        return new TokenBatch(Size, Length, ids, new long[ids.Length], lengths)
        {
            Packed = isPacked ? [.. lengths.Select(length => new[] { length - 9, 9 })] : null,
        };
    }

    /// <summary>Trains: calls <paramref name="work"/> with what makes the k-th update.</summary>
    public void Train(Action<Action<long>> work, int guards = 0, AdamOptions? options = null)
    {
        var key = RandomKey.FromSeed(5);
        Func<Parameter, bool>[] trained = Steps(key).Count == 1 ? [_ => true] : [.. GdesObjective.Trained];
        var optimizers = new List<Adam>();
        foreach (var own in trained)
            optimizers.Add(new Adam(Store, options ?? new(), p => own(p) ? 1 : 0, optimizers.FirstOrDefault()));
        OutlierGuard[] watching = [.. Enumerable.Range(0, guards).Select(_ => new OutlierGuard(6, Store.Compute))];
        using var step = new TrainingStep(Store, optimizers, Losses) { Guards = watching };
        work(k => step.Run(k, Steps(key[k]), new StepRates(1e-3)));
        watching.ToList().ForEach(guard => guard.Dispose());
        optimizers.ForEach(optimizer => optimizer.Dispose());
    }

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();

    /// <summary>Two examples are a row.</summary>
    private static int[] RowsOf(int examples) => [.. Enumerable.Repeat(2, examples / 2)];
}
