using Electra.Checkpoints;
using Electra.Checkpoints.HuggingFace;

namespace Electra.Export;

/// <summary>What an ONNX file computes in.</summary>
internal enum OnnxForm
{
    /// <summary>float32: what the model computes, without dropout.</summary>
    Float32,

    /// <summary>float16 weights and activations, for GPUs: half the size.</summary>
    Float16,

    /// <summary>
    /// Weights in int8, activations quantized while it runs (dynamic quantization), for CPUs: a quarter of the size. Attention,
    /// normalisation and the last layer of a head stay float32.
    /// </summary>
    Int8,
}

/// <summary>Where ONNX files lie in a model's folder: as Optimum writes them, and transformers.js looks for them by its dtype.</summary>
internal static class OnnxFiles
{
    /// <summary>The folder.</summary>
    public const string Folder = "onnx";

    /// <summary>The forms with their files, relative to the model's folder.</summary>
    public static IReadOnlyList<(OnnxForm Form, string Path)> All { get; } =
    [
        (OnnxForm.Float32, $"{Folder}/model.onnx"),
        (OnnxForm.Float16, $"{Folder}/model_fp16.onnx"),
        (OnnxForm.Int8, $"{Folder}/model_quantized.onnx"),
    ];

    /// <summary>Says in a model's card what the files are, and how they are asked.</summary>
    /// <param name="card">The card.</param>
    /// <param name="model">The model.</param>
    /// <param name="features">Whether its head is left out.</param>
    public static void Explain(ModelCard card, PretrainedModel model, bool features)
    {
        var head = features ? ModelHead.None : model.Head;
        var sizes = head == ModelHead.MultipleChoice ? "[batch, choices, length]" : "[batch, length]";
        card.Text(
                $"The files in `{Folder}` take `input_ids`, `attention_mask` and `token_type_ids`, int64 {sizes} of any size up "
                    + $"to {model.Config.MaxPositions} tokens, and give float32. `model.onnx` computes in float32, `model_fp16.onnx` in "
                    + "float16, for GPUs, and `model_quantized.onnx` with weights in int8, for CPUs."
            )
            .Code(
                "python",
                $"""
                import onnxruntime
                from transformers import ElectraTokenizerFast

                session = onnxruntime.InferenceSession("{All[0].Path}")  # in this folder
                outputs = session.run(None, dict(ElectraTokenizerFast.from_pretrained(".")("A text.", return_tensors="np")))
                """);
        if (head != ModelHead.MultipleChoice && ModelHeads.Pipeline(head) is { } pipeline)
            card.Code(
                "js",
                $$"""
                import { env, pipeline } from "@huggingface/transformers"

                env.allowRemoteModels = false
                env.localModelPath = "./"  // the folder that this one is in
                const ask = await pipeline("{{pipeline}}", "this-folder", { dtype: "q8" })  // or fp32, fp16
                """);
    }
}
