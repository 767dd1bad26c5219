namespace Electra.Training;

/// <summary>What to do when the run's folder holds a state already.</summary>
public enum ResumeMode
{
    /// <summary>Go on from the newest state of the same experiment.</summary>
    Auto,

    /// <summary>Start over: what the run left is replaced.</summary>
    Never,
}
