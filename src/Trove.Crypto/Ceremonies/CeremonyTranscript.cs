using Trove.Core;
using Trove.Core.Ceremonies;

namespace Trove.Crypto;

/// <summary>
/// The public side of a ceremony (specs/custody.md, "Ceremony"): takes signed messages in any order and any number, checks what
/// they say as rounds close, and knows the keys that come out. The coordinator needs nothing else; a guardian has one inside its
/// <see cref="CeremonyParticipant"/>. Not safe for several threads at once.
/// </summary>
public sealed class CeremonyTranscript
{
    private readonly CeremonyMachine _machine;
    private readonly Dictionary<Hash32, CeremonyMessage> _messages = [];
    private readonly Dictionary<int, JoinBody> _joins = []; // by seat
    private readonly Dictionary<int, DealBody> _deals = []; // by dealer
    private readonly Dictionary<int, byte[]> _confirmations = []; // by member
    private ThresholdKey? _key;
    private OprfKey? _oprfKey;

    /// <summary>A ceremony of which nothing has been seen.</summary>
    /// <exception cref="ThresholdException">The old committee's commitments are no key of the recipient, or none of a pseudorandom function.</exception>
    public CeremonyTranscript(CeremonyTerms terms)
    {
        (Terms, _machine) = (terms, new CeremonyMachine(terms));
        if (terms.Old is { } old)
        {
            OldKey = ThresholdKey.Create(old.Threshold, terms.OldCommitments, new X25519Recipient(terms.Recipient));
            OldOprfKey = OprfKey.Create(old.Threshold, terms.OldOprfCommitments);
        }
    }

    /// <summary>What it is about.</summary>
    public CeremonyTerms Terms { get; }

    /// <summary>The round that is open; <see cref="CeremonyRound.Confirm"/> still when all is over.</summary>
    public CeremonyRound Round => _machine.Round;

    /// <summary>Why there will be no result; null while there may be.</summary>
    public CeremonyFailure? Failure => _machine.Failure;

    /// <summary>Who did what, in the order in which it was seen here.</summary>
    public IReadOnlyList<CeremonyFinding> Findings => _machine.Findings;

    /// <summary>Indices of the dealers who are not out; with a result, of those whose dealings are the key (Q).</summary>
    public IReadOnlyList<int> Dealers => _machine.Dealers;

    /// <summary>The custody key, once the whole new committee has confirmed it; null before.</summary>
    public ThresholdKey? Key => _machine.Done ? _key : null;

    /// <summary>The key of the asset's pseudorandom function, of the same committee; null before all have confirmed it.</summary>
    public OprfKey? OprfKey => _machine.Done ? _oprfKey : null;

    /// <summary>What is confirmed: hash over all messages up to the third round, Q and both keys. Zero before that round is closed.</summary>
    public Hash32 Hash { get; private set; }

    /// <summary>All messages held, the two of who signed two included: what a coordinator sends to who lacks them.</summary>
    public IReadOnlyCollection<CeremonyMessage> Messages => _messages.Values;

    /// <summary>The signatures of members 1 … n' under the committee, 65 bytes each, for the registry
    /// (<see cref="CommitteeConfirmation"/>); empty before there is a result.</summary>
    public IReadOnlyList<byte[]> Confirmations => _machine.Done ? [.. _confirmations.OrderBy(c => c.Key).Select(c => c.Value)] : [];

    /// <summary>The old committee's custody key; null at creation.</summary>
    internal ThresholdKey? OldKey { get; }

    /// <summary>The old committee's key of the pseudorandom function; null at creation.</summary>
    internal OprfKey? OldOprfKey { get; }

    /// <summary>The keys that are to be confirmed; null before the third round is closed.</summary>
    internal (ThresholdKey Custody, OprfKey Oprf)? Proposed => _key is null || _oprfKey is null ? null : (_key, _oprfKey);

    /// <summary>What each member signs for the registry.</summary>
    /// <exception cref="InvalidOperationException">Nothing is proposed.</exception>
    internal Hash32 CommitteeDigest => Proposed is { } keys
        ? CommitteeConfirmation.Digest(Terms, keys.Custody, keys.Oprf, Hash)
        : throw new InvalidOperationException($"ceremony {Terms.Id} has nothing to confirm before its third round is closed");

    /// <summary>Does this seat send a message in the open round?</summary>
    internal bool Expects(int seat) => _machine.Expects(seat);

    internal JoinBody Join(int seat) => _joins[seat];

    internal DealBody Deal(int dealer) => _deals[dealer];

    /// <summary>Takes a message, whoever brings it. <see cref="CeremonyIntake.Taken"/> and <see cref="CeremonyIntake.Conflict"/> are kept.</summary>
    public CeremonyIntake Receive(CeremonyMessage message)
    {
        int seat = Terms.SeatOf(message.Author);
        if (message.Ceremony != Terms.Id || seat < 0)
            return CeremonyIntake.Foreign;
        var digest = message.Digest(Terms);
        if (_messages.ContainsKey(digest))
            return CeremonyIntake.Known;
        if (Secp256k1.Recover(digest, message.Signature) != message.Author)
            return CeremonyIntake.BadSignature;
        var intake = _machine.Take(message.Round, seat, digest);
        if (intake is CeremonyIntake.Taken or CeremonyIntake.Conflict)
        {
            _messages.Add(digest, message);
            Advance();
        }
        return intake;
    }

    /// <summary>Takes the coordinator's closing of a round.</summary>
    public CeremonyIntake Receive(CeremonyClosing closing)
    {
        if (closing.Ceremony != Terms.Id)
            return CeremonyIntake.Foreign;
        var intake = _machine.Take(closing.Round, closing.Digests);
        if (intake == CeremonyIntake.Taken)
            Advance();
        return intake;
    }

    /// <summary>Is everyone's message of the open round there? Then the coordinator closes it; before, when it waits no longer.</summary>
    public bool Complete => _machine.Complete;

    /// <summary>The closings of all rounds that are closed: what a coordinator sends to who lacks them.</summary>
    public IReadOnlyList<CeremonyClosing> Closings =>
        [.. Enum.GetValues<CeremonyRound>().Where(r => _machine.Closed(r) is not null).Select(r => new CeremonyClosing(Terms.Id, r, [.. _machine.Closed(r)!.Select(m => m.Digest)]))];

    /// <summary>
    /// For the coordinator: closes the open round with what is there. Messages that come later are late, so that all whom it sends
    /// its <see cref="Messages"/> and <see cref="Closings"/> come to the same result. Does nothing when the ceremony is over.
    /// </summary>
    public void Close() => Receive(new CeremonyClosing(Terms.Id, Round, _machine.Present()));

    private void Advance()
    {
        while (_machine.TryClose() is { } messages)
        {
            var round = Round;
            _machine.Settle([.. messages.Select(Judge)]);
            if (round == CeremonyRound.Check && Failure is null)
                Propose();
        }
    }

    private MessageFacts Judge(ClosedMessage message)
    {
        var (seat, body) = (message.Seat, _messages[message.Digest].Body);
        return Round switch
        {
            CeremonyRound.Join => new MessageFacts(seat, JudgeJoin(seat, body), Terms.Seats[seat].Dealer > 0 && _joins.TryGetValue(seat, out var join) && !join.Opening.IsZero, []),
            CeremonyRound.Deal => new MessageFacts(seat, JudgeDeal(seat, body), true, []),
            CeremonyRound.Check => CheckBody.TryParse(body) is { } check
                ? new MessageFacts(seat, null, false, [.. check.Complaints.Select(c => new ComplaintFacts(c.Dealer, Holds(seat, c)))])
                : new MessageFacts(seat, CeremonyFault.Form, false, []),
            _ => new MessageFacts(seat, JudgeConfirm(seat, body), false, []),
        };
    }

    private CeremonyFault? JudgeJoin(int seat, byte[] body)
    {
        // At creation everyone deals; in a change an old guardian who lost its share does not.
        if (JoinBody.TryParse(body) is not { } join || (join.Opening.IsZero ? Terms.Old is null : Terms.Seats[seat].Dealer == 0))
            return CeremonyFault.Form;
        if (Edwards25519.Fault(join.Point.ToArray()) is not null)
            return CeremonyFault.Point;
        if (!PossessionProof.Verify(PossessionProof.OfPoint, join.Proof, [join.Point], Context(CeremonyRound.Join, seat)))
            return CeremonyFault.Proof;
        _joins[seat] = join;
        return null;
    }

    private CeremonyFault? JudgeDeal(int seat, byte[] body)
    {
        int dealer = Terms.Seats[seat].Dealer;
        if (DealBody.TryParse(body) is not { } deal || deal.Commitments[0].Length != Terms.New.Threshold || deal.Shares[0].Length != Terms.New.Guardians.Count)
            return CeremonyFault.Form;
        if (Dealing.Opening(Terms.Id, dealer, deal.Commitments) != _joins[seat].Opening)
            return CeremonyFault.Opening;
        if (Terms.Old is not null && (deal.Commitments[0][0] != Terms.OldCommitments[dealer - 1] || deal.Commitments[1][0] != Terms.OldOprfCommitments[dealer - 1]))
            return CeremonyFault.OtherSecret;
        if (DealtKey.Both.Zip(deal.Commitments).Any(k => k.Second.Any(c => !k.First.Group.IsElement(c.ToArray()))))
            return CeremonyFault.Point;
        if (!PossessionProof.Verify(PossessionProof.OfBoth, deal.Proof, [deal.Commitments[0][0], deal.Commitments[1][0]], Context(CeremonyRound.Deal, seat)))
            return CeremonyFault.Proof;
        _deals[dealer] = deal;
        return null;
    }

    private bool Holds(int seat, Complaint complaint) => Dealers.Contains(complaint.Dealer)
        && Dealing.Holds(complaint, Terms.Id, _joins[complaint.Dealer - 1].Point, _deals[complaint.Dealer], Terms.Seats[seat].Member, _joins[seat].Point);

    private CeremonyFault? JudgeConfirm(int seat, byte[] body)
    {
        if (ConfirmBody.TryParse(body) is not { } confirm)
            return CeremonyFault.Form;
        if (confirm.Transcript != Hash)
            return CeremonyFault.OtherTranscript;
        int member = Terms.Seats[seat].Member;
        if (!PossessionProof.Verify(PossessionProof.OfBoth, confirm.Proof, [_key!.Commitments[member - 1], _oprfKey!.Commitments[member - 1]], Context(CeremonyRound.Confirm, seat)))
            return CeremonyFault.Proof;
        if (Secp256k1.Recover(CommitteeDigest, confirm.Signature) != Terms.Seats[seat].Guardian)
            return CeremonyFault.Signature;
        _confirmations[member] = confirm.Signature;
        return null;
    }

    private void Propose()
    {
        try
        {
            Hash32[] custody = Sums(0), oprf = Sums(1);
            Span<byte> u = stackalloc byte[Edwards25519.Size];
            if (!Edwards25519.ToMontgomery(custody[0].ToArray(), u))
                throw new ThresholdException(ThresholdFailure.Degree, "the sum of the dealings has no recipient");
            var recipient = new X25519Recipient(Terms.Old is null ? new Hash32(u) : Terms.Recipient);
            var (key, oprfKey) = (ThresholdKey.Create(Terms.New.Threshold, At(0, custody), recipient), OprfKey.Create(Terms.New.Threshold, At(1, oprf)));
            if (OldOprfKey is not null && oprfKey.PublicKey != OldOprfKey.PublicKey)
                throw new ThresholdException(ThresholdFailure.Recipient, "the dealings are of another pseudorandom function");
            (_key, _oprfKey) = (key, oprfKey);
        }
        catch (ThresholdException)
        {
            _machine.RefuseKey();
            return;
        }
        Hash = HashOf(_key, _oprfKey);
    }

    // D_k = Σ λ_i·C_i,k over Q, of one of the two keys; D_0 is the key's point.
    private Hash32[] Sums(int which)
    {
        var group = DealtKey.Both[which].Group;
        var sums = new Hash32[Terms.New.Threshold];
        Span<byte> sum = stackalloc byte[Edwards25519.Size], term = stackalloc byte[Edwards25519.Size], weight = stackalloc byte[Edwards25519.Size];
        for (int k = 0; k < sums.Length; k++)
        {
            group.Identity.CopyTo(sum);
            for (int i = 0; i < Dealers.Count; i++)
            {
                Dealing.Weight(Terms, Dealers, i, weight);
                _deals[Dealers[i]].Commitments[which][k].CopyTo(term);
                group.Multiply(weight, term, term);
                group.Add(sum, term, sum);
            }
            // Sums of elements of prime order can only be the identity or of prime order.
            if (!group.IsElement(sum))
                throw new ThresholdException(ThresholdFailure.Degree, "the dealings cancel each other out");
            sums[k] = new Hash32(sum);
        }
        return sums;
    }

    // S_j = Σ_k j^k·D_k for all members.
    private Hash32[] At(int which, Hash32[] sums) => [.. Enumerable.Range(1, Terms.New.Guardians.Count).Select(j =>
    {
        Span<byte> point = stackalloc byte[Edwards25519.Size];
        Dealing.Evaluate(DealtKey.Both[which].Group, sums, j, point);
        return new Hash32(point);
    })];

    private Hash32 HashOf(ThresholdKey key, OprfKey oprfKey)
    {
        var writer = new CanonicalWriter("trove/ceremony-transcript/1").Hash(Terms.Id);
        for (var round = CeremonyRound.Join; round <= CeremonyRound.Check; round++)
        {
            var messages = _machine.Closed(round)!;
            writer.UInt32((uint)messages.Count);
            foreach (var message in messages)
                writer.Hash(message.Digest);
        }
        writer.UInt32((uint)Dealers.Count);
        foreach (int dealer in Dealers)
            writer.UInt32((uint)dealer);
        writer.UInt32((uint)key.Threshold).UInt32((uint)key.Guardians);
        foreach (var commitment in key.Commitments)
            writer.Hash(commitment);
        writer.Hash(key.Recipient.PublicKey);
        foreach (var commitment in oprfKey.Commitments)
            writer.Hash(commitment);
        return writer.Sha256();
    }

    /// <summary>What a proof of possession is bound to; <see cref="Hash"/> is zero until there is something to confirm.</summary>
    internal byte[] Context(CeremonyRound round, int seat) => new CanonicalWriter("trove/ceremony/possession-context/1")
        .Hash(Terms.Id).UInt32((uint)round).Address(Terms.Seats[seat].Guardian).Hash(Hash).Bytes.ToArray();
}
