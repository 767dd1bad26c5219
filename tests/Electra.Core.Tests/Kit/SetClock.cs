namespace Electra.Tests.Kit;

/// <summary>A clock that stands where a test sets it.</summary>
internal sealed class SetClock : TimeProvider
{
    /// <summary>The time since it began.</summary>
    public TimeSpan Now { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Now.Ticks;
}
