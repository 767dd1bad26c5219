using System.ComponentModel.DataAnnotations;

namespace Electra.Training;

/// <summary>What is written while training.</summary>
public sealed record LoggingOptions
{
    /// <summary>Steps between lines of the log.</summary>
    [Range(1, long.MaxValue)]
    public long Every { get; init; } = 100;
}
