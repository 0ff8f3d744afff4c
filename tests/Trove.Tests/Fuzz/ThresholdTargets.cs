using Trove.Core;
using Trove.Crypto;
using static Trove.Tests.Fuzz.FuzzCheckException;

namespace Trove.Tests.Fuzz;

/// <summary>Shares of a key, partial decryptions and their proofs, as guardians and strangers send them.</summary>
internal static class ThresholdTargets
{
    private static readonly AssetKey Key = AssetKey.Deal(2, 3);
    private static readonly X25519Identity Ephemeral = X25519Identity.Generate();
    private static readonly byte[] Knowledge;
    private static readonly List<PartialDecryption> Partials;
    private static readonly byte[] Proof;

    static ThresholdTargets()
    {
        using var secret = SecretBytes.Random(32);
        Knowledge = ProofOfKnowledge.Create(secret, "context"u8);
        var share = X25519.Share(secret.Span);
        Partials = [.. Key.Shares.Select(s => s.Decrypt(Knowledge, share, "context"u8))];
        Proof = Key.Shares[0].Prove(ProofOfKnowledge.PointOf(Knowledge), Partials[0], "use"u8);
    }

    public static IEnumerable<FuzzTarget> All() =>
    [
        new("guardian-share", ["GuardianShare.Parse"], [Bytes(Key.Shares[0].Encode()), Bytes(Key.Shares[2].Encode())], Share, o => o is (9, _), typeof(ThresholdException)),
        new("partial-decryption", ["PartialDecryption.Parse"], [Bytes(Partials[0].Encode())], Partial, o => o is 16, typeof(ThresholdException)),
        new("threshold-key", ["ThresholdKey.Create"], [[2, .. Key.Public.Commitments.SelectMany(c => c.ToArray())], [1, .. Key.Public.Commitments[0].ToArray()]], Create,
            o => o is ThresholdException { Failure: ThresholdFailure.Repeated }, typeof(ThresholdException)) { Record = 32, Cost = 20 },
        new("combine", ["ThresholdKey.Combine"], [[.. Bytes(Partials[0].Encode()), .. Bytes(Partials[1].Encode())], [.. Bytes(Partials[2].Encode()), .. Bytes(Partials[0].Encode())]], Combine,
            o => o is ThresholdException { Failure: ThresholdFailure.Repeated }, typeof(ThresholdException)) { Record = PartialDecryption.Size, Cost = 20 },
        new("decryption-proof", ["ThresholdKey.Verify"], [[.. Proof, .. Bytes(Partials[0].Encode())]], Verify, o => o is (false, true), typeof(ThresholdException)) { Cost = 8 },
    ];

    private static object Share(byte[] input)
    {
        using var share = GuardianShare.Parse(input);
        using var again = share.Encode();
        Require(again.Span.SequenceEqual(input), "not the canonical bytes");
        return (share.Index, share.Threshold);
    }

    private static object Partial(byte[] input)
    {
        using var partial = PartialDecryption.Parse(input);
        using var again = partial.Encode();
        Require(again.Span.SequenceEqual(input), "not the canonical bytes");
        return partial.Index;
    }

    private static object Create(byte[] input)
    {
        if (input.Length == 0)
            return 0;
        var key = ThresholdKey.Create(input[0], [.. input.Skip(1).Chunk(32).Where(c => c.Length == 32).Select(c => new Hash32(c))], Key.Public.Recipient);
        Require(key.Threshold <= key.Guardians, "more are needed than there are");
        return key.Guardians;
    }

    private static object Combine(byte[] input)
    {
        var partials = input.Chunk(PartialDecryption.Size).Select(c => PartialDecryption.Parse(c)).ToList();
        using var secret = Key.Public.Combine(partials);
        return partials.Count;
    }

    // Whatever the proof, and whatever the point: false, or the very one.
    private static object? Verify(byte[] input)
    {
        if (input.Length < ThresholdKey.ProofSize)
            return null;
        using var partial = PartialDecryption.Parse(input.AsSpan(ThresholdKey.ProofSize));
        bool holds = Key.Public.Verify(ProofOfKnowledge.PointOf(Knowledge), partial, input.AsSpan(0, ThresholdKey.ProofSize), "use"u8);
        Require(!holds || (partial.Index == 1 && partial.Point.FixedTimeEquals(Partials[0].Point.Span)), "a proof of a wrong decryption holds");
        return (holds, Edwards25519.Fault(partial.Point.Span) is null && partial.Index != 1);
    }

    private static byte[] Bytes(SecretBytes secret)
    {
        using (secret)
            return secret.Span.ToArray();
    }
}
