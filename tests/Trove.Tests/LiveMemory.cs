using System.Runtime.CompilerServices;

namespace Trove.Tests;

/// <summary>Alone in the process while it measures what is live.</summary>
[CollectionDefinition(nameof(LiveMemory), DisableParallelization = true)]
public static class LiveMemory
{
    /// <summary>
    /// Bytes that are free once what was made is let go of. What tests before have left behind is let go of while it is made, so that
    /// the memory before it says nothing.
    /// </summary>
    public static long Of(Func<object> make)
    {
        var holder = new StrongBox<object?>();
        Make();
        long held = GC.GetTotalMemory(forceFullCollection: true);
        holder.Value = null;
        return held - GC.GetTotalMemory(forceFullCollection: true);

        [MethodImpl(MethodImplOptions.NoInlining)] // or the frame of this method might hold it too
        void Make() => holder.Value = make();
    }
}
