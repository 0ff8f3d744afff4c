using System.Security.Cryptography;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Tests.Crypto;

/// <summary>
/// A stranger copies a victim's ephemeral share into a file of their own and asks for its release: the shared secret they
/// would be given opens the victim's file. They know all that is public, and not the ephemeral secret.
/// </summary>
public class ThresholdAttackTests
{
    private static readonly Address Stranger = Address.Parse("0x" + new string('5', 40));
    private static readonly Hash32 StrangersContribution = Hash32.Parse(new string('5', 64));

    [Fact]
    public async Task Copied_ephemeral_share_is_not_released()
    {
        using var key = AssetKey.Deal(2, 3);
        using var victim = await ThresholdPart.SealAsync(key.Public.Recipient, "private"u8.ToArray());

        // What is refused below is worth having: released for the victim's own leaf, it opens the file.
        using var released = key.Public.Combine([.. key.Shares.Skip(1).Select(share => share.Decrypt(victim.Proof, victim.EphemeralShare, victim.Context))]);
        Assert.Equal(victim.Plaintext, await victim.OpenAsync(released));

        var header = await StrangersFile(victim.EphemeralShare);
        var context = PartDescriptor.ProofContext(31337, ThresholdPart.Ledger, ThresholdPart.Asset, StrangersContribution, Stranger, header);
        foreach (var (attempt, share, proof) in Attempts(victim, key.Public, context))
        {
            foreach (var guardian in key.Shares)
            {
                var refusal = Record.Exception(() => guardian.Decrypt(proof, share, context));
                Assert.True(refusal is ThresholdException { Failure: ThresholdFailure.Proof }, $"{attempt}: {guardian} answered {refusal?.Message ?? "with its partial decryption"}");
            }
        }
    }

    // One field of the leaf is enough to make it another leaf.
    [Fact]
    public async Task Proof_is_good_for_one_leaf()
    {
        using var key = AssetKey.Deal(2, 3);
        using var victim = await ThresholdPart.SealAsync(key.Public.Recipient, [1]);
        var header = await StrangersFile(victim.EphemeralShare);
        byte[][] contexts =
        [
            PartDescriptor.ProofContext(1, ThresholdPart.Ledger, ThresholdPart.Asset, ThresholdPart.Contribution, ThresholdPart.Owner, victim.HeaderHash),
            PartDescriptor.ProofContext(31337, Stranger, ThresholdPart.Asset, ThresholdPart.Contribution, ThresholdPart.Owner, victim.HeaderHash),
            PartDescriptor.ProofContext(31337, ThresholdPart.Ledger, Stranger, ThresholdPart.Contribution, ThresholdPart.Owner, victim.HeaderHash),
            PartDescriptor.ProofContext(31337, ThresholdPart.Ledger, ThresholdPart.Asset, StrangersContribution, ThresholdPart.Owner, victim.HeaderHash),
            PartDescriptor.ProofContext(31337, ThresholdPart.Ledger, ThresholdPart.Asset, ThresholdPart.Contribution, Stranger, victim.HeaderHash),
            PartDescriptor.ProofContext(31337, ThresholdPart.Ledger, ThresholdPart.Asset, ThresholdPart.Contribution, ThresholdPart.Owner, header),
            [], victim.Context[..^1], [.. victim.Context, 0],
        ];
        foreach (var context in contexts)
            Assert.Equal(ThresholdFailure.Proof, Assert.Throws<ThresholdException>(() => key.Shares[0].Decrypt(victim.Proof, victim.EphemeralShare, context)).Failure);
        using var own = key.Shares[0].Decrypt(victim.Proof, victim.EphemeralShare, victim.Context);
        Assert.Equal(1, own.Index);
    }

    // Who knows A only can name multiples and sums of it, from whose release that of A would follow.
    private static IEnumerable<(string Attempt, Hash32 Share, byte[] Proof)> Attempts(ThresholdPart victim, ThresholdKey key, byte[] context)
    {
        byte[] a = victim.Proof[..32], r = victim.Proof[32..64], s = victim.Proof[64..];
        yield return ("the victim's proof", victim.EphemeralShare, victim.Proof);

        using var secret = SecretBytes.Random(32);
        var own = ProofOfKnowledge.Create(secret, context);
        yield return ("a proof of a secret of their own", victim.EphemeralShare, own);
        yield return ("their own proof with the victim's point", victim.EphemeralShare, [.. a, .. own[32..]]);
        yield return ("the victim's point and nonce with another s", victim.EphemeralShare, [.. a, .. r, .. Scalar()]);
        yield return ("the victim's point under the other sign", victim.EphemeralShare, [.. Negated(a), .. r, .. s]);

        // The equation holds for a challenge that was chosen first; it is not the hash.
        yield return ("a simulated proof", victim.EphemeralShare, Simulated(a));

        // A' = x·A, with the proof scaled along: s·A would be 1/x times what is released.
        byte[] x = Scalar(), scaled = Times(x, a), scaledS = new byte[32];
        Edwards25519.MultiplyScalars(x, s, scaledS);
        yield return ("the point times x, the proof times x", Montgomery(scaled), [.. scaled, .. Times(x, r), .. scaledS]);
        yield return ("the point times x, simulated", Montgomery(scaled), Simulated(scaled));

        // A' = A + x·B: s·A would be what is released less x·S.
        byte[] sum = new byte[32], multiple = new byte[32];
        Assert.True(Edwards25519.MultiplyBase(x, multiple) && Edwards25519.Add(a, multiple, sum));
        yield return ("the point plus x·B, simulated", Montgomery(sum), Simulated(sum));
        yield return ("the point plus x·B, the victim's nonce", Montgomery(sum), [.. sum, .. r, .. s]);

        // A commitment as the point: what is released would be s_i·S_1.
        var commitment = key.Commitments[0].ToArray();
        yield return ("a guardian's commitment, simulated", Montgomery(commitment), Simulated(commitment));
    }

    // R = s·B − c·A for s and c of one's own.
    private static byte[] Simulated(byte[] point)
    {
        byte[] s = Scalar(), c = Scalar(), nonce = new byte[32];
        Assert.True(Edwards25519.MultiplyBase(s, nonce) && Edwards25519.Subtract(nonce, Times(c, point), nonce));
        return [.. point, .. nonce, .. s];
    }

    // An age file whose only stanza names the victim's E: well formed, and its header hash is the stranger's own.
    private static async Task<Hash32> StrangersFile(Hash32 share)
    {
        using var fileKey = SecretBytes.Random(16);
        var stanza = new AgeStanza(["X25519", Base64Strict.Encode(share.ToArray())], RandomNumberGenerator.GetBytes(32));
        var header = AgeHeader.Create([stanza], fileKey);
        var file = new MemoryStream();
        await AgeFile.WriteFile(new MemoryStream([1]), new StreamSink(file), header, fileKey, null, async: true, default);
        return header.Hash;
    }

    private static byte[] Scalar()
    {
        var scalar = new byte[32];
        Edwards25519.RandomScalar(scalar);
        return scalar;
    }

    private static byte[] Times(byte[] scalar, byte[] point)
    {
        var product = new byte[32];
        Assert.True(Edwards25519.Multiply(scalar, point, product));
        return product;
    }

    private static byte[] Negated(byte[] point)
    {
        var negative = new byte[32];
        Assert.True(Edwards25519.Subtract(Edwards25519.Identity, point, negative));
        return negative;
    }

    private static Hash32 Montgomery(byte[] point)
    {
        var u = new byte[32];
        Assert.True(Edwards25519.ToMontgomery(point, u));
        return new Hash32(u);
    }
}
