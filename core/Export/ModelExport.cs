using System.Text.Json;
using Electra.Checkpoints;
using Electra.Checkpoints.Formats;
using Electra.Checkpoints.HuggingFace;
using Electra.Finetuning;
using Electra.Hub;
using Electra.Running;
using Electra.Statistics;
using Electra.Storage;

namespace Electra.Export;

/// <summary>Writes models for use elsewhere, with a card that says what they are.</summary>
public static class ModelExport
{
    private const string OriginKey = "exported_from";
    private const string TrainersFolder = "checkpoint-"; // what a Trainer of Hugging Face's calls all of its folders

    /// <summary>Writes a model as a folder, whole or not at all.</summary>
    /// <param name="model">The model.</param>
    /// <param name="config">The form and the place.</param>
    /// <returns>The folder.</returns>
    /// <exception cref="UserErrorException">It has no vocabulary or no head, cannot be read, or does not fit into the form.</exception>
    public static string Write(PretrainedModel model, ExportConfig config)
    {
        if (config.Part == ModelPart.Generator && ModelHeads.IsFineTuned(model.Head))
            throw new UserErrorException($"part: {model.Source} is a fine-tuned model, and has no generator");
        // What a head makes of the hidden states, and these themselves, are two exports.
        var form = config.To != ExportFormat.Onnx ? "" : config.Features && model.Head != ModelHead.None ? "-features-onnx" : "-onnx";
        var name = NameOf(model.Source, config.Part) + form;
        var folder = Path.Combine(Paths.Output(config.Out), name);
        if (
            Paths.Find(model.Source) is var source
            && (source == folder || source.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        )
            throw new UserErrorException($"out: {Paths.Shown(folder)} is where the model is read from: give another folder");
        if (model.Head is ModelHead.Other)
            throw new UserErrorException($"{model.Source} cannot be exported: {ModelHeads.Described(model)}");
        RequireFreeOrOwn(folder, model);
        _ = model.UnusedRows;
        AtomicFolder.Write(folder, partial =>
        {
            if (config.To == ExportFormat.Onnx)
            {
                Directory.CreateDirectory(Path.Combine(partial, OnnxFiles.Folder));
                foreach (var (form, path) in OnnxFiles.All)
                    OnnxModel.Save(Path.Combine(partial, path), model, form, config.Features);
                var described = OnnxModel.Description(model, config.Features);
                HuggingFaceFolder.WriteDescription(partial, described, model.Tokenizer, model.MaxTokens);
            }
            else
            {
                var (described, weights) = HuggingFaceClassifier.Converted(model);
                var type = model.Tensors[WeightNames.Words].Type.ToString().ToLowerInvariant();
                HuggingFaceFolder.WriteFiles(partial, described with { Dtype = type }, weights, model.Tokenizer, model.MaxTokens);
            }
            if (model.Pooling is { } pooling)
                SentenceTransformerFiles.Write(partial, pooling with { MaxLength = model.MaxTokens }, model.Config.HiddenSize);
            AtomicFile.WriteAllText(Path.Combine(partial, ModelCard.FileName), Card(name, model, config).ToString());
        });
        return folder;
    }

    /// <summary>What the card says the model was exported from.</summary>
    private static string Origin(PretrainedModel model) =>
        JsonSerializer.Serialize(
            Path.Exists(Paths.Find(model.Source)) ? Paths.Shown(Paths.Find(model.Source)).TrimEnd('/') : model.Source,
            ReadableJson.Options
        );

    /// <summary>Refuses to write over the export of another model that has the same name.</summary>
    private static void RequireFreeOrOwn(string folder, PretrainedModel model)
    {
        var card = Path.Combine(folder, ModelCard.FileName);
        if (!File.Exists(card) || File.ReadLines(card).FirstOrDefault(IsOrigin) is not { } line || line == $"{OriginKey}: {Origin(model)}")
            return;
        throw new UserErrorException(
            $"out: {Paths.Shown(folder)} holds what was exported from {line[(OriginKey.Length + 2)..].Trim('"')}: give another folder "
                + "(out=…), or remove it"
        );

        static bool IsOrigin(string line) => line.StartsWith($"{OriginKey}: ", StringComparison.Ordinal);
    }

    /// <summary>Prints where a model is now, and what of it.</summary>
    public static void Describe(PretrainedModel model, string folder, RunConsole console)
    {
        (string Name, object? Value)[] rows =
        [
            ("model", model.Source),
            ("in", Paths.Shown(folder)),
            ("note", model.LostInExport),
            ("not of such a model", Unknown(model)),
            ("embeddings", model.UnusedRows == 0 ? null : $"{model.UnusedRows} rows beyond the vocabulary, which are kept and never used"),
            .. FolderFiles
                .Under(folder)
                .Select(file => (Path.GetRelativePath(folder, file).Replace('\\', '/'), (object?)$"{new FileInfo(file).Length:N0} bytes")),
        ];
        console.Table(rows.Where(row => row.Value is not null));
    }

    /// <summary>
    /// Prints how far the ONNX files of a folder agree with the model, how large they are and how long they take in ONNX Runtime. Nothing
    /// where the folder is of another form.
    /// </summary>
    public static void Compare(PretrainedModel model, string folder, ExportConfig config, RunConsole console, CancellationToken stopping)
    {
        if (config.To != ExportFormat.Onnx)
            return;
        try
        {
            using var comparison = new OnnxComparison(model, config.Features);
            console.Line($"ONNX Runtime beside this kit in float32, {comparison.Size}, random tokens:");
            console.Table(
                ["file", "MB", "greatest difference", "same answers", "ms"],
                OnnxFiles
                    .All.Select(file => comparison.Row(folder, file.Path, stopping))
                    .Prepend(["the model itself", "", "", "", OnnxComparison.Shown(comparison.Milliseconds)])
            );
        }
        catch (UserErrorException e)
        {
            console.Warning($"the files are not compared with the model, which cannot be computed here: {e.Message}");
        }
    }

    /// <summary>Tensors of the encoder that a model of its shape does not have; null where there are none.</summary>
    private static string? Unknown(PretrainedModel model)
    {
        string[] names =
        [
            .. model
                .NotAmong(WeightNames.OfEncoder(model.Config).Select(weight => weight.Name))
                .Where(name => name == WeightNames.TiedOutput ? model.Config.TieWordEmbeddings != false : !ModelHeads.IsOfHead(name)),
        ];
        return names.Length == 0 ? null : $"{names.Length} tensors: {WeightNames.Shown(names)}";
    }

    private static ModelCard Card(string name, PretrainedModel model, ExportConfig config)
    {
        var shape = model.Config;
        var card = new ModelCard(name).Tags(config.To == ExportFormat.Onnx ? ["electra", "onnx"] : ["electra"]);
        var pipeline = ModelHeads.Pipeline(config.Features ? ModelHead.None : model.Head);
        card.With("library_name", config.To == ExportFormat.HuggingFace ? "transformers" : "transformers.js");
        if (pipeline is not null)
            card.With("pipeline_tag", pipeline);
        if (config.To == ExportFormat.Onnx)
            OnnxFiles.Explain(card, model, config.Features);
        card.With(OriginKey, Origin(model));
        if (File.Exists(Path.Combine(model.Folder, ModelCard.FileName)))
            card.Include(model.Folder, withCode: config.To == ExportFormat.HuggingFace);
        else
            card.Table(
                ("exported from", model.Source),
                ("layers", shape.NumHiddenLayers),
                ("hidden size", shape.HiddenSize),
                ("attention heads", shape.NumAttentionHeads),
                ("intermediate size", shape.IntermediateSize),
                ("embedding size", shape.EmbeddingSize),
                ("vocabulary", $"{shape.VocabularySize} tokens"),
                ("longest text", $"{shape.MaxPositions} tokens")
            );
        if (model.LostInExport is { } remark)
            card.Text($"When it was exported: {remark}.");
        // It is the discriminator that is fine-tuned.
        return config.Part == ModelPart.Discriminator && Scores(model.Source, config.Glue) is { } scores
            ? card.Text(scores.Markdown().Trim())
            : card;
    }

    /// <summary>The development scores of all fine-tuning runs that began with a model; null where there are none.</summary>
    private static ReportTable? Scores(string source, string runs)
    {
        string[] groups =
        [
            .. FinetuneResult
                .All(runs, leftOut: _ => { })
                .Where(result => Pair(result.Checkpoint) == Pair(source))
                .Select(result => result.Group)
                .Distinct(),
        ];
        var scores = groups.Length == 0 ? null : ScoreSet.Read<FinetuneConfig>([runs]);
        groups = [.. groups.Where(group => scores!.Groups.Contains(group))];
        return groups.Length == 0 ? null : ScoreTables.PerTask(scores!.Only(groups)) with { Title = "Fine-tuned" };

        // A run's models may be named by their folder or by the discriminator's.
        static string Pair(string model)
        {
            var path = Path.TrimEndingDirectorySeparator(Paths.Find(model));
            return Path.GetFileName(path) == HuggingFaceFolder.FolderOf(ModelPart.Discriminator) ? Path.GetDirectoryName(path)! : path;
        }
    }

    /// <summary>
    /// <c>checkpoints/pretrain/small_36_100</c> is small_36_100, a file in a folder has the folder's name, an archive its own, a Trainer's
    /// <c>rte/checkpoint-500</c> is rte-checkpoint-500, and <c>google/electra-small-discriminator</c> the part after the slash.
    /// </summary>
    private static string NameOf(string source, ModelPart part)
    {
        var path = Path.TrimEndingDirectorySeparator(
            source.StartsWith(HubFolders.Prefix, StringComparison.Ordinal) ? source[HubFolders.Prefix.Length..] : source
        );
        var local = Paths.Find(path);
        if (ModelArchive.Is(local))
            path = Path.ChangeExtension(local, null);
        else if (!Directory.Exists(local) && (File.Exists(local) || WeightFiles.TensorFlowIndex(local) is not null))
            path = Path.GetDirectoryName(local)!;
        var name = Path.GetFileName(path);
        if (name.StartsWith(TrainersFolder, StringComparison.Ordinal))
            name = $"{Path.GetFileName(Path.GetDirectoryName(Paths.Find(path)))}-{name}";
        foreach (var either in Enum.GetValues<ModelPart>())
            if (name == HuggingFaceFolder.FolderOf(either))
                return Named(Path.GetFileName(Path.GetDirectoryName(Paths.Find(path))!), either);
        return Named(name.Split('@')[0], part);

        static string Named(string name, ModelPart part) => part == ModelPart.Generator ? $"{name}-generator" : name;
    }
}
