namespace Electra;

/// <summary>
/// On a key of a configuration: it changes how a run is carried out and not what it learns, so that a run can be resumed with another
/// value. A key without this attribute, or a key around it with it, makes another experiment of the run.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class ExecutionOnlyAttribute : Attribute;
