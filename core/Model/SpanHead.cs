using Electra.Data.Tasks;
using Electra.Tensors;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Electra.Model;

/// <summary>
/// Says where an answer begins and ends: Hugging Face's <c>ElectraForQuestionAnswering</c>, one linear layer; or google-research/electra's
/// heads (<c>finetune/qa/qa_tasks.py</c>), whose end depends on the start, and which say whether there is an answer. In float32, without
/// dropout.
/// </summary>
internal sealed class SpanHead
{
    /// <summary>Added to the logits of positions that cannot be an answer.</summary>
    private const float Excluded = -1000;

    /// <summary>The score of a beam that is not there, where an example is shorter than the beam.</summary>
    private const float Absent = -1e6f;

    private const int Units = 512;

    private readonly AnswerOptions form;
    private readonly Linear? both, start, hidden, end, answerableHidden, answerable;

    /// <summary>Declares the parameters under <paramref name="name"/>.</summary>
    public SpanHead(ParameterStore store, string name, ElectraConfig config, AnswerOptions form)
    {
        this.form = form;
        int width = config.HiddenSize;
        if (form.IsHuggingFace)
        {
            both = new Linear(store, $"{name}qa_outputs", width, 2, config.WeightInitialization());
            return;
        }
        Linear Layer(string layer, int inputs, int outputs) =>
            new(store, $"{name}qa_{layer}", inputs, outputs, Initialization.XavierUniform);
        if (form.IsPlain)
            both = Layer("outputs", width, 2);
        else
        {
            start = Layer("start", width, 1);
            if (form.Head == AnswerHead.Joint)
                hidden = Layer("hidden", 2 * width, Units);
            end = Layer("end", form.Head == AnswerHead.Joint ? Units : width, 1);
        }
        if (form.Answerability == Answerability.Classifier)
            answerableHidden = Layer("answerable_hidden", 2 * width, Units);
        if (form.Answerability != Answerability.None)
            answerable = Layer("answerable", form.Answerability == Answerability.Classifier ? Units : width, 1);
    }

    /// <summary>
    /// Which positions may be an answer, 1 or 0, <c>[batch, length]</c>: all tokens as in Hugging Face's library; else those of the second
    /// segment, and [CLS].
    /// </summary>
    /// <param name="types">Token types, <c>[batch, length]</c>.</param>
    /// <param name="lengths">The tokens of each row, <c>[batch]</c>.</param>
    public Tensor Allowed(Tensor types, Tensor lengths)
    {
        if (form.IsHuggingFace)
            return arange(types.shape[1], device: types.device).lt(lengths.unsqueeze(1)).to(float32);
        return cat([ones_like(types[.., ..1]), types[.., 1..]], dim: 1).to(float32);
    }

    /// <summary>The outputs of each row that a loss reads.</summary>
    /// <param name="encoded">The encoder's, <c>[batch, length, hidden]</c>.</param>
    /// <param name="allowed">Which positions may be an answer: <see cref="Allowed"/>.</param>
    /// <param name="starts">Where answers begin, <c>[batch]</c>, on which a joint head's ends depend; null of another head.</param>
    /// <returns><c>[batch, 1 + 2 · length]</c>: whether there is no answer, then start and end of each position.</returns>
    public Tensor Forward(Tensor encoded, Tensor allowed, Tensor? starts)
    {
        encoded = encoded.to(float32);
        var (start, end) = Starts(encoded, allowed);
        if (form.Head == AnswerHead.Joint)
        {
            var at = starts!.view(-1, 1, 1).expand(-1, 1, encoded.shape[2]);
            end = Ends(Projected(encoded), encoded.gather(1, at), allowed);
        }
        return cat([Unanswerable(encoded, start), stack([start, end!], dim: -1).flatten(1)], dim: 1);
    }

    /// <summary>What is predicted for each row.</summary>
    /// <param name="encoded">The encoder's, <c>[batch, length, hidden]</c>.</param>
    /// <param name="allowed">Which positions may be an answer.</param>
    /// <returns>
    /// As <see cref="Forward"/>; of a joint head <c>[batch, 1 + 2 k + 2 k²]</c>: whether there is no answer, the k best starts, their
    /// log-probabilities, and for each of these the k best ends and theirs.
    /// </returns>
    public Tensor Predict(Tensor encoded, Tensor allowed)
    {
        if (form.Head != AnswerHead.Joint)
            return Forward(encoded, allowed, null);
        encoded = encoded.to(float32);
        var (start, _) = Starts(encoded, allowed);
        long beam = Math.Min(form.Best, encoded.shape[1]);
        var (scores, places) = log_softmax(start, -1).topk((int)beam);
        var projected = Projected(encoded);
        var (ends, endScores) = (new List<Tensor>(), new List<Tensor>());
        for (int i = 0; i < beam; i++)
        {
            using var scope = NewDisposeScope();
            var at = places[.., i].view(-1, 1, 1).expand(-1, 1, encoded.shape[2]);
            var (best, where) = log_softmax(Ends(projected, encoded.gather(1, at), allowed), -1).topk((int)beam);
            ends.Add(Padded(where.to(float32), 0).MoveToOuterDisposeScope());
            endScores.Add(Padded(best, Absent).MoveToOuterDisposeScope());
        }
        for (long i = beam; i < form.Best; i++)
        {
            ends.Add(zeros_like(ends[0]));
            endScores.Add(full_like(endScores[0], Absent));
        }
        return cat(
            [Unanswerable(encoded, start), Padded(places.to(float32), 0), Padded(scores, Absent), .. ends, .. endScores],
            dim: 1
        );
    }

    /// <summary>Rows made as wide as the beam.</summary>
    private Tensor Padded(Tensor rows, double value) => pad(rows, (0, form.Best - rows.shape[1]), value: value);

    /// <summary>The logits of starts, and of ends where they do not depend on these: <c>[batch, length]</c> each.</summary>
    private (Tensor Start, Tensor? End) Starts(Tensor encoded, Tensor allowed)
    {
        var excluded = (1 - allowed) * Excluded;
        if (both is not null)
        {
            var logits = Apply(both, encoded) + excluded.unsqueeze(-1);
            return (logits.select(-1, 0), logits.select(-1, 1));
        }
        return (
            Apply(start, encoded).squeeze(-1) + excluded,
            form.Head == AnswerHead.Joint ? null : Apply(end, encoded).squeeze(-1) + excluded
        );
    }

    /// <summary>The part of the hidden layer that does not depend on the start: it reads <c>[start ; token]</c>.</summary>
    private Tensor Projected(Tensor encoded)
    {
        var (weight, bias) = hidden!.Parameters;
        return linear(encoded, weight.Value[.., (int)encoded.shape[2]..].to(float32), bias.Value.to(float32));
    }

    /// <summary>The logits of ends, <c>[batch, length]</c>, where the answer begins with some vectors <c>[batch, 1, hidden]</c>.</summary>
    private Tensor Ends(Tensor projected, Tensor starts, Tensor allowed)
    {
        var fromStart = linear(starts, hidden!.Parameters.Weight.Value[.., ..(int)starts.shape[2]].to(float32));
        return Apply(end, gelu(projected + fromStart)).squeeze(-1) + ((1 - allowed) * Excluded);
    }

    /// <summary>In float32, whatever the weights are kept in.</summary>
    private static Tensor Apply(Linear? layer, Tensor x) =>
        linear(x, layer!.Parameters.Weight.Value.to(float32), layer.Parameters.Bias.Value.to(float32));

    /// <summary>Whether there is no answer, above 0: <c>[batch, 1]</c>; 0 where that is not asked.</summary>
    private Tensor Unanswerable(Tensor encoded, Tensor start)
    {
        var first = encoded.select(1, 0);
        if (answerable is null)
            return zeros_like(start[.., ..1]);
        if (answerableHidden is null)
            return Apply(answerable, first);
        var mean = softmax(start, -1).unsqueeze(1).bmm(encoded).squeeze(1);
        return Apply(answerable, gelu(Apply(answerableHidden, cat([first, mean], dim: -1))));
    }
}
