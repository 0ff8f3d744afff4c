using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;

namespace Trove.Tests.Ceremonies;

/// <summary>Terms, messages, closings and states of another form than the one there is; who may take which seat.</summary>
public class CeremonyFormTests
{
    [Fact]
    public void TermsThatCannotBe()
    {
        var old = Guild.Committee(4, 2, 0, 1, 2);
        using var dealt = Guild.Deal(old);
        IReadOnlyList<Hash32> s = dealt.Key.Commitments, k = dealt.OprfKey.Commitments;
        var point = dealt.Key.Recipient.PublicKey;
        Action[] bad =
        [
            () => Guild.Committee(1, 0, 0), () => Guild.Committee(1, 2, 0), () => Guild.Committee(1, 1), () => Guild.Committee(1, 1, 3, 3), () => Guild.Committee(1, 1, [.. Enumerable.Range(0, 17)]),
            () => _ = new Committee(1, 1, [default]),
            () => CeremonyTerms.Create(1, default, default, old),
            () => CeremonyTerms.ChangeOf(1, Guild.Registry, default, old, s, k, point, Guild.Committee(4, 1, 0)),
            () => CeremonyTerms.ChangeOf(1, Guild.Registry, default, old, s, k, point, Guild.Committee(6, 1, 0)),
            () => CeremonyTerms.ChangeOf(1, Guild.Registry, default, old, [.. s.Skip(1)], k, point, Guild.Committee(5, 1, 0)),
            () => CeremonyTerms.ChangeOf(1, Guild.Registry, default, old, s, [.. k.Skip(1)], point, Guild.Committee(5, 1, 0)),
            () => CeremonyTerms.ChangeOf(1, Guild.Registry, default, old, s, k, default, Guild.Committee(5, 1, 0)),
            () => CeremonyTerms.ChangeOf(1, Guild.Registry, default, Guild.Committee(uint.MaxValue, 1, 0), [point], [point], point, Guild.Committee(0, 1, 0)),
        ];
        Assert.All(bad, make => Assert.Throws<CeremonyException>(make));
        // Commitments that are no key are refused by whoever takes part.
        var forged = CeremonyTerms.ChangeOf(1, Guild.Registry, default, old, [.. s.Reverse()], k, point, Guild.Committee(5, 1, 0));
        Assert.Equal(ThresholdFailure.Recipient, Assert.Throws<ThresholdException>(() => new CeremonyTranscript(forged)).Failure);
        forged = CeremonyTerms.ChangeOf(1, Guild.Registry, default, old, s, [k[0], k[0], k[2]], point, Guild.Committee(5, 1, 0));
        Assert.Equal(ThresholdFailure.Repeated, Assert.Throws<ThresholdException>(() => new CeremonyTranscript(forged)).Failure);
    }

    [Fact]
    public void Terms_are_one_ceremony_each()
    {
        Committee old = Guild.Committee(4, 2, 0, 1, 2), next = Guild.Committee(5, 2, 0, 1, 2);
        using Outcome dealt = Guild.Deal(old), other = Guild.Deal(old);
        IReadOnlyList<Hash32> c = dealt.Key.Commitments, k = dealt.OprfKey.Commitments;
        var r = dealt.Key.Recipient.PublicKey;
        CeremonyTerms[] all =
        [
            CeremonyTerms.Create(1, Guild.Registry, default, next), CeremonyTerms.Create(2, Guild.Registry, default, next), CeremonyTerms.Create(1, Guild.Key(1).Address, default, next),
            CeremonyTerms.Create(1, Guild.Registry, r, next), CeremonyTerms.Create(1, Guild.Registry, default, old), CeremonyTerms.Create(1, Guild.Registry, default, Guild.Committee(5, 3, 0, 1, 2)),
            CeremonyTerms.Create(1, Guild.Registry, default, Guild.Committee(5, 2, 1, 0, 2)),
            CeremonyTerms.ChangeOf(1, Guild.Registry, default, old, c, k, r, next), CeremonyTerms.ChangeOf(1, Guild.Registry, default, old, other.Key.Commitments, k, r, next),
            CeremonyTerms.ChangeOf(1, Guild.Registry, default, old, c, other.OprfKey.Commitments, r, next), CeremonyTerms.ChangeOf(1, Guild.Registry, default, old, k, c, r, next),
            CeremonyTerms.ChangeOf(1, Guild.Registry, default, old, c, k, c[0], next), CeremonyTerms.ChangeOf(1, Guild.Registry, default, Guild.Committee(4, 3, 0, 1, 2), c, k, r, next),
        ];
        Assert.Equal(all.Length, all.Select(t => t.Id).Distinct().Count());
        foreach (var terms in all)
        {
            var again = CeremonyTerms.Parse(terms.Bytes.Span);
            Assert.Equal((terms.Id, terms.Old is null), (again.Id, again.Old is null));
            Assert.Equal(terms.Seats, again.Seats);
            for (int length = 0; length < terms.Bytes.Length; length++)
                Assert.Throws<CeremonyException>(() => CeremonyTerms.Parse(terms.Bytes.Span[..length]));
            Assert.Throws<CeremonyException>(() => CeremonyTerms.Parse([.. terms.Bytes.Span, 0]));
        }
    }

    [Fact]
    public void Largest_message_closing_and_state_are_within_their_bounds()
    {
        var key = Guild.Key(0);
        var terms = Guild.Creation(Guild.Committee(1, 16, [.. Enumerable.Range(0, 16)]));
        var deal = new DealBody([new Hash32[16], new Hash32[16]], new byte[96], [new Hash32[16], new Hash32[16]]);
        var check = new CheckBody([.. Enumerable.Range(1, 16).Select(i => new Complaint(i, default, new byte[64]))]);
        Assert.All(new[] { CeremonyMessage.Sign(terms, CeremonyRound.Deal, deal.Encode(), key), CeremonyMessage.Sign(terms, CeremonyRound.Check, check.Encode(), key) },
            m => Assert.Equal(m.Encode(), CeremonyMessage.Parse(m.Encode()).Encode()));
        Assert.NotNull(DealBody.TryParse(deal.Encode()));
        Assert.NotNull(CheckBody.TryParse(check.Encode()));
        var closing = new CeremonyClosing(terms.Id, CeremonyRound.Join, new Hash32[CeremonyClosing.MaxMessages]);
        Assert.Equal(closing.Encode(), CeremonyClosing.Parse(closing.Encode()).Encode());
        Assert.True(closing.Encode().Length <= CeremonyMessage.MaxSize);
        Assert.Throws<CeremonyException>(() => CeremonyClosing.Parse((closing with { Digests = new Hash32[CeremonyClosing.MaxMessages + 1] }).Encode()));
        Assert.Throws<CeremonyException>(() => CeremonyMessage.Parse(CeremonyMessage.Sign(terms, CeremonyRound.Deal, new byte[CeremonyMessage.MaxSize], key).Encode()));
        Assert.Throws<CeremonyException>(() => CeremonyMessage.Parse(CeremonyMessage.Sign(terms, 0, [], key).Encode()));
        Assert.Throws<CeremonyException>(() => CeremonyMessage.Parse(CeremonyMessage.Sign(terms, (CeremonyRound)5, [], key).Encode()));
        Assert.True(CeremonyParticipant.MaxSize > 8 * CeremonyClosing.MaxMessages * (CeremonyMessage.MaxSize + 8) + CeremonyTerms.MaxSize + 8 * CeremonyMessage.MaxSize);
    }

    [Fact]
    public void BodiesOfAnotherForm()
    {
        var deal = new DealBody([new Hash32[2], new Hash32[2]], new byte[96], [new Hash32[3], new Hash32[3]]).Encode();
        var check = new CheckBody([new Complaint(1, default, new byte[64]), new Complaint(3, default, new byte[64])]).Encode();
        byte[] high = [.. deal];
        high[^1] = 0x10;
        high.AsSpan(high.Length - 32, 31).Fill(0xFF);
        byte[][] deals = [[], [2], deal[..^1], [.. deal, 0], [3, .. deal[1..]], [2, 4, .. deal[2..]], [17, 0, .. new byte[96 + 2 * 17 * 32]], [0, 17, .. new byte[96 + 2 * 17 * 32]], high];
        byte[][] checks = [[], [1], check[..^1], [.. check, 0], [1, .. check[1..]], [17, .. new byte[17 * Complaint.Size]], With(1, 0), With(1, 3), With(1, 17), With(1, 4)];
        Assert.NotNull(DealBody.TryParse(deal));
        Assert.NotNull(CheckBody.TryParse(check));
        Assert.All(deals, b => Assert.Null(DealBody.TryParse(b)));
        Assert.All(checks, b => Assert.Null(CheckBody.TryParse(b)));
        Assert.All([0, 127, 129], n => Assert.Null(JoinBody.TryParse(new byte[n])));
        Assert.All([0, 192, 194], n => Assert.Null(ConfirmBody.TryParse(new byte[n])));

        byte[] With(int at, byte value)
        {
            byte[] changed = [.. check];
            changed[at] = value;
            return changed;
        }
    }

    [Fact]
    public void SeatsThatAreRefused()
    {
        Committee old = Guild.Committee(1, 2, 0, 1, 2);
        using Outcome dealt = Guild.Deal(old), other = Guild.Deal(old);
        using EpochShares half = Mixed(dealt.Shares[0], other.Shares[0], 1), swapped = Mixed(other.Shares[0], dealt.Shares[0], 1), later = Mixed(dealt.Shares[0], dealt.Shares[0], 2);
        CeremonyTerms creation = Guild.Creation(old), change = Guild.Change(dealt, Guild.Committee(2, 2, 2, 3));
        Action[] bad =
        [
            () => CeremonyParticipant.Create(creation, Guild.Key(3).Address, null), () => CeremonyParticipant.Create(creation, Guild.Key(0).Address, dealt.Shares[0]),
            () => CeremonyParticipant.Create(change, Guild.Key(0).Address, null), () => CeremonyParticipant.Create(change, Guild.Key(0).Address, dealt.Shares[1]),
            () => CeremonyParticipant.Create(change, Guild.Key(0).Address, other.Shares[0]), () => CeremonyParticipant.Create(change, Guild.Key(3).Address, dealt.Shares[0]),
            () => CeremonyParticipant.Create(change, Guild.Key(0).Address, half), () => CeremonyParticipant.Create(change, Guild.Key(0).Address, swapped), () => CeremonyParticipant.Create(change, Guild.Key(0).Address, later),
        ];
        Assert.All(bad, create => Assert.Throws<CeremonyException>(create));
        using var participant = CeremonyParticipant.Create(change, Guild.Key(0).Address, dealt.Shares[0]);
        Assert.Throws<ArgumentException>(() => participant.Next(Guild.Key(1)));
        Assert.Throws<CeremonyException>(() => participant.TakeShares(default));

        static EpochShares Mixed(EpochShares custody, EpochShares oprf, uint epoch) => EpochShares.Create(epoch, 1, 2, custody.Custody.Scalar.Span, oprf.Oprf.Scalar.Span);
    }

    [Fact]
    public void SharesOfAnotherForm()
    {
        using var dealt = Guild.Deal(Guild.Committee(uint.MaxValue, 2, 0, 1, 2));
        using var encoded = dealt.Shares[2].Encode();
        byte[] bytes = encoded.Span.ToArray();
        using var again = EpochShares.Parse(bytes);
        Assert.Equal((uint.MaxValue, 3, 2, true), (again.Epoch, again.Index, again.Threshold, again.Matches(dealt.Key, dealt.OprfKey)));
        Assert.DoesNotContain(Convert.ToHexStringLower(bytes[^32..]), again.ToString(), StringComparison.Ordinal);
        int index = bytes.Length - 66;
        byte[][] bad =
        [
            [], bytes[..^1], [.. bytes, 0], [(byte)'T', .. bytes[1..]], With(index, 0), With(index, 17), With(index + 1, 0), With(index + 1, 17),
            [.. bytes[..^32], .. new byte[32]], [.. bytes[..^32], .. Edwards25519.Order], [.. bytes[..^64], .. new byte[32], .. bytes[^32..]], [.. bytes[..^64], .. Edwards25519.Order, .. bytes[^32..]],
        ];
        Assert.All(bad, b => Assert.Equal(ThresholdFailure.Encoding, Assert.Throws<ThresholdException>(() => EpochShares.Parse(b)).Failure));

        byte[] With(int at, byte value)
        {
            byte[] changed = [.. bytes];
            changed[at] = value;
            return changed;
        }
    }

    [Fact]
    public void StateOfAnotherForm()
    {
        using var dealt = Guild.Deal(Guild.Committee(1, 2, 0, 1, 2));
        using var table = new Table(Guild.Change(dealt, Guild.Committee(2, 2, 2, 3)), dealt.Shares);
        table.Rounds(2);
        using var state = table.Seats[1].Encode();
        byte[] bytes = state.Span.ToArray();
        using (var again = CeremonyParticipant.Parse(bytes))
        using (var encoded = again.Encode())
        {
            Assert.True(encoded.Span.SequenceEqual(bytes));
            Assert.Equal(table.Coordinator.Closings.Count, again.Transcript.Closings.Count);
        }
        Assert.All([0, 1, 30, 60, bytes.Length - EpochShares.Size - 1, bytes.Length - 1], length => Assert.Throws<CeremonyException>(() => CeremonyParticipant.Parse(bytes.AsSpan(0, length))));
        Assert.Throws<CeremonyException>(() => CeremonyParticipant.Parse([.. bytes, 0]));
        Assert.Throws<CeremonyException>(() => CeremonyParticipant.Parse(new byte[CeremonyParticipant.MaxSize + 1]));
        // A message whose signature was changed on disk, and one that stands twice.
        byte[] message = table.Coordinator.Messages.First().Encode(), broken = [.. bytes], twice = [.. bytes];
        int at = bytes.AsSpan().IndexOf(message);
        broken[at + message.Length - 2] ^= 1;
        Assert.Throws<CeremonyException>(() => CeremonyParticipant.Parse(broken));
        Assert.Throws<CeremonyException>(() => CeremonyParticipant.Parse([.. twice.AsSpan(0, at - 8), .. twice.AsSpan(at - 8, message.Length + 8), .. twice.AsSpan(at - 8)]));
        // The share of another guardian.
        using var other = dealt.Shares[0].Encode();
        Assert.Throws<CeremonyException>(() => CeremonyParticipant.Parse([.. bytes.AsSpan(0, bytes.Length - EpochShares.Size), .. other.Span]));
    }
}
