using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Trove.Models;

/// <summary>Parts of a step whose time is told apart.</summary>
public enum Stage { Embedding, Norm, Linear, LinearInput, LinearWeights, Rope, Attention, AttentionBackward, SwiGlu, Head, HeadInput, HeadWeights, Loss }

/// <summary>Where the time of a step goes. Off, it costs a test of one field a kernel.</summary>
public sealed class KernelProfile
{
    private readonly long[] _ticks = new long[Enum.GetValues<Stage>().Length];

    /// <summary>Whether time is taken.</summary>
    public bool Enabled { get; set; }

    /// <summary>Milliseconds spent in a stage since <see cref="Reset"/>.</summary>
    public double Milliseconds(Stage stage) => _ticks[(int)stage] * 1000.0 / Stopwatch.Frequency;

    /// <summary>Starts from zero.</summary>
    public void Reset() => Array.Clear(_ticks);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal long Start() => Enabled ? Stopwatch.GetTimestamp() : 0;

    // What passed since the last lap belongs to this stage.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Lap(ref long clock, Stage stage)
    {
        if (!Enabled)
            return;
        long now = Stopwatch.GetTimestamp();
        _ticks[(int)stage] += now - clock;
        clock = now;
    }
}
