using Trove.Core.Ceremonies;
using Trove.Crypto;
using Trove.Tests.Crypto;

namespace Trove.Tests.Ceremonies;

/// <summary>Ceremonies among honest guardians: the key that nobody dealt opens parts, before and after it went from hand to hand.</summary>
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
    }

    [Fact]
    public async Task Key_stays_while_committees_change()
    {
        var made = Guild.Run(Guild.Creation(Guild.Committee(1, 2, 0, 1, 2)), []);
        using var part = await ThresholdPart.SealAsync(made.Key.Recipient, "older than the committee"u8.ToArray());
        Committee[] later = [Guild.Committee(2, 2, 0, 1, 2), Guild.Committee(3, 3, 2, 3, 4, 0, 5), Guild.Committee(4, 1, 6, 7), Guild.Committee(5, 4, 6, 1, 2, 3)];
        foreach (var committee in later)
        {
            var changed = Guild.Run(Guild.Change(made.Committee, made.Key, committee), made.Shares);
            Assert.Equal(made.Key.Recipient.PublicKey, changed.Key.Recipient.PublicKey);
            Assert.Empty(changed.Key.Commitments.Intersect(made.Key.Commitments));
            await OpensWithAnyAsync(changed, part);

            // t − 1 of the old and t' − 1 of the new, under any numbering: their shares lie on different polynomials.
            if (made.Key.Threshold + changed.Key.Threshold - 2 >= changed.Key.Threshold)
            {
                List<PartialDecryption> mixed = [.. made.Shares.Take(made.Key.Threshold - 1).Select(s => s.Decrypt(part.Proof, part.EphemeralShare, part.Context)),
                    .. changed.Shares.Skip(made.Key.Threshold - 1).Take(changed.Key.Threshold - 1).Select(s => s.Decrypt(part.Proof, part.EphemeralShare, part.Context))];
                await DoesNotOpenAsync(changed.Key, [.. mixed.TakeLast(changed.Key.Threshold)], part);
                await DoesNotOpenAsync(changed.Key, [.. mixed.Take(changed.Key.Threshold)], part);
            }
            made = changed;
        }
    }

    [Fact]
    public void Largest_committees_change()
    {
        using var dealt = AssetKey.Deal(16, 16);
        var changed = Guild.Run(Guild.Change(Guild.Committee(0, 16, [.. Enumerable.Range(0, 16)]), dealt.Public, Guild.Committee(1, 16, [.. Enumerable.Range(0, 16).Reverse()])), dealt.Shares);
        Assert.All(changed.Shares, share => Assert.True(share.Matches(changed.Key)));
    }

    [Fact]
    public void Two_ceremonies_on_the_same_terms_make_two_keys()
    {
        var terms = Guild.Creation(Guild.Committee(1, 2, 0, 1, 2));
        Assert.NotEqual(Guild.Run(terms, []).Key.Recipient.PublicKey, Guild.Run(terms, []).Key.Recipient.PublicKey);
    }

    private static async Task OpensWithAnyAsync(Outcome made, ThresholdPart part)
    {
        int threshold = made.Key.Threshold, guardians = made.Key.Guardians;
        List<PartialDecryption> partials = [.. made.Shares.Select(s => s.Decrypt(part.Proof, part.EphemeralShare, part.Context))];
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
