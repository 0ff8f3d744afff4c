using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;

namespace Trove.Tests.Ceremonies;

/// <summary>What fewer than t see of a ceremony is the same whatever the key is; and old shares do not go with new ones.</summary>
public class CeremonySecrecyTests
{
    private const int P = 5;

    // Shamir's part alone, over a field small enough to count all cases: 2 of 3 created by three dealers, then changed by dealers 1
    // and 2. One corrupted guardian knows what it dealt, which is fixed, and all it was dealt, before and after the change.
    [Fact]
    public void View_of_one_of_two_fits_every_secret_equally_often()
    {
        for (int corrupted = 1; corrupted <= 3; corrupted++)
        {
            var counts = new Dictionary<string, int[]>(StringComparer.Ordinal);
            foreach (int[] r in Tuples(6))
            {
                int One(int x) => r[0] + r[1] * x;
                int Two(int x) => r[2] + r[3] * x;
                int Old(int x) => One(x) + Two(x) + 3 + 4 * x;
                int First(int x) => Old(1) + r[4] * x;
                int Second(int x) => Old(2) + r[5] * x;
                // A dealer knows its whole polynomial: its share and what it drew.
                int[] view = [One(corrupted), Two(corrupted), First(corrupted), Second(corrupted), corrupted == 1 ? r[4] : 0, corrupted == 2 ? r[5] : 0];
                Count(counts, view, Old(0));
            }
            Assert.True(counts.Count > P);
            Assert.All(counts.Values, perSecret => Assert.Single(perSecret.Distinct()));
        }
    }

    // t − 1 = 1 share of the old polynomial and t' − 1 = 1 of the new: together still every secret.
    [Fact]
    public void One_old_and_one_new_share_fit_every_secret_equally_often()
    {
        Dictionary<string, int[]> mixed = new(StringComparer.Ordinal), two = new(StringComparer.Ordinal);
        foreach (int[] r in Tuples(4))
        {
            int Old(int x) => r[0] + r[1] * x;
            int New(int x) => 2 * (Old(1) + r[2] * x) - (Old(2) + r[3] * x); // λ_1 = 2, λ_2 = −1
            Assert.Equal(r[0], New(0));
            foreach (int a in new[] { 1, 2, 3 })
                foreach (int b in new[] { 1, 2, 3 })
                    Count(mixed, [a, b, Old(a), New(b)], r[0]);
            Count(two, [New(1), New(2)], r[0]);
        }
        Assert.All(mixed.Values, perSecret => Assert.Single(perSecret.Distinct()));
        Assert.All(two.Values, perSecret => Assert.Equal(1, perSecret.Count(c => c > 0))); // counting sees what gives the secret away
    }

    /// <summary>
    /// The simulator of one honest dealer: it knows the point X = f(0)·B that it is to deal and not its logarithm. It makes what
    /// t' − 1 corrupted members see of the dealing, with the same distribution as the real one: the corrupted shares are uniform,
    /// the commitments follow from X and from them, and to the others go uniform scalars (their pads hash keys that only the two
    /// honest ends know). The proof of possession holds under a challenge chosen first: the one place where the hash is programmed.
    /// </summary>
    private static (DealBody Body, byte[] Nonce) Simulate(CeremonyTerms terms, int dealer, Hash32 secretPoint, Hash32 dealerPoint, IReadOnlyDictionary<int, SecretBytes> corrupted)
    {
        int[] places = [0, .. corrupted.Keys];
        byte[][] chosen = [.. corrupted.Select(_ => Random())];
        byte[][] points = [secretPoint.ToArray(), .. chosen.Select(Times)];
        // C_k = Σ l_m,k·points[m]: the coefficients of Lagrange's polynomials, in the exponent.
        var commitments = new Hash32[places.Length];
        for (int k = 0; k < places.Length; k++)
        {
            byte[] sum = Edwards25519.Identity.ToArray();
            for (int m = 0; m < places.Length; m++)
                Assert.True(Edwards25519.Add(sum, Times(Coefficient(places, m, k), points[m]), sum));
            commitments[k] = new Hash32(sum);
        }
        var shares = Enumerable.Range(1, terms.New.Guardians.Count).Select(member => corrupted.TryGetValue(member, out var p)
            ? Encrypt(member, p, chosen[Array.IndexOf(places, member) - 1]) : new Hash32(Random())).ToArray();
        byte[] proof = [.. Random(), .. Random()], nonce = new byte[32];
        Assert.True(PossessionProof.Nonce(proof, secretPoint.ToArray(), nonce));
        return (new DealBody(commitments, proof, shares), nonce);

        Hash32 Encrypt(int member, SecretBytes p, byte[] share)
        {
            using var key = Dealing.Agree(p.Span, dealerPoint);
            return Dealing.Encrypt(terms.Id, dealer, member, key, share);
        }
    }

    [Theory]
    [InlineData(2, 3)]
    [InlineData(3, 5)]
    [InlineData(4, 4)]
    public void View_of_fewer_than_t_is_made_of_public_values(int threshold, int guardians)
    {
        var terms = Guild.Creation(Guild.Committee(1, threshold, [.. Enumerable.Range(0, guardians)]));
        Hash32 target = new(Times(Random())), dealerPoint = new(Times(Random()));
        int dealer = guardians; // honest; the corrupted are 1 to t − 1, and their own dealings are their own
        var corrupted = Enumerable.Range(1, threshold - 1).ToDictionary(i => i, _ => new SecretBytes(Random()));
        List<Hash32[]> dealings = [.. corrupted.Select(_ => Dealing.Commit(Polynomial(threshold)))];

        // The key is to be the target whatever the corrupted deal: the simulator knows their commitments from the hashes it answered.
        byte[] x = target.ToArray();
        foreach (var dealing in dealings)
            Assert.True(Edwards25519.Subtract(x, dealing[0].ToArray(), x));
        var (body, nonce) = Simulate(terms, dealer, new Hash32(x), dealerPoint, corrupted);

        // Every check that a real dealing passes: form, points, commitment to the secret, the corrupted members' shares, the proof.
        var read = DealBody.TryParse(body.Encode())!;
        Assert.Equal((threshold, guardians), (read.Commitments.Length, read.Shares.Length));
        Assert.All(read.Commitments, c => Assert.Null(Edwards25519.Fault(c.ToArray())));
        Assert.Equal(new Hash32(x), read.Commitments[0]);
        Assert.Null(Edwards25519.Fault(nonce));
        foreach (var (member, p) in corrupted)
        {
            using var key = Dealing.Agree(p.Span, dealerPoint);
            using var share = Dealing.Decrypt(terms.Id, dealer, member, key.Span, read.Shares[member - 1]);
            Assert.True(Dealing.Fits(share.Span, read.Commitments, member));
            Assert.False(Dealing.Fits(share.Span, read.Commitments, member + 1));
        }
        // And the sum is a key that the registry takes, with the target as its point.
        byte[] u = new byte[32], sum = new byte[32];
        Assert.True(Edwards25519.ToMontgomery(target.ToArray(), u));
        ThresholdKey.Create(threshold, [.. Enumerable.Range(1, guardians).Select(j =>
        {
            byte[] total = Edwards25519.Identity.ToArray();
            foreach (var dealing in dealings.Append(read.Commitments))
            {
                Dealing.Evaluate(dealing, j, sum);
                Assert.True(Edwards25519.Add(total, sum, total));
            }
            return new Hash32(total);
        })], new X25519Recipient(new Hash32(u)));
    }

    // Encrypted shares are uniform to who does not know K: the same share under two keys has nothing in common, and every cipher text fits every share.
    [Fact]
    public void Any_encrypted_share_may_be_any_share()
    {
        using SecretBytes one = new(Times(Random())), two = new(Times(Random()));
        byte[] share = Random();
        var encrypted = Dealing.Encrypt(default, 1, 2, one, share);
        Assert.NotEqual(encrypted, Dealing.Encrypt(default, 1, 2, two, share));
        Assert.NotEqual(encrypted, Dealing.Encrypt(default, 2, 1, one, share)); // K_12 = K_21, but never one pad for two shares
        Assert.NotEqual(encrypted, Dealing.Encrypt(Keccak256.Hash([1]), 1, 2, one, share));
        using var other = Dealing.Decrypt(default, 1, 2, two.Span, encrypted);
        Assert.True(Edwards25519.IsBelowOrder(other.Span));
        Assert.False(other.FixedTimeEquals(share));
    }

    private static IEnumerable<int[]> Tuples(int length) =>
        Enumerable.Range(0, (int)Math.Pow(P, length)).Select(n => Enumerable.Range(0, length).Select(i => n / (int)Math.Pow(P, i) % P).ToArray());

    private static void Count(Dictionary<string, int[]> counts, int[] view, int secret)
    {
        string name = string.Join(',', view.Select(v => (v % P + P) % P));
        if (!counts.TryGetValue(name, out var perSecret))
            counts.Add(name, perSecret = new int[P]);
        perSecret[secret % P]++;
    }

    // Coefficient k of ∏_(j ≠ m) (x − x_j) / (x_m − x_j).
    private static byte[] Coefficient(int[] places, int m, int k)
    {
        List<byte[]> product = [Small(1)];
        foreach (int j in places.Where(j => j != places[m]))
        {
            var next = Enumerable.Range(0, product.Count + 1).Select(_ => new byte[32]).ToList();
            for (int i = 0; i < product.Count; i++)
            {
                Edwards25519.AddScalars(next[i + 1], product[i], next[i + 1]);
                byte[] term = new byte[32];
                Edwards25519.MultiplyScalars(product[i], Small(-j), term);
                Edwards25519.AddScalars(next[i], term, next[i]);
            }
            product = next;
        }
        // 1 / ∏ (x_m − x_j) by Lagrange at a place where the numerator is known: at x = 17 it is ∏ (17 − x_j).
        byte[] weight = new byte[32], at = Small(1), result = new byte[32];
        Edwards25519.Lagrange(places, m, 17, weight);
        foreach (int j in places.Where(j => j != places[m]))
            Edwards25519.MultiplyScalars(at, Small(17 - j), at);
        Edwards25519.MultiplyScalars(product[k], weight, result);
        Edwards25519.MultiplyScalars(result, Inverse(at), result);
        return result;
    }

    private static unsafe byte[] Inverse(byte[] scalar)
    {
        var inverse = new byte[32];
        fixed (byte* r = inverse, s = scalar)
            Assert.Equal(0, Native.crypto_core_ed25519_scalar_invert(r, s));
        return inverse;
    }

    private static SecretBytes Polynomial(int threshold) => new(Enumerable.Range(0, threshold).SelectMany(_ => Random()).ToArray());

    private static byte[] Small(int value)
    {
        var scalar = new byte[32];
        Edwards25519.SmallScalar(value, scalar);
        return scalar;
    }

    private static byte[] Random()
    {
        var scalar = new byte[32];
        Edwards25519.RandomScalar(scalar);
        return scalar;
    }

    private static byte[] Times(byte[] scalar)
    {
        var point = new byte[32];
        Assert.True(Edwards25519.MultiplyBase(scalar, point));
        return point;
    }

    private static byte[] Times(byte[] scalar, byte[] point)
    {
        byte[] product = Edwards25519.Identity.ToArray();
        Assert.True(!scalar.AsSpan().ContainsAnyExcept((byte)0) || Edwards25519.Multiply(scalar, point, product));
        return product;
    }
}
