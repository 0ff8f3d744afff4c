using System.Security.Cryptography;
using Trove.Core;
using Trove.Core.Ceremonies;

namespace Trove.Crypto;

/// <summary>
/// Feldman's verifiable sharing (FOCS 1987) with shares encrypted for all to see (specs/custody.md, "Ceremony"), of two keys:
/// C_k = a_k·B, and for member j the scalar f(j) + H(ceremony, i, j, K_ij) with K_ij = p_i·P_j, which i and j alone know.
/// </summary>
internal static class Dealing
{
    /// <summary>C_0 … of the coefficients, f(0) first.</summary>
    public static Hash32[] Commit(PrimeGroup group, SecretBytes coefficients)
    {
        var commitments = new Hash32[coefficients.Length / Edwards25519.Size];
        Span<byte> point = stackalloc byte[Edwards25519.Size];
        for (int k = 0; k < commitments.Length; k++)
        {
            if (!group.MultiplyBase(coefficients.Span.Slice(k * Edwards25519.Size, Edwards25519.Size), point))
                throw ZeroScalar();
            commitments[k] = new Hash32(point);
        }
        return commitments;
    }

    /// <summary>What a dealer's JOIN shows of the commitments before anybody sees them.</summary>
    public static Hash32 Opening(Hash32 ceremony, int dealer, Hash32[][] commitments)
    {
        var writer = new CanonicalWriter("trove/ceremony/commitments/1").Hash(ceremony).UInt32((uint)dealer).UInt32((uint)commitments[0].Length);
        foreach (var commitment in commitments.SelectMany(c => c))
            writer.Hash(commitment);
        return writer.Sha256();
    }

    /// <summary>f(at)·B from commitments of prime order; the identity where f(at) is zero.</summary>
    public static void Evaluate(PrimeGroup group, IReadOnlyList<Hash32> commitments, int at, Span<byte> result)
    {
        Span<byte> x = stackalloc byte[Edwards25519.Size], power = stackalloc byte[Edwards25519.Size], term = stackalloc byte[Edwards25519.Size];
        Edwards25519.SmallScalar(at, x);
        Edwards25519.SmallScalar(1, power);
        group.Identity.CopyTo(result);
        foreach (var commitment in commitments)
        {
            commitment.CopyTo(term);
            if (!group.Multiply(power, term, term) || !group.Add(result, term, result))
                throw new CryptographicException("libsodium refused to evaluate commitments that were found to be of prime order");
            Edwards25519.MultiplyScalars(power, x, power);
        }
    }

    /// <summary>Is this the share at a place of the polynomial committed to?</summary>
    public static bool Fits(PrimeGroup group, ReadOnlySpan<byte> share, IReadOnlyList<Hash32> commitments, int at)
    {
        Span<byte> expected = stackalloc byte[Edwards25519.Size], point = stackalloc byte[Edwards25519.Size];
        Evaluate(group, commitments, at, expected);
        if (!group.MultiplyBase(share, point))
            group.Identity.CopyTo(point); // zero is a share like any other
        return expected.SequenceEqual(point);
    }

    /// <summary>K = p·P for a point of prime order; the caller disposes it.</summary>
    public static SecretBytes Agree(ReadOnlySpan<byte> scalar, Hash32 point)
    {
        var key = SecretBytes.Allocate(Edwards25519.Size);
        Span<byte> p = stackalloc byte[Edwards25519.Size];
        point.CopyTo(p);
        if (!Edwards25519.Multiply(scalar, p, key.Buffer))
            throw ZeroScalar();
        return key;
    }

    /// <summary>f(j) + H(ceremony, i, j, K): uniform to who does not know K.</summary>
    public static Hash32 Encrypt(DealtKey of, Hash32 ceremony, int dealer, int member, SecretBytes key, ReadOnlySpan<byte> share)
    {
        using var sum = SecretBytes.Allocate(Edwards25519.Size);
        Pad(of, ceremony, dealer, member, key.Span, sum.Buffer);
        Edwards25519.AddScalars(share, sum.Span, sum.Buffer);
        return new Hash32(sum.Span);
    }

    /// <summary>The share out of its encryption, which is below L; the caller disposes it.</summary>
    public static SecretBytes Decrypt(DealtKey of, Hash32 ceremony, int dealer, int member, ReadOnlySpan<byte> key, Hash32 encrypted)
    {
        var share = SecretBytes.Allocate(Edwards25519.Size);
        Span<byte> e = stackalloc byte[Edwards25519.Size];
        encrypted.CopyTo(e);
        Pad(of, ceremony, dealer, member, key, share.Buffer);
        Edwards25519.SubtractScalars(e, share.Span, share.Buffer);
        return share;
    }

    /// <summary>Shows K_ij with the proof that log_B P_j = log_(P_i) K_ij, so that anybody can decrypt what this dealer dealt to this member.</summary>
    public static Complaint Complain(Hash32 ceremony, int dealer, Hash32 dealerPoint, int member, Hash32 memberPoint, SecretBytes scalar, ReadOnlySpan<byte> fresh)
    {
        using var key = new PartialDecryption(member, Agree(scalar.Span, dealerPoint));
        return new Complaint(dealer, new Hash32(key.Point.Span),
            DecryptionProof.Create(scalar, fresh, DecryptionProof.Statement(Context(ceremony, dealer), member, memberPoint, dealerPoint, key.Point.Span)));
    }

    /// <summary>Is the proof of the complaint right, and one of the two shares that it uncovers not the one committed to?</summary>
    public static bool Holds(Complaint complaint, Hash32 ceremony, Hash32 dealerPoint, DealBody deal, int member, Hash32 memberPoint)
    {
        using var key = PartialDecryption.Parse([(byte)member, .. complaint.Key.ToArray()]);
        if (Edwards25519.Fault(key.Point.Span) is not null
            || !DecryptionProof.Verify(complaint.Proof, DecryptionProof.Statement(Context(ceremony, complaint.Dealer), member, memberPoint, dealerPoint, key.Point.Span)))
            return false;
        return !FitsBoth(ceremony, complaint.Dealer, deal, member, key.Point.Span);
    }

    /// <summary>Are both shares that a dealing has for a member the ones committed to?</summary>
    public static bool FitsBoth(Hash32 ceremony, int dealer, DealBody deal, int member, ReadOnlySpan<byte> key)
    {
        for (int i = 0; i < DealtKey.Both.Count; i++)
        {
            using var share = Decrypt(DealtKey.Both[i], ceremony, dealer, member, key, deal.Shares[i][member - 1]);
            if (!Fits(DealtKey.Both[i].Group, share.Span, deal.Commitments[i], member))
                return false;
        }
        return true;
    }

    /// <summary>λ_i of a dealer among those who count: 1 at creation, where the dealings are added up.</summary>
    public static void Weight(CeremonyTerms terms, IReadOnlyList<int> dealers, int i, Span<byte> result)
    {
        if (terms.Old is null)
            Edwards25519.SmallScalar(1, result);
        else
            Edwards25519.Lagrange([.. dealers], i, 0, result);
    }

    private static void Pad(DealtKey of, Hash32 ceremony, int dealer, int member, ReadOnlySpan<byte> key, Span<byte> pad)
    {
        Span<byte> statement = stackalloc byte[Hash32.Size + 2];
        ceremony.CopyTo(statement);
        (statement[^2], statement[^1]) = ((byte)dealer, (byte)member);
        Edwards25519.HashToScalar(of.PadDomain, statement, key, [], pad);
    }

    private static byte[] Context(Hash32 ceremony, int dealer) =>
        new CanonicalWriter("trove/ceremony/complaint/1").Hash(ceremony).UInt32((uint)dealer).Bytes.ToArray();

    private static CryptographicException ZeroScalar() =>
        new("libsodium refused a multiplication by a secret of the ceremony, which only a zero scalar explains");
}
