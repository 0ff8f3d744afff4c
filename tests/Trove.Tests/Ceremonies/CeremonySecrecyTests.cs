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
    /// The simulator of one honest dealer: it knows the points X = f(0)·B of both keys that it is to deal and not their logarithms. It
    /// makes what t' − 1 corrupted members see of the dealing, with the same distribution as the real one: the corrupted shares are
    /// uniform, the commitments follow from X and from them, and to the others go uniform scalars (their pads hash keys that only the
    /// two honest ends know). The proof of possession holds under a challenge chosen first: the one place where the hash is programmed.
    /// </summary>
    private static (DealBody Body, byte[] Nonces) Simulate(CeremonyTerms terms, int dealer, Hash32[] secretPoints, Hash32 dealerPoint, IReadOnlyDictionary<int, SecretBytes> corrupted)
    {
        byte[] challenge = Random(), proof = challenge, nonces = [];
        var commitments = new Hash32[2][];
        var shares = new Hash32[2][];
        for (int key = 0; key < 2; key++)
        {
            var (of, group) = (DealtKey.Both[key], DealtKey.Both[key].Group);
            int[] places = [0, .. corrupted.Keys];
            byte[][] chosen = [.. corrupted.Select(_ => Random())];
            byte[][] points = [secretPoints[key].ToArray(), .. chosen.Select(c => Times(group, c))];
            // C_k = Σ l_m,k·points[m]: the coefficients of Lagrange's polynomials, in the exponent.
            commitments[key] = [.. places.Select((_, k) =>
            {
                byte[] sum = [.. group.Identity];
                for (int m = 0; m < places.Length; m++)
                    Assert.True(group.Add(sum, Times(group, Coefficient(places, m, k), points[m]), sum));
                return new Hash32(sum);
            })];
            shares[key] = [.. Enumerable.Range(1, terms.New.Guardians.Count).Select(member => corrupted.TryGetValue(member, out var p)
                ? Encrypt(of, member, p, chosen[Array.IndexOf(places, member) - 1]) : new Hash32(Random()))];
            byte[] z = Random(), nonce = new byte[32];
            Assert.True(PossessionProof.Image(group, challenge, z, points[0], nonce));
            (proof, nonces) = ([.. proof, .. z], [.. nonces, .. nonce]);
        }
        return (new DealBody(commitments, proof, shares), nonces);

        Hash32 Encrypt(DealtKey of, int member, SecretBytes p, byte[] share)
        {
            using var key = Dealing.Agree(p.Span, dealerPoint);
            return Dealing.Encrypt(of, terms.Id, dealer, member, key, share);
        }
    }

    [Theory]
    [InlineData(2, 3)]
    [InlineData(3, 5)]
    [InlineData(4, 4)]
    public void View_of_fewer_than_t_is_made_of_public_values(int threshold, int guardians)
    {
        var terms = Guild.Creation(Guild.Committee(1, threshold, [.. Enumerable.Range(0, guardians)]));
        Hash32[] targets = [.. DealtKey.Both.Select(k => new Hash32(Times(k.Group, Random())))];
        Hash32 dealerPoint = new(Times(Random()));
        int dealer = guardians; // honest; the corrupted are 1 to t − 1, and their own dealings are their own
        var corrupted = Enumerable.Range(1, threshold - 1).ToDictionary(i => i, _ => new SecretBytes(Random()));
        List<Hash32[][]> dealings = [.. corrupted.Select(_ => DealtKey.Both.Select(k => Dealing.Commit(k.Group, Polynomial(threshold))).ToArray())];

        // The keys are to be the targets whatever the corrupted deal: the simulator knows their commitments from the hashes it answered.
        Hash32[] secretPoints = [.. DealtKey.Both.Select((k, key) =>
        {
            byte[] x = targets[key].ToArray();
            foreach (var dealing in dealings)
                Assert.True(k.Group.Subtract(x, dealing[key][0].ToArray(), x));
            return new Hash32(x);
        })];
        var (body, nonces) = Simulate(terms, dealer, secretPoints, dealerPoint, corrupted);

        // Every check that a real dealing passes: form, points, commitment to the secrets, the corrupted members' shares, the proof.
        var read = DealBody.TryParse(body.Encode())!;
        var sums = new Hash32[2][];
        for (int key = 0; key < 2; key++)
        {
            var (of, group) = (DealtKey.Both[key], DealtKey.Both[key].Group);
            Assert.Equal((threshold, guardians), (read.Commitments[key].Length, read.Shares[key].Length));
            Assert.All(read.Commitments[key], c => Assert.True(group.IsElement(c.ToArray())));
            Assert.Equal(secretPoints[key], read.Commitments[key][0]);
            Assert.True(group.IsElement(nonces.AsSpan(32 * key, 32)));
            foreach (var (member, p) in corrupted)
            {
                using var agreed = Dealing.Agree(p.Span, dealerPoint);
                using var share = Dealing.Decrypt(of, terms.Id, dealer, member, agreed.Span, read.Shares[key][member - 1]);
                Assert.True(Dealing.Fits(group, share.Span, read.Commitments[key], member));
                Assert.False(Dealing.Fits(group, share.Span, read.Commitments[key], member + 1));
            }
            byte[] sum = new byte[32];
            sums[key] = [.. Enumerable.Range(1, guardians).Select(j =>
            {
                byte[] total = [.. group.Identity];
                foreach (var dealing in dealings.Append(read.Commitments))
                {
                    Dealing.Evaluate(group, dealing[key], j, sum);
                    Assert.True(group.Add(total, sum, total));
                }
                return new Hash32(total);
            })];
        }
        // And the sums are keys that the registry takes, with the targets as their points.
        byte[] u = new byte[32];
        Assert.True(Edwards25519.ToMontgomery(targets[0].ToArray(), u));
        ThresholdKey.Create(threshold, sums[0], new X25519Recipient(new Hash32(u)));
        Assert.Equal(targets[1], OprfKey.Create(threshold, sums[1]).PublicKey);
    }

    // Encrypted shares are uniform to who does not know K: the same share under two keys has nothing in common, and every cipher text fits every share.
    [Fact]
    public void Any_encrypted_share_may_be_any_share()
    {
        using SecretBytes one = new(Times(Random())), two = new(Times(Random()));
        byte[] share = Random();
        DealtKey of = DealtKey.Custody;
        var encrypted = Dealing.Encrypt(of, default, 1, 2, one, share);
        Assert.NotEqual(encrypted, Dealing.Encrypt(of, default, 1, 2, two, share));
        Assert.NotEqual(encrypted, Dealing.Encrypt(of, default, 2, 1, one, share)); // K_12 = K_21, but never one pad for two shares
        Assert.NotEqual(encrypted, Dealing.Encrypt(of, Keccak256.Hash([1]), 1, 2, one, share));
        Assert.NotEqual(encrypted, Dealing.Encrypt(DealtKey.Oprf, default, 1, 2, one, share)); // nor for the shares of both keys
        using var other = Dealing.Decrypt(of, default, 1, 2, two.Span, encrypted);
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

    private static byte[] Times(byte[] scalar) => Times(Edwards25519.Group, scalar);

    private static byte[] Times(PrimeGroup group, byte[] scalar)
    {
        var point = new byte[32];
        Assert.True(group.MultiplyBase(scalar, point));
        return point;
    }

    private static byte[] Times(PrimeGroup group, byte[] scalar, byte[] point)
    {
        byte[] product = [.. group.Identity];
        Assert.True(!scalar.AsSpan().ContainsAnyExcept((byte)0) || group.Multiply(scalar, point, product));
        return product;
    }
}
