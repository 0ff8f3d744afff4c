using System.Text.Json.Nodes;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;
using Trove.Tests.Crypto;
using static Trove.Core.Ceremonies.CeremonyFault;
using static Trove.Core.Ceremonies.CeremonyRound;

namespace Trove.Tests.Ceremonies;

/// <summary>Dealers, members and relays who cheat: out, named, or without a result.</summary>
public class CeremonyAttackTests
{
    // Of either key: both stand or fall with the dealer.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void WrongShare(int key)
    {
        for (int dealer = 0; dealer < 3; dealer++)
        {
            using var table = Table.Creation();
            table.Round();
            table.Round((dealer, m => ForgeDeal(table, dealer, m, d => d.Shares[key][(dealer + 1) % 3] = Dealt(d.Shares[key][(dealer + 1) % 3]))));
            table.Rounds(2);
            table.Agreed(table.Finding(Check, dealer, CeremonyFault.WrongShare));
            Assert.Equal(Enumerable.Range(1, 3).Where(d => d != dealer + 1), table.Coordinator.Dealers);
        }
    }

    [Fact]
    public void WrongSharesOfTooMany()
    {
        using var table = Table.Creation();
        table.Round();
        table.Round((0, m => ForgeDeal(table, 0, m, d => d.Shares[0][2] = Dealt(d.Shares[0][2]))), (1, m => ForgeDeal(table, 1, m, d => d.Shares[1][2] = Dealt(d.Shares[1][2]))));
        table.Round();
        table.Failed(CeremonyFailure.TooFewDealers, table.Finding(Check, 0, CeremonyFault.WrongShare), table.Finding(Check, 1, CeremonyFault.WrongShare));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void WrongShareInAChange(int key)
    {
        using var dealt = Guild.Deal(Guild.Committee(1, 2, 0, 1, 2));
        using var table = Change(dealt);
        table.Round();
        table.Round((1, m => ForgeDeal(table, 1, m, d => d.Shares[key][4] = Dealt(d.Shares[key][4]))));
        table.Rounds(2);
        table.Agreed(table.Finding(Check, 1, CeremonyFault.WrongShare));
        Assert.Equal([1, 3], table.Coordinator.Dealers);
    }

    // The dealing is shown to be the one hashed before, so a dealer cannot make it depend on the others'.
    [Fact]
    public void DealingOfAnotherHash()
    {
        for (int key = 0; key < 2; key++)
        {
            using Table table = Table.Creation(), other = Table.Creation();
            table.Round();
            other.Round();
            var late = DealBody.TryParse(other.Next(1)!.Body)!; // same terms, other randomness
            table.Round((1, m => ForgeDeal(table, 1, m, d => d.Commitments[key] = late.Commitments[key])));
            table.Rounds(2);
            table.Agreed(table.Finding(Deal, 1, Opening));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(16)]
    public void DealingOfAnotherDegree(int count)
    {
        using var table = Table.Creation();
        Hash32[][] commitments = [Points(0, 1, count), Points(1, 1, count)];
        table.Round((2, m => ForgeJoin(table, 2, m, j => j with { Opening = Dealing.Opening(table.Terms.Id, 3, commitments) })));
        table.Round((2, m => table.Sign(2, Deal, (DealBody.TryParse(m!.Body)! with { Commitments = commitments }).Encode())));
        table.Rounds(2);
        table.Agreed(table.Finding(Deal, 2, Form));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void DealingOfAnotherSecret(int key)
    {
        using var dealt = Guild.Deal(Guild.Committee(1, 2, 0, 1, 2));
        using var table = Change(dealt);
        Hash32[][] commitments = [Points(0, 1, 3), Points(1, 1, 3)];
        commitments[1 - key][0] = key == 0 ? dealt.OprfKey.Commitments[0] : dealt.Key.Commitments[0];
        table.Round((0, m => ForgeJoin(table, 0, m, j => j with { Opening = Dealing.Opening(table.Terms.Id, 1, commitments) })));
        table.Round((0, m => table.Sign(0, Deal, (DealBody.TryParse(m!.Body)! with { Commitments = commitments }).Encode())));
        table.Rounds(2);
        table.Agreed(table.Finding(Deal, 0, OtherSecret));
    }

    // A dealer who shows the difference of a point they want and of the others' cannot prove to know its logarithm.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void DealingOfAnUnknownSecret(int key)
    {
        using Table table = Table.Creation();
        // The other key is dealt as it should be, and its half of the proof stands.
        using var same = Replay(table, 0);
        same.Round();
        var commitments = DealBody.TryParse(same.Next(0)!.Body)!.Commitments;
        commitments[key] = Points(key, 77, 2);
        table.Round((0, m => ForgeJoin(table, 0, m, j => j with { Opening = Dealing.Opening(table.Terms.Id, 1, commitments) })));
        table.Round((0, m => ForgeDeal(table, 0, m, d => commitments.CopyTo(d.Commitments, 0))));
        table.Rounds(2);
        table.Agreed(table.Finding(Deal, 0, Proof));
    }

    // Either half alone proves nothing: a proof of two secrets has one challenge for both.
    [Fact]
    public void ProofOfOneOfTwoSecrets()
    {
        byte[] scalars = new byte[64], points = new byte[64], fresh = new byte[32], context = [1, 2, 3];
        (scalars[0], scalars[32]) = (5, 7);
        Edwards25519.MultiplyBase(scalars.AsSpan(..32), points.AsSpan(..32));
        Ristretto255.MultiplyBase(scalars.AsSpan(32..), points.AsSpan(32..));
        Hash32[] both = [new(points.AsSpan(..32)), new(points.AsSpan(32..))];
        var proof = PossessionProof.Create(PossessionProof.OfBoth, scalars, fresh, context);
        Assert.True(PossessionProof.Verify(PossessionProof.OfBoth, proof, both, context));
        scalars[32] = 8;
        var other = PossessionProof.Create(PossessionProof.OfBoth, scalars, fresh, context);
        byte[][] bad = [other, [.. proof[..64], .. other[64..]], [.. other[..64], .. proof[64..]], [.. proof[..32], .. proof[64..], .. proof[32..64]], proof[..64], [.. proof, 0], new byte[96]];
        Assert.All(bad, p => Assert.False(PossessionProof.Verify(PossessionProof.OfBoth, p, both, context)));
        Assert.False(PossessionProof.Verify(PossessionProof.OfBoth, proof, [both[1], both[0]], context));
        Assert.False(PossessionProof.Verify(PossessionProof.OfBoth, proof, both, [1, 2, 4]));
        Assert.False(PossessionProof.Verify(PossessionProof.OfPoint, proof[..64], [both[0]], context));
    }

    private static readonly JsonArray Refused = Checkout.Vectors("threshold.json")["refusedPoints"]!.AsArray();

    [Fact]
    public void PointsThatAreRefused()
    {
        foreach (var vector in Refused)
        {
            var point = Hash32.Parse((string)vector!["point"]!);
            using Table table = Table.Creation(), second = Table.Creation();
            table.Round((1, m => ForgeJoin(table, 1, m, j => j with { Point = point })));
            table.Failed(CeremonyFailure.MemberMissing, table.Finding(Join, 1, CeremonyFault.Point));
            Hash32[][] commitments = [[.. Points(0, 3, 1), point], Points(1, 1, 2)];
            second.Round((1, m => ForgeJoin(second, 1, m, j => j with { Opening = Dealing.Opening(second.Terms.Id, 2, commitments) })));
            second.Coordinator.Receive(ForgeDeal(second, 1, second.Next(1), d => commitments.CopyTo(d.Commitments, 0))!);
            second.Round((1, _ => null));
            Assert.Equal([second.Finding(Deal, 1, CeremonyFault.Point)], second.Coordinator.Findings);
        }
        foreach (var element in new[] { default, new Hash32([.. Enumerable.Repeat((byte)255, 32)]), new Hash32([1, .. new byte[31]]) }) // RFC 9496, appendix A.2: neutral, not canonical, negative
        {
            using var table = Table.Creation();
            Hash32[][] commitments = [Points(0, 1, 2), [.. Points(1, 3, 1), element]];
            table.Round((1, m => ForgeJoin(table, 1, m, j => j with { Opening = Dealing.Opening(table.Terms.Id, 2, commitments) })));
            table.Round((1, m => ForgeDeal(table, 1, m, d => commitments.CopyTo(d.Commitments, 0))));
            Assert.Equal([table.Finding(Deal, 1, CeremonyFault.Point)], table.Coordinator.Findings);
        }
    }

    // Another guardian's point, with its proof: bound to who made it.
    [Fact]
    public void PointOfAnother()
    {
        using var table = Table.Creation();
        var victim = JoinBody.TryParse(table.Next(0)!.Body)!;
        table.Round((1, m => ForgeJoin(table, 1, m, j => j with { Point = victim.Point, Proof = victim.Proof })));
        table.Failed(CeremonyFailure.MemberMissing, table.Finding(Join, 1, Proof));
    }

    [Fact]
    public void FalseComplaints()
    {
        using var table = Table.Creation();
        table.Rounds(2);
        var (member, id) = (table.Seats[2].Transcript, table.Terms.Id);
        Hash32 own = member.Join(2).Point, dealer = member.Join(0).Point;
        using var unrelated = SecretBytes.Random(32);
        unrelated.Buffer[31] = 1;
        // Of a key of their own making.
        var complaint = Dealing.Complain(id, 1, dealer, 3, own, unrelated, new byte[32]);
        List<CheckBody> bodies =
        [
            new([complaint]), new([complaint with { Key = dealer }]), new([complaint with { Key = new Hash32(Edwards25519.Identity) }]), new([complaint with { Key = default }]),
            new([complaint with { Proof = new byte[64] }]), new([complaint with { Dealer = 16 }]), new([complaint, complaint with { Dealer = 2 }]),
        ];
        foreach (var body in bodies)
        {
            using var again = Replay(table, 2);
            again.Round((2, _ => again.Sign(2, Check, body.Encode())));
            again.Round();
            again.Agreed(again.Finding(Check, 2, FalseComplaint));
            Assert.Equal([1, 2, 3], again.Coordinator.Dealers);
        }
    }

    // The proof is right and the share as well: the dealer stays.
    [Fact]
    public void ComplaintAboutARightShare()
    {
        using var table = Table.Creation();
        table.Rounds(2);
        var transcript = table.Coordinator;
        using var scalar = Scalar(table.Seats[2]);
        var complaint = Dealing.Complain(table.Terms.Id, 1, transcript.Join(0).Point, 3, transcript.Join(2).Point, scalar, new byte[32]);
        Assert.True(DecryptionKeyIsRight(transcript, complaint));
        table.Round((2, _ => table.Sign(2, Check, new CheckBody([complaint]).Encode())));
        table.Round();
        table.Agreed(table.Finding(Check, 2, FalseComplaint));
    }

    [Fact]
    public void Check_of_another_form_is_named_and_changes_nothing()
    {
        using var table = Table.Creation();
        table.Rounds(2);
        table.Round((1, _ => table.Sign(1, Check, [1])));
        table.Round();
        table.Agreed(table.Finding(Check, 1, Form));
    }

    [Theory]
    [InlineData(Join, false)]
    [InlineData(Deal, true)]
    [InlineData(Check, true)]
    [InlineData(Confirm, false)]
    public void Two_messages_for_one_round(CeremonyRound round, bool result)
    {
        using var table = Table.Creation();
        table.Rounds((int)round - 1);
        var second = table.Sign(1, round, [1, 2, 3]);
        Assert.Equal(CeremonyIntake.Taken, table.Coordinator.Receive(second));
        Assert.Equal(CeremonyIntake.Conflict, table.Coordinator.Receive(table.Next(1)!));
        Assert.Equal(CeremonyIntake.Late, table.Coordinator.Receive(table.Sign(1, round, [3])));
        table.Rounds(Math.Min(2, 5 - (int)round));
        if (round == Deal)
            table.Round();
        if (result)
            table.Agreed(table.Finding(round, 1, Equivocation));
        else
            table.Failed(round == Join ? CeremonyFailure.MemberMissing : CeremonyFailure.Unconfirmed, table.Finding(round, 1, Equivocation));
    }

    // Seen by some only after the round is closed: the result stands, and the author is named all the same.
    [Fact]
    public void Second_message_after_its_round()
    {
        using var table = Table.Creation();
        table.Rounds(3);
        Assert.Equal(CeremonyIntake.Conflict, table.Coordinator.Receive(table.Sign(0, Deal, [7])));
        table.Round();
        table.Agreed(table.Finding(Deal, 0, Equivocation));
    }

    [Fact]
    public void MessagesOfAnotherCeremony()
    {
        using Table before = new(Guild.Creation(Guild.Committee(1, 2, 0, 1, 2), nonce: 9)), table = Table.Creation();
        before.Rounds(4);
        foreach (var old in before.Coordinator.Messages)
        {
            Assert.Equal(CeremonyIntake.Foreign, table.Coordinator.Receive(old));
            // Under the new ceremony's id the signature is of something else.
            byte[] bytes = old.Encode(), id = table.Terms.Id.ToArray();
            id.CopyTo(bytes, bytes.AsSpan().IndexOf(before.Terms.Id.ToArray()));
            Assert.Equal(CeremonyIntake.BadSignature, table.Coordinator.Receive(CeremonyMessage.Parse(bytes)));
        }
        Assert.All(before.Coordinator.Closings, c => Assert.Equal(CeremonyIntake.Foreign, table.Coordinator.Receive(c)));
        table.Rounds(4);
        table.Agreed();
        // Signed anew, what was dealt there is none here: proofs and hashes are bound to the ceremony.
        using var again = Table.Creation();
        again.Round((0, _ => again.Sign(0, Join, before.Coordinator.Messages.First(m => m.Author == again.Terms.Seats[0].Guardian).Body)));
        again.Failed(CeremonyFailure.MemberMissing, again.Finding(Join, 0, Proof));
    }

    [Fact]
    public void Old_committee_speaks_only_as_dealers()
    {
        using var dealt = Guild.Deal(Guild.Committee(1, 2, 0, 1, 2));
        using var table = Change(dealt); // seat 0 is old only
        table.Rounds(2);
        Assert.Null(table.Next(0));
        Assert.Equal(CeremonyIntake.Foreign, table.Coordinator.Receive(table.Sign(0, Check, [0])));
        Assert.Equal(CeremonyIntake.Foreign, table.Coordinator.Receive(table.Sign(0, Confirm, new byte[193])));
        Assert.Equal(CeremonyIntake.Foreign, table.Coordinator.Receive(CeremonyMessage.Sign(table.Terms, Join, new byte[128], Guild.Key(20))));
        table.Rounds(2);
        table.Agreed();
        Assert.Throws<CeremonyException>(() => table.Seats[0].TakeShares(table.Coordinator.Hash));
        // The shares of the epoch before last deal nothing.
        using var made = new Outcome(table.Terms.New, table.Coordinator.Key!, table.Coordinator.OprfKey!, []);
        Assert.Throws<CeremonyException>(() => CeremonyParticipant.Create(Guild.Change(made, Guild.Committee(3, 1, 9)), table.Terms.New.Guardians[1], dealt.Shares[1]));
    }

    [Fact]
    public void Signed_by_another()
    {
        using var table = Table.Creation();
        var bytes = table.Next(0)!.Encode();
        table.Next(1)!.Signature.CopyTo(bytes, bytes.Length - 65);
        Assert.Equal(CeremonyIntake.BadSignature, table.Coordinator.Receive(CeremonyMessage.Parse(bytes)));
        bytes[^1] ^= 1;
        Assert.Equal(CeremonyIntake.BadSignature, table.Coordinator.Receive(CeremonyMessage.Parse(bytes)));
        Assert.Empty(table.Coordinator.Messages);
    }

    // A relay that leaves a dealer out for some: whoever confirms, confirms another transcript, and there is no result.
    [Fact]
    public void Relay_with_two_faces()
    {
        using var table = Table.Creation();
        table.Round();
        List<CeremonyMessage> deals = [.. Enumerable.Range(0, 3).Select(s => table.Next(s)!)];
        foreach (var seat in table.Seats)
            deals.ForEach(d => seat.Receive(d));
        deals.ForEach(d => table.Coordinator.Receive(d));
        var all = new CeremonyClosing(table.Terms.Id, Deal, [.. deals.Select(d => d.Digest(table.Terms))]);
        table.Seats[0].Receive(all with { Digests = [.. all.Digests.Skip(1)] });
        table.Seats[1].Receive(all);
        table.Seats[2].Receive(all);
        table.Coordinator.Receive(all);
        Assert.Equal(CeremonyIntake.Conflict, table.Seats[0].Receive(all));
        table.Rounds(2);
        Assert.Equal(CeremonyFailure.Unconfirmed, table.Coordinator.Failure);
        Assert.Equal([table.Finding(Confirm, 0, OtherTranscript)], table.Coordinator.Findings);
        // Whatever transcript the chain comes to show, some have no shares of it: those who saw another, none of whom signed it.
        foreach (var transcript in table.Seats.Select(s => s.Transcript.Hash).Distinct())
            Assert.Contains(table.Seats, s => s.Transcript.Hash != transcript && Throws(() => s.TakeShares(transcript)));

        static bool Throws(Action action) => Assert.Throws<CeremonyException>(action) is not null;
    }

    // The chain has the committee, and the relay closes the last round without anybody's confirmation, or never.
    [Fact]
    public void Relay_that_does_not_close_the_last_round()
    {
        using var table = Table.Creation();
        table.Rounds(3);
        List<CeremonyMessage> confirmations = [.. Enumerable.Range(0, 3).Select(s => table.Next(s)!)];
        var hash = table.Seats[0].Transcript.Hash;
        Assert.Throws<CeremonyException>(() => table.Seats[0].TakeShares(Keccak256.Hash([1])));
        using EpochShares open = table.Seats[0].TakeShares(hash), again = Restarted(table.Seats[1]).TakeShares(hash);
        foreach (var seat in table.Seats)
            Assert.Equal(CeremonyIntake.Taken, seat.Receive(new CeremonyClosing(table.Terms.Id, Confirm, [])));
        Assert.All(table.Seats, s => Assert.Equal(CeremonyFailure.Unconfirmed, s.Transcript.Failure));
        using var failed = table.Seats[2].TakeShares(hash);
        confirmations.ForEach(c => table.Coordinator.Receive(c));
        table.Coordinator.Close();
        Assert.All([open, again, failed], s => Assert.True(s.Matches(table.Coordinator.Key!, table.Coordinator.OprfKey!)));
        Assert.Equal([1, 2, 3], new[] { open, again, failed }.Select(s => s.Index));

        static CeremonyParticipant Restarted(CeremonyParticipant seat)
        {
            using var state = seat.Encode();
            return CeremonyParticipant.Parse(state.Span);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Relay_that_keeps_a_complaint_back(int key)
    {
        using var table = Table.Creation();
        table.Round();
        table.Round((0, m => ForgeDeal(table, 0, m, d => d.Shares[key][1] = Dealt(d.Shares[key][1]))));
        table.Round((1, _ => null));
        Assert.Null(table.Next(1)); // its share does not fit, so it confirms nothing
        Assert.Throws<CeremonyException>(() => table.Seats[1].TakeShares(table.Coordinator.Hash));
        table.Round();
        table.Failed(CeremonyFailure.Unconfirmed, table.Finding(Check, 1, Silent), table.Finding(Confirm, 1, Silent));
    }

    [Fact]
    public void Relay_that_closes_without_a_message_that_is_there()
    {
        using var table = Table.Creation();
        table.Round();
        for (int seat = 0; seat < 3; seat++)
            table.Coordinator.Receive(table.Next(seat)!);
        table.Coordinator.Receive(new CeremonyClosing(table.Terms.Id, Deal, [table.Next(0)!.Digest(table.Terms), table.Next(2)!.Digest(table.Terms)]));
        table.Share();
        table.Rounds(2);
        table.Agreed(table.Finding(Deal, 1, LeftOut));
        Assert.Equal([1, 3], table.Coordinator.Dealers);
    }

    [Fact]
    public void SilentDealer()
    {
        using var table = Table.Creation();
        table.Round();
        table.Round((1, _ => null));
        table.Rounds(2);
        table.Agreed(table.Finding(Deal, 1, Silent));
    }

    [Fact]
    public void SilentOldGuardians()
    {
        using var dealt = Guild.Deal(Guild.Committee(1, 2, 0, 1, 2));
        using (var table = Change(dealt))
        {
            table.Round((0, _ => null)); // the one who leaves
            table.Rounds(3);
            table.Agreed(table.Finding(Join, 0, Silent));
        }
        using (var table = Change(dealt))
        {
            table.Round((0, _ => null));
            table.Round((1, _ => null));
            table.Failed(CeremonyFailure.TooFewDealers, table.Finding(Join, 0, Silent), table.Finding(Deal, 1, Silent));
        }
    }

    // It deals nothing, and has a share again.
    [Fact]
    public void Old_guardian_who_lost_its_share()
    {
        using var dealt = Guild.Deal(Guild.Committee(1, 2, 0, 1, 2));
        using var table = Change(dealt);
        table.Seats[1].Dispose();
        table.Seats[1] = CeremonyParticipant.Create(table.Terms, table.Terms.Seats[1].Guardian, null);
        table.Round();
        Assert.Null(table.Next(1));
        table.Rounds(3);
        table.Agreed();
        Assert.Equal([1, 3], table.Coordinator.Dealers);
        // At creation everyone deals.
        using var creation = Table.Creation();
        creation.Round((1, m => ForgeJoin(creation, 1, m, j => j with { Opening = default })));
        creation.Failed(CeremonyFailure.MemberMissing, creation.Finding(Join, 1, Form));
    }

    [Fact]
    public void SilentNewGuardian()
    {
        using var table = Table.Creation();
        table.Round((2, _ => null));
        table.Failed(CeremonyFailure.MemberMissing, table.Finding(Join, 2, Silent));
    }

    [Fact]
    public void ConfirmationWithoutTheShare()
    {
        using var table = Table.Creation();
        table.Rounds(3);
        var proof = ConfirmBody.TryParse(table.Next(0)!.Body)!;
        table.Round((1, _ => table.Sign(1, Confirm, proof.Encode())), (2, _ => table.Sign(2, Confirm, [])));
        table.Failed(CeremonyFailure.Unconfirmed, table.Finding(Confirm, 1, Proof), table.Finding(Confirm, 2, Form));
    }

    // For the registry: every other committee, chain, contract or transcript than the one that came out, and every other author.
    [Fact]
    public void ConfirmationWithoutTheSignature()
    {
        using var dealt = Guild.Deal(Guild.Committee(1, 2, 0, 1, 2));
        using var table = Change(dealt);
        table.Rounds(3);
        var (terms, transcript) = (table.Terms, table.Seats[1].Transcript);
        var (key, oprfKey) = transcript.Proposed!.Value;
        var right = ConfirmBody.TryParse(table.Next(1)!.Body)!;
        Assert.Equal(table.Key(1).Sign(transcript.CommitteeDigest), right.Signature);
        CeremonyTerms Terms(ulong chain, Address contract, uint epoch) => CeremonyTerms.ChangeOf(chain, contract, terms.Nonce,
            new Committee(epoch - 1, terms.Old!.Threshold, terms.Old.Guardians), terms.OldCommitments, terms.OldOprfCommitments, terms.Recipient, new Committee(epoch, terms.New.Threshold, terms.New.Guardians));
        Hash32[] digests =
        [
            CommitteeConfirmation.Digest(Terms(1, Guild.Registry, 2), key, oprfKey, transcript.Hash), CommitteeConfirmation.Digest(Terms(31337, terms.New.Guardians[0], 2), key, oprfKey, transcript.Hash),
            CommitteeConfirmation.Digest(Terms(31337, Guild.Registry, 3), key, oprfKey, transcript.Hash), CommitteeConfirmation.Digest(terms, dealt.Key, oprfKey, transcript.Hash),
            CommitteeConfirmation.Digest(terms, key, dealt.OprfKey, transcript.Hash), CommitteeConfirmation.Digest(terms, key, oprfKey, terms.Id),
        ];
        List<byte[]> bad = [.. digests.Select(table.Key(1).Sign), table.Key(2).Sign(transcript.CommitteeDigest), new byte[65]];
        Assert.Equal(bad.Count, bad.Select(Convert.ToHexString).Distinct().Count());
        foreach (var signature in bad)
        {
            using var again = Replay(table, 3);
            again.Round((1, _ => again.Sign(1, Confirm, (right with { Signature = signature }).Encode())));
            again.Failed(CeremonyFailure.Unconfirmed, again.Finding(Confirm, 1, CeremonyFault.Signature));
        }
    }

    private static Table Change(Outcome dealt) =>
        new(Guild.Change(dealt, Guild.Committee(2, 3, 3, 1, 4, 2, 5)), dealt.Shares);

    // The same table again, as far as it had come.
    private static Table Replay(Table table, int rounds)
    {
        var again = new Table(table.Terms, [.. table.Seats.Select(seat =>
        {
            using var state = seat.Encode();
            return CeremonyParticipant.Parse(state.Span);
        })]);
        foreach (var message in table.Coordinator.Messages)
            again.Coordinator.Receive(message);
        foreach (var closing in table.Coordinator.Closings.Take(rounds))
            again.Coordinator.Receive(closing);
        return again;
    }

    // p_j, derived from the seed at the end of the state as specs/custody.md says.
    private static SecretBytes Scalar(CeremonyParticipant participant)
    {
        using var state = participant.Encode();
        var scalar = SecretBytes.Allocate(32);
        Edwards25519.HashToScalar("trove/ceremony/secret/1"u8, state.Span[^32..], participant.Transcript.Terms.Id.ToArray(), [1, 0], scalar.Buffer);
        return scalar;
    }

    private static bool DecryptionKeyIsRight(CeremonyTranscript transcript, Complaint complaint)
    {
        var deal = transcript.Deal(1);
        return Dealing.FitsBoth(transcript.Terms.Id, 1, deal, 3, complaint.Key.ToArray());
    }

    private static CeremonyMessage ForgeDeal(Table table, int seat, CeremonyMessage? message, Action<DealBody> change)
    {
        var body = DealBody.TryParse(message!.Body)!;
        change(body);
        return table.Sign(seat, Deal, body.Encode());
    }

    private static CeremonyMessage ForgeJoin(Table table, int seat, CeremonyMessage? message, Func<JoinBody, JoinBody> change) =>
        table.Sign(seat, Join, change(JoinBody.TryParse(message!.Body)!).Encode());

    // One more than it should be.
    private static Hash32 Dealt(Hash32 encrypted)
    {
        byte[] one = new byte[32], sum = new byte[32];
        Edwards25519.SmallScalar(1, one);
        Edwards25519.AddScalars(encrypted.ToArray(), one, sum);
        return new Hash32(sum);
    }

    // Of one of the two keys: the multiples from one on.
    private static Hash32[] Points(int key, int from, int count) => [.. Enumerable.Range(from, count).Select(logarithm =>
    {
        byte[] scalar = new byte[32], point = new byte[32];
        Edwards25519.SmallScalar(logarithm, scalar);
        Assert.True(DealtKey.Both[key].Group.MultiplyBase(scalar, point));
        return new Hash32(point);
    })];
}
