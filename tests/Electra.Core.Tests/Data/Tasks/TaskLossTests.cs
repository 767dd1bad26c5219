using Electra.Data.Tasks;
using static TorchSharp.torch;

namespace Electra.Tests.Data.Tasks;

/// <summary>The losses of the kinds of tasks against PyTorch's, with their gradients.</summary>
public sealed class TaskLossTests
{
    [Theory]
    [InlineData("plain", 0)]
    [InlineData("weighted", 0)]
    [InlineData("smoothed", 0.1)]
    [InlineData("weighted_smoothed", 0.2)]
    [InlineData("balanced", 0)]
    public void The_loss_of_classes_equals_PyTorchs(string name, double smoothing)
    {
        var golden = Golden.Tensors("r_losses");
        var labels = golden["ce/labels"].to(float32);
        var weights = name == "balanced" ? Classification.Balanced(labels.data<float>().ToArray(), 5)
            : name.StartsWith("weighted", StringComparison.Ordinal) ? golden["ce/weights"].data<float>().Select(Convert.ToDouble).ToList()
            : [];
        var task = MadeRuns.Task("mnli") with { Labels = ["a", "b", "c", "d", "e"], ClassWeights = weights };
        AssertLoss(task, golden["ce/logits"], labels, smoothing, golden[$"ce/{name}/loss"], golden[$"ce/{name}/grad"]);
    }

    [Fact]
    public void The_loss_of_several_labels_equals_PyTorchs()
    {
        var golden = Golden.Tensors("r_losses");
        var task = MadeRuns.Task("cola") with { Kind = MultiLabel.Kind, Labels = ["a", "b", "c", "d", "e"] };
        AssertLoss(task, golden["bce/logits"], golden["bce/labels"].flatten(), 0, golden["bce/plain/loss"], golden["bce/plain/grad"]);
    }

    private static void AssertLoss(TaskDefinition task, Tensor logits, Tensor labels, double smoothing, Tensor expected, Tensor gradient)
    {
        var own = logits.clone().requires_grad_(true);
        var loss = task.Kind.Loss(task, own, labels, smoothing);
        Golden.AssertClose(expected, loss, 1e-6, "loss");
        loss.backward();
        Golden.AssertClose(gradient, own.grad!, 1e-5, "gradient");
    }
}
