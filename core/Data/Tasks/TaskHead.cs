namespace Electra.Data.Tasks;

/// <summary>What the model of a task has on its encoder: by default one linear layer.</summary>
/// <param name="Outputs">Outputs at each place that it reads.</param>
internal sealed record TaskHead(int Outputs)
{
    /// <summary>
    /// Whether a dense layer and a GELU stand before the linear one: <c>sequence_summary</c> of Hugging Face's
    /// <c>ElectraForMultipleChoice</c>.
    /// </summary>
    public bool Summarises { get; init; }
}
