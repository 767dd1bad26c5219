using System.Globalization;

namespace Electra.Data.Tasks;

/// <summary>From the outputs of a model to what it says.</summary>
internal static class Labels
{
    /// <summary>
    /// The label of a row, as the task's submission writes it: a name, a number, or a value with three decimals, clamped to the task's
    /// range.
    /// </summary>
    /// <param name="task">The task.</param>
    /// <param name="logits">The outputs of the model for the row.</param>
    public static string Text(TaskDefinition task, ReadOnlySpan<float> logits)
    {
        if (task.IsRegression)
            return Value(task, logits[0]).ToString("F3", CultureInfo.InvariantCulture);
        int label = Metrics.Classes(logits, task.Outputs)[0];
        return task.LabelForm == LabelForm.Name ? task.Labels[label] : label.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>The name of a row's label, or its value, whatever form the task's submission has.</summary>
    /// <param name="task">The task.</param>
    /// <param name="logits">The outputs of the model for the row.</param>
    public static string Name(TaskDefinition task, ReadOnlySpan<float> logits) =>
        task.IsRegression ? Text(task, logits) : task.Labels[Metrics.Classes(logits, task.Outputs)[0]];

    /// <summary>The value of a regression, clamped to the task's range.</summary>
    public static double Value(TaskDefinition task, float output) => task.Range is var (low, high) ? Math.Clamp(output, low, high) : output;

    /// <summary>The probability of the class with the largest output, by softmax.</summary>
    public static double Probability(ReadOnlySpan<float> logits)
    {
        double largest = double.NegativeInfinity, sum = 0;
        foreach (float logit in logits)
            largest = Math.Max(largest, logit);
        foreach (float logit in logits)
            sum += Math.Exp(logit - largest);
        return 1 / sum;
    }

    /// <summary>The probability of each class, by softmax.</summary>
    public static double[] Probabilities(float[] logits)
    {
        double best = Probability(logits), largest = logits.Max();
        return [.. logits.Select(logit => Math.Exp(logit - largest) * best)];
    }

    /// <summary>Whether a text is what <see cref="Text"/> may give.</summary>
    public static bool IsLabel(TaskDefinition task, string text) =>
        task.IsRegression
            ? double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value)
                && (task.Range is not var (low, high) || (value >= low && value <= high))
            : Submitted(task).Contains(text);

    /// <summary>What <see cref="Text"/> may give, in words.</summary>
    public static string Allowed(TaskDefinition task) =>
        !task.IsRegression ? string.Join(", ", Submitted(task))
        : task.Range is var (low, high) ? string.Create(CultureInfo.InvariantCulture, $"the numbers from {low} to {high}")
        : "the numbers";

    private static IEnumerable<string> Submitted(TaskDefinition task) =>
        task.LabelForm == LabelForm.Name ? task.Labels : task.Labels.Select((_, number) => number.ToString(CultureInfo.InvariantCulture));
}
