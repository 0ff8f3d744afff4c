using Trove.Core;
using Trove.Node.Api;

namespace Trove.Node.Vault;

/// <summary>What a blob is to its contribution.</summary>
public enum BlobKind
{
    /// <summary>Records sealed to the asset's recipient; anyone may fetch the ciphertext.</summary>
    Part,

    /// <summary>What proves the parts, sealed to the assigned verifiers; served to them only and destroyed after attestation.</summary>
    Evidence,
}

/// <summary>Where a declared blob stands.</summary>
public enum BlobState
{
    /// <summary>Declared; some or none of its bytes are here.</summary>
    Receiving,

    /// <summary>All bytes are here and have the declared hash.</summary>
    Stored,

    /// <summary>Not finished in time; its bytes were dropped. It may be declared again.</summary>
    Expired,

    /// <summary>No longer readable; its bytes are about to be deleted.</summary>
    Destroying,

    /// <summary>Its bytes are gone. It cannot come back under this contribution.</summary>
    Destroyed,
}

/// <summary>One declared blob.</summary>
/// <param name="Sha256">Hash of the ciphertext.</param>
/// <param name="Kind">Part or evidence.</param>
/// <param name="Size">Declared length in bytes.</param>
/// <param name="Received">Bytes that are durable; the offset of the next piece.</param>
/// <param name="State">Where it stands.</param>
/// <param name="EndedAt">When it expired or its bytes were gone.</param>
public sealed record BlobStatus(Hash32 Sha256, BlobKind Kind, long Size, long Received, BlobState State, DateTimeOffset? EndedAt);

/// <summary>Limits of the vault. Each bounds what one stranger can make the node hold.</summary>
public sealed record VaultOptions
{
    /// <summary>Longest blob in bytes.</summary>
    public long BlobBytes { get; init; } = 4L << 30;

    /// <summary>Longest piece in bytes; also what a broken connection costs at most.</summary>
    public int PieceBytes { get; init; } = 8 << 20;

    /// <summary>Blobs one contribution may declare, whatever became of them.</summary>
    public int BlobsPerContribution { get; init; } = 1024;

    /// <summary>Unfinished uploads of one contribution.</summary>
    public int OpenPerContribution { get; init; } = 1024;

    /// <summary>Unfinished uploads of one owner.</summary>
    public int OpenPerOwner { get; init; } = 4096;

    /// <summary>Unfinished uploads in all.</summary>
    public int OpenInAll { get; init; } = 100_000;

    /// <summary>Declared bytes of one owner that are here or may come.</summary>
    public long BytesPerOwner { get; init; } = 64L << 30;

    /// <summary>Pieces being received at one moment; more are asked to come again.</summary>
    public int PiecesAtOnce { get; init; } = Admission.MostPieces;

    /// <summary>Slowest average speed of a piece in bytes per second: against clients that hold a place and send nothing.</summary>
    public int BytesPerSecond { get; init; } = 4096;

    /// <summary>Time a piece has beyond <see cref="BytesPerSecond"/>.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>An unfinished upload is dropped this long after its last accepted piece.</summary>
    public TimeSpan Expiry { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Bytes of the disk that uploads leave free.</summary>
    public long KeepFree { get; init; } = 1L << 30;
}

/// <summary>Why the vault refuses. Each has its own HTTP status and problem code.</summary>
public enum VaultError
{
    /// <summary>No such blob was declared, or there is none under this hash.</summary>
    NotFound,

    /// <summary>The blob was destroyed or its upload expired.</summary>
    Gone,

    /// <summary>The piece does not start where the durable bytes end.</summary>
    WrongOffset,

    /// <summary>A repeated piece has other bytes than the first time.</summary>
    OtherBytes,

    /// <summary>Longer than declared, or than a limit allows.</summary>
    TooLarge,

    /// <summary>Fewer bytes came than were announced.</summary>
    Truncated,

    /// <summary>Slower than the vault waits for.</summary>
    TooSlow,

    /// <summary>All bytes came and have another hash; they were dropped.</summary>
    HashMismatch,

    /// <summary>A quota of the contribution, the owner or the node is used up.</summary>
    Quota,

    /// <summary>Contradicts what was declared before.</summary>
    Conflict,

    /// <summary>Too many pieces are under way.</summary>
    Busy,

    /// <summary>The disk is nearly full.</summary>
    NoSpace,
}

/// <summary>The vault refused; nothing changed, but for the cases that <see cref="VaultError"/> names.</summary>
public sealed class VaultException(VaultError error, string detail, string nextStep, long? received = null)
    : Exception($"{detail}. {nextStep}")
{
    /// <summary>Why.</summary>
    public VaultError Error { get; } = error;

    /// <summary>What happened to which object.</summary>
    public string Detail { get; } = detail;

    /// <summary>What to do.</summary>
    public string NextStep { get; } = nextStep;

    /// <summary>The offset at which the next piece has to start, where the caller needs it.</summary>
    public long? Received { get; } = received;
}
