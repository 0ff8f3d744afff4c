using System.Text.Json;
using Trove.Core;
using Trove.Node.Database;
using Trove.Node.Protocol;

namespace Trove.Node.Verification;

/// <summary>What waits in a verifier's queue: a contribution to check, or an epoch of an asset to sign.</summary>
public sealed record VerifierJob(Hash32? Contribution, Address? Asset, ulong Epoch)
{
    /// <summary>A verifier may be away for days; its work waits.</summary>
    public const int Attempts = 1_000;

    /// <summary>A contribution to check.</summary>
    public static VerifierJob Check(Hash32 contribution) => new(contribution, null, 0);

    /// <summary>An epoch to recompute and sign.</summary>
    public static VerifierJob Sign(Address asset, ulong epoch) => new(null, asset, epoch);

    /// <summary>Not a verifier's but the node's own: shares of an asset are to be handed out, whatever its epoch.</summary>
    public static VerifierJob HandOut(Address asset) => new(null, asset, 0);

    /// <summary>The queue of one verifier.</summary>
    public static string Topic(Address verifier) => $"verifier/{verifier}";

    /// <summary>As it is stored.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, TroveJson.Options);

    /// <summary>As it was stored.</summary>
    public static VerifierJob Read(WorkItem item) => JsonSerializer.Deserialize<VerifierJob>(item.Payload, TroveJson.Options)!;

    /// <summary>The claim as the verifier carries it.</summary>
    public static string LeaseText(WorkItem item) => $"{item.Id}.{item.LeaseId:N}";

    /// <summary>The claim as the verifier brought it back; null when it is no such text.</summary>
    public static WorkItem? ReadLease(string text, Address verifier) =>
        text.Split('.') is [var id, var lease] && long.TryParse(id, out long number) && Guid.TryParseExact(lease, "N", out var guid)
            ? new WorkItem(number, Topic(verifier), "", 0, guid)
            : null;
}
