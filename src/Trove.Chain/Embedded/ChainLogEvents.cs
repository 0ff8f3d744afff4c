using Microsoft.Extensions.Logging;

namespace Trove.Chain.Embedded;

/// <summary>Ids and names of what the embedded chain logs: 450 on, of the numbers that <c>Trove.Node.Operations.LogEvents</c> leaves to it. Stable; a number is never given to anything else.</summary>
public static class ChainLogEvents
{
    /// <summary>The end of the journal was not a whole block: nobody was told of it.</summary>
    public static readonly EventId TornBlockDropped = new(450, nameof(TornBlockDropped));

    /// <summary>The chain makes no more blocks until the node is started again.</summary>
    public static readonly EventId ChainEnded = new(451, nameof(ChainEnded));

    /// <summary>The EVM process failed at a block.</summary>
    public static readonly EventId EvmFailed = new(452, nameof(EvmFailed));

    /// <summary>The EVM process is started again.</summary>
    public static readonly EventId EvmRestarting = new(453, nameof(EvmRestarting));

    /// <summary>It could not be.</summary>
    public static readonly EventId EvmNotRestarted = new(454, nameof(EvmNotRestarted));

    /// <summary>A snapshot is of no use, and all blocks are replayed.</summary>
    public static readonly EventId SnapshotUseless = new(455, nameof(SnapshotUseless));

    /// <summary>The chain is where its journal ends.</summary>
    public static readonly EventId ChainReady = new(456, nameof(ChainReady));

    /// <summary>A snapshot could not be written.</summary>
    public static readonly EventId SnapshotNotWritten = new(457, nameof(SnapshotNotWritten));
}
