using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;
using Electra.Data.Tasks;
using Electra.Model;
using Electra.Tokenization;

namespace Electra.Finetuning;

/// <summary>The files of a fine-tuned model, as Hugging Face's library and, where it gives embeddings, sentence-transformers have them.
/// </summary>
internal static class FinetunedFiles
{
    /// <summary>Writes them into the folder of a run, each whole or not at all.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="task">What was learned.</param>
    /// <param name="model">The model.</param>
    /// <param name="method">How it was learned.</param>
    /// <param name="config">The experiment.</param>
    /// <param name="tokenizer">The tokenizer it reads with.</param>
    public static void Save(
        string folder,
        TaskDefinition task,
        ElectraClassifier model,
        FinetuneMethod method,
        FinetuneConfig config,
        ElectraTokenizer tokenizer
    )
    {
        bool isValue = task.Outputs == 1 && task.Labels.Count == 0 && task.Kind.Architecture(task) is null;
        IReadOnlyList<string> labels = isValue ? ["value"] : task.Labels;
        var description = HuggingFaceConfig.Of(
            model.Config,
            task.Kind.Architecture(task) ?? nameof(ElectraClassifier),
            tokenizer.Vocabulary.PadId
        ) with
        {
            ClassifierDropout = config.Training.HeadDropout,
            ProblemType = task.Kind.ProblemType,
            SentenceTransformers = task.Kind.Activation(task) is { } activation ? new(activation) : null,
            TaskSpecificParams = TaskParameters.Of(task, config.Encoding),
            Id2label = labels.Count == 0 ? null : labels.Index().ToDictionary(label => label.Index, label => label.Item),
            Label2id = labels.Count == 0 ? null : labels.Index().ToDictionary(label => label.Item, label => label.Index),
        };
        // In the form of Hugging Face's library: another head under its names would be begun afresh by it, with no more than a warning.
        var (written, weights) = task.Kind.Architecture(task) is not null
            ? (description, model.Named())
            : HuggingFaceClassifier.Converted(description, method.InOwnUnit(task, model.Named()));
        // Other libraries cut texts, and read windows, as the run did: the model has seen no position beyond.
        int maxTokens = config.Encoding.MaxLength;
        HuggingFaceFolder.WriteFiles(folder, written, weights, tokenizer, maxTokens);
        if (task.Embedding is { } embedding)
            SentenceTransformerFiles.Write(
                folder,
                new TextPooling(embedding.Pooling, embedding.Normalises) { MaxLength = maxTokens },
                model.Config.HiddenSize
            );
    }
}
