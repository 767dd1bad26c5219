using Electra.Checkpoints.HuggingFace;
using Electra.Data;
using Electra.Tensors;
using Electra.Training;
using static TorchSharp.torch;

namespace Electra.Pretraining;

/// <summary>
/// An objective of pre-training as a run needs it: what is trained by which losses, how it is measured, and what is saved of it. Each is
/// made on a page of its own: <see cref="ElectraObjective"/>.
/// </summary>
internal sealed record Objective
{
    /// <summary>All parameters.</summary>
    public required ParameterStore Store { get; init; }

    /// <summary>What the learning rate of each parameter is multiplied by; 0 freezes it.</summary>
    public Func<Parameter, double> Rate { get; init; } = _ => 1;

    /// <summary>Which parameters each step of an update trains: most objectives train all of them in one step.</summary>
    public IReadOnlyList<Func<Parameter, bool>> Trained { get; init; } = [_ => true];

    /// <summary>The names of an update's losses: the one that is minimised, then its terms.</summary>
    public required IReadOnlyList<string> LossNames { get; init; }

    /// <summary>
    /// The steps of an update, as many as <see cref="Trained"/> has: of the update's number, the batch in the parts that are computed at
    /// once, and a key that names every random draw. The call masks the batch, which may be done ahead, on another thread; what it returns
    /// is called when the update's turn has come. A pass gives the losses in the order of <see cref="LossNames"/>.
    /// </summary>
    public required Func<long, IReadOnlyList<TokenBatch>, RandomKey, Func<IReadOnlyList<UpdateStep>>> Update { get; init; }

    /// <summary>Tensors that a resumed run needs beside parameters and optimizer, by name.</summary>
    public IReadOnlyList<(string Name, Tensor Value)> State { get; init; } = [];

    /// <summary>Called on all ranks before <see cref="State"/> is saved: brings together what each has of it.</summary>
    public Action Gather { get; init; } = () => { };

    /// <summary>Called before the first update after a measurement is due, whether the run was stopped there or not.</summary>
    public Action Measured { get; init; } = () => { };

    /// <summary>The figures that are measured on held-out text, in the order of tables.</summary>
    public required IReadOnlyList<HeldOutFigure> Figures { get; init; }

    /// <summary>Measures held-out text, always with the same draws.</summary>
    public required Func<IEnumerable<TokenBatch>, Measurers, IHeldOutScores> Measure { get; init; }

    /// <summary>Some sentences of a held-out batch as the networks see them.</summary>
    public required Func<TokenBatch, int, Showcase> Show { get; init; }

    /// <summary>The models that are written for use elsewhere, the one to fine-tune first.</summary>
    public required Func<IReadOnlyList<SavedModel>> Models { get; init; }

    /// <summary>FLOPs of a row of some length in training; null: those of <see cref="Models"/>.</summary>
    public Func<int, double>? RowFlops { get; init; }

    /// <summary>Whether a parameter is computed with, but has no gradient: its network is only read forwards.</summary>
    public Func<Parameter, bool> IsForwardOnly { get; init; } = _ => false;

    /// <summary>What a model's card says of it in a sentence or two.</summary>
    public required Func<SavedModel, string> About { get; init; }
}

/// <summary>A figure on held-out text, and how it is told of.</summary>
/// <param name="Name">Its name in the metrics file.</param>
/// <param name="Label">Its name in tables.</param>
/// <param name="Format">The format of its values.</param>
/// <param name="IsDrawn">Whether it stands in the picture of a run: it lies between 0 and 1.</param>
internal sealed record HeldOutFigure(string Name, string Label, string Format, bool IsDrawn = false);

/// <summary>What was measured on held-out text.</summary>
internal interface IHeldOutScores
{
    /// <summary>All figures by their names in the metrics file.</summary>
    IReadOnlyList<(string Name, double Value)> Figures { get; }

    /// <summary>What guessing would give, as text, for the figures of which that can be said.</summary>
    IReadOnlyDictionary<string, string> ByChance { get; }

    /// <summary>The figures that matter most, in a line of the console.</summary>
    string Line { get; }

    /// <summary>What to know of a table of these figures.</summary>
    string Remark { get; }
}

/// <summary>Held-out sentences as the networks of an objective see them.</summary>
/// <param name="Heading">What they show.</param>
/// <param name="Sentences">The sentences, marked.</param>
/// <param name="Legend">What the marks mean.</param>
internal sealed record Showcase(string Heading, IReadOnlyList<string> Sentences, string Legend);
