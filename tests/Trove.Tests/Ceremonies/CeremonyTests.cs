using System.Text;
using Trove.Core.Ceremonies;
using Trove.Crypto;
using Trove.Tests.Crypto;

namespace Trove.Tests.Ceremonies;

/// <summary>
/// Ceremonies among honest guardians: the keys that nobody dealt open parts and compute one function, before and after they went from
/// hand to hand.
/// </summary>
public class CeremonyTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 2)]
    [InlineData(2, 2)]
    [InlineData(2, 3)]
    [InlineData(3, 5)]
    public async Task Any_t_of_a_created_key_open_a_part_and_fewer_do_not(int threshold, int guardians)
    {
        var made = Guild.Run(Guild.Creation(Guild.Committee(1, threshold, [.. Enumerable.Range(0, guardians)])), []);
        Assert.Equal((threshold, guardians), (made.Key.Threshold, made.Key.Guardians));
        using var part = await ThresholdPart.SealAsync(made.Key.Recipient, "what a member contributed"u8.ToArray());
        await OpensWithAnyAsync(made, part);
        ComputesWithAny(made, Output(made, [.. Enumerable.Range(0, threshold)]));
    }

    [Fact]
    public async Task Keys_stay_while_committees_change()
    {
        var made = Guild.Run(Guild.Creation(Guild.Committee(1, 2, 0, 1, 2)), []);
        using var part = await ThresholdPart.SealAsync(made.Key.Recipient, "older than the committee"u8.ToArray());
        string output = Output(made, [0, 1]);
        Committee[] later = [Guild.Committee(2, 2, 0, 1, 2), Guild.Committee(3, 3, 2, 3, 4, 0, 5), Guild.Committee(4, 1, 6, 7), Guild.Committee(5, 4, 6, 1, 2, 3)];
        foreach (var committee in later)
        {
            var changed = Guild.Run(Guild.Change(made, committee), made.Shares);
            Assert.Equal(made.Key.Recipient.PublicKey, changed.Key.Recipient.PublicKey);
            Assert.Equal(made.OprfKey.PublicKey, changed.OprfKey.PublicKey);
            Assert.Empty(changed.Key.Commitments.Intersect(made.Key.Commitments));
            Assert.Empty(changed.OprfKey.Commitments.Intersect(made.OprfKey.Commitments));
            await OpensWithAnyAsync(changed, part);
            ComputesWithAny(changed, output);

            // t − 1 of the old and t' − 1 of the new, under any numbering: their shares lie on different polynomials.
            if (made.Key.Threshold + changed.Key.Threshold - 2 >= changed.Key.Threshold)
            {
                List<PartialDecryption> mixed = [.. made.Shares.Take(made.Key.Threshold - 1).Select(s => s.Custody.Decrypt(part.Proof, part.EphemeralShare, part.Context)),
                    .. changed.Shares.Skip(made.Key.Threshold - 1).Take(changed.Key.Threshold - 1).Select(s => s.Custody.Decrypt(part.Proof, part.EphemeralShare, part.Context))];
                await DoesNotOpenAsync(changed.Key, [.. mixed.TakeLast(changed.Key.Threshold)], part);
                await DoesNotOpenAsync(changed.Key, [.. mixed.Take(changed.Key.Threshold)], part);
            }
            made = changed;
        }
    }

    [Fact]
    public void Largest_committees_change()
    {
        using var dealt = Guild.Deal(Guild.Committee(0, 16, [.. Enumerable.Range(0, 16)]));
        using var changed = Guild.Run(Guild.Change(dealt, Guild.Committee(1, 16, [.. Enumerable.Range(0, 16).Reverse()])), dealt.Shares);
        Assert.All(changed.Shares, shares => Assert.True(shares.Matches(changed.Key, changed.OprfKey)));
    }

    [Fact]
    public void Two_ceremonies_on_the_same_terms_make_two_keys()
    {
        var terms = Guild.Creation(Guild.Committee(1, 2, 0, 1, 2));
        using Outcome one = Guild.Run(terms, []), two = Guild.Run(terms, []);
        Assert.NotEqual(one.Key.Recipient.PublicKey, two.Key.Recipient.PublicKey);
        Assert.NotEqual(one.OprfKey.PublicKey, two.OprfKey.PublicKey);
    }

    // One polynomial for both would make of each partial evaluation a partial decryption.
    [Fact]
    public void Two_keys_of_a_ceremony_have_nothing_in_common()
    {
        using var made = Guild.Run(Guild.Creation(Guild.Committee(1, 2, 0, 1, 2)), []);
        Assert.All(made.Shares, s => Assert.False(s.Custody.Scalar.FixedTimeEquals(s.Oprf.Scalar.Span)));
        Span<byte> one = stackalloc byte[32], two = stackalloc byte[32];
        Edwards25519.SubtractScalars(made.Shares[1].Custody.Scalar.Span, made.Shares[0].Custody.Scalar.Span, one);
        Edwards25519.SubtractScalars(made.Shares[1].Oprf.Scalar.Span, made.Shares[0].Oprf.Scalar.Span, two);
        Assert.False(one.SequenceEqual(two));
    }

    private static void ComputesWithAny(Outcome made, string output)
    {
        int guardians = made.OprfKey.Guardians;
        for (int set = 1; set < 1 << guardians; set++)
        {
            int[] some = [.. Enumerable.Range(0, guardians).Where(i => (set >> i & 1) == 1)];
            if (some.Length < made.OprfKey.Threshold)
                Assert.Equal(ThresholdFailure.TooFew, Assert.Throws<ThresholdException>(() => Output(made, some)).Failure);
            else if (some.Length == made.OprfKey.Threshold)
                Assert.Equal(output, Output(made, some));
        }
    }

    private static string Output(Outcome made, int[] guardians)
    {
        using var blinding = OprfBlinding.Create([Encoding.UTF8.GetBytes("maya_tides")]);
        using var outputs = blinding.Finish(made.OprfKey, [.. guardians.Select(g => made.Shares[g].Oprf.Evaluate(blinding.Blinded))]);
        Assert.Empty(outputs.Liars);
        return Convert.ToHexStringLower(outputs[0]);
    }

    private static async Task OpensWithAnyAsync(Outcome made, ThresholdPart part)
    {
        int threshold = made.Key.Threshold, guardians = made.Key.Guardians;
        List<PartialDecryption> partials = [.. made.Shares.Select(s => s.Custody.Decrypt(part.Proof, part.EphemeralShare, part.Context))];
        for (int set = 1; set < 1 << guardians; set++)
        {
            List<PartialDecryption> some = [.. partials.Where((_, i) => (set >> i & 1) == 1)];
            if (some.Count < threshold)
            {
                await DoesNotOpenAsync(made.Key, some, part);
                continue;
            }
            using var shared = made.Key.Combine(some);
            Assert.Equal(part.Plaintext, await part.OpenAsync(shared));
        }
    }

    // Interpolated by hand: Combine would refuse too few.
    private static async Task DoesNotOpenAsync(ThresholdKey key, IReadOnlyList<PartialDecryption> partials, ThresholdPart part)
    {
        if (partials.Count < key.Threshold)
            Assert.Equal(ThresholdFailure.TooFew, Assert.Throws<ThresholdException>(() => key.Combine(partials)).Failure);
        using SecretBytes point = SecretBytes.Allocate(32), shared = SecretBytes.Allocate(32);
        Edwards25519.Interpolate([.. partials.Select(p => p.Index)], partials.SelectMany(p => p.Point.Span.ToArray()).ToArray(), 0, point.Buffer);
        Assert.True(Edwards25519.ToMontgomery(point.Span, shared.Buffer));
        Assert.Equal(AgeFailure.NoMatch, (await Assert.ThrowsAsync<AgeException>(() => part.OpenAsync(shared))).Failure);
    }
}
