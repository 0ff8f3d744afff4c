using Microsoft.Extensions.Hosting;

namespace Trove.Node.Operations;

/// <summary>
/// A background service that shows whether it lives. Each round of its loop beats; without a beat for <paramref name="patience"/>
/// it counts as hanging. One whose task has ended while the node runs counts as dead, whatever it derives from.
/// </summary>
/// <param name="name">What it does, as operators read it.</param>
/// <param name="patience">The longest round that is not yet suspicious; measured by the monotonic clock.</param>
public abstract class Worker(string name, TimeSpan patience) : BackgroundService
{
    private long _beat = TimeProvider.System.GetTimestamp();

    /// <summary>What it does, as operators read it.</summary>
    public string Name => name;

    /// <summary>The longest round that is not yet suspicious.</summary>
    public TimeSpan Patience => patience;

    /// <summary>Time since the last beat.</summary>
    public TimeSpan SinceBeat => TimeProvider.System.GetElapsedTime(Volatile.Read(ref _beat));

    /// <summary>Says that it lives.</summary>
    protected internal void Beat() => Volatile.Write(ref _beat, TimeProvider.System.GetTimestamp());
}
