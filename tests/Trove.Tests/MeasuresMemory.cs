using System.Runtime.CompilerServices;

namespace Trove.Tests;

/// <summary>Alone in the process, whose memory it measures: what is live, or what all threads allocate.</summary>
[CollectionDefinition(nameof(MeasuresMemory), DisableParallelization = true)]
public static class MeasuresMemory
{
    /// <summary>
    /// Bytes that are free once what was made is let go of. What tests before have left behind may be let go of while it is made, so
    /// that the memory before it says nothing.
    /// </summary>
    public static long Live(Func<object> make)
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
