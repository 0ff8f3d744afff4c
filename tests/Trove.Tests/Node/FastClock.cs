namespace Trove.Tests.Node;

/// <summary>A clock that runs so many times faster than the machine's: what waits for minutes waits for seconds, in the same order.</summary>
internal sealed class FastClock(int times) : TimeProvider
{
    private readonly long _started = System.GetTimestamp();
    private readonly DateTimeOffset _start = System.GetUtcNow();

    private TimeSpan _skipped;

    /// <summary>Passes time at once; who waits goes on waiting.</summary>
    public void Skip(TimeSpan time) => _skipped += time;

    public override long GetTimestamp() => _started + times * (System.GetTimestamp() - _started) + (long)(_skipped.TotalSeconds * TimestampFrequency);

    public override DateTimeOffset GetUtcNow() => _start + times * System.GetElapsedTime(_started) + _skipped;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        System.CreateTimer(callback, state, Shorter(dueTime), Shorter(period));

    private TimeSpan Shorter(TimeSpan time) => time == Timeout.InfiniteTimeSpan ? time : time / times;
}
