namespace Electra.Data.Tasks;

/// <summary>What the model of a task has on its encoder: by default one linear layer.</summary>
/// <param name="Outputs">Outputs at each place that it reads; 0: there is no layer, and what is read is what comes out.</param>
internal sealed record TaskHead(int Outputs)
{
    /// <summary>What stands before the names of its weights in a model of several tasks: <c>heads/rte/</c>.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>The name of the linear layer.</summary>
    public string Name { get; init; } = "classifier";

    /// <summary>
    /// The name of a dense layer that stands before the linear one, with a GELU between: <c>sequence_summary.summary</c> of Hugging Face's
    /// <c>ElectraForMultipleChoice</c>, <c>classifier.dense</c> of its <c>ElectraForSequenceClassification</c>. Null: there is none.
    /// </summary>
    public string? Dense { get; init; }

    /// <summary>The head of <c>ElectraForMultipleChoice</c>.</summary>
    public static TaskHead OfChoices { get; } = new(1) { Dense = "sequence_summary.summary" };

    /// <summary>The head that the discriminator was pre-trained with; its weights are the checkpoint's.</summary>
    public static TaskHead OfDiscriminator { get; } = new(1) { Discriminates = true };

    /// <summary>Whether it is that of <see cref="OfDiscriminator"/>, in place of a linear layer.</summary>
    public bool Discriminates { get; init; }

    /// <summary>How answers are found among all tokens, in place of a linear layer; null: it reads single tokens.</summary>
    public AnswerOptions? Answers { get; init; }

    /// <summary>How all tokens of an example are read; null: the first is, or the positions of labels are.</summary>
    public Pooling? Pooling { get; init; }

    /// <summary>Whether what was pooled is divided by its length.</summary>
    public bool Normalises { get; init; }
}
