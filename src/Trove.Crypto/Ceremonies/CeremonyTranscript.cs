using Trove.Core;
using Trove.Core.Ceremonies;

namespace Trove.Crypto;

/// <summary>
/// The public side of a ceremony (specs/custody.md, "Ceremony"): takes signed messages in any order and any number, checks what
/// they say as rounds close, and knows the key that comes out. The coordinator needs nothing else; a guardian has one inside its
/// <see cref="CeremonyParticipant"/>. Not safe for several threads at once.
/// </summary>
public sealed class CeremonyTranscript
{
    private readonly CeremonyMachine _machine;
    private readonly Dictionary<Hash32, CeremonyMessage> _messages = [];
    private readonly Dictionary<int, JoinBody> _joins = []; // by seat
    private readonly Dictionary<int, DealBody> _deals = []; // by dealer
    private ThresholdKey? _key;

    /// <summary>A ceremony of which nothing has been seen.</summary>
    /// <exception cref="ThresholdException">The old committee's commitments are no key of the recipient.</exception>
    public CeremonyTranscript(CeremonyTerms terms)
    {
        (Terms, _machine) = (terms, new CeremonyMachine(terms));
        OldKey = terms.Old is { } old ? ThresholdKey.Create(old.Threshold, terms.OldCommitments, new X25519Recipient(terms.Recipient)) : null;
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

    /// <summary>The key, once the whole new committee has confirmed it; null before.</summary>
    public ThresholdKey? Key => _machine.Done ? _key : null;

    /// <summary>What is confirmed: hash over all messages up to the third round, Q and the key. Zero before that round is closed.</summary>
    public Hash32 Hash { get; private set; }

    /// <summary>All messages held, the two of who signed two included: what a coordinator sends to who lacks them.</summary>
    public IReadOnlyCollection<CeremonyMessage> Messages => _messages.Values;

    /// <summary>The signed confirmations of members 1 … n' for who is to believe the result; empty before there is one.</summary>
    public IReadOnlyList<CeremonyMessage> Confirmations => Key is null
        ? []
        : [.. _machine.Closed(CeremonyRound.Confirm)!.OrderBy(m => Terms.Seats[m.Seat].Member).Select(m => _messages[m.Digest])];

    /// <summary>The old committee's key; null at creation.</summary>
    internal ThresholdKey? OldKey { get; }

    /// <summary>The key that is to be confirmed; null before the third round is closed.</summary>
    internal ThresholdKey? Proposed => _key;

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
        if (!PossessionProof.Verify(join.Proof, join.Point, Context(CeremonyRound.Join, seat)))
            return CeremonyFault.Proof;
        _joins[seat] = join;
        return null;
    }

    private CeremonyFault? JudgeDeal(int seat, byte[] body)
    {
        int dealer = Terms.Seats[seat].Dealer;
        if (DealBody.TryParse(body) is not { } deal || deal.Commitments.Length != Terms.New.Threshold || deal.Shares.Length != Terms.New.Guardians.Count)
            return CeremonyFault.Form;
        if (Dealing.Opening(Terms.Id, dealer, deal.Commitments) != _joins[seat].Opening)
            return CeremonyFault.Opening;
        if (Terms.Old is not null && deal.Commitments[0] != Terms.OldCommitments[dealer - 1])
            return CeremonyFault.OtherSecret;
        if (deal.Commitments.Any(c => Edwards25519.Fault(c.ToArray()) is not null))
            return CeremonyFault.Point;
        if (!PossessionProof.Verify(deal.Proof, deal.Commitments[0], Context(CeremonyRound.Deal, seat)))
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
        return PossessionProof.Verify(confirm.Proof, _key!.Commitments[Terms.Seats[seat].Member - 1], Context(CeremonyRound.Confirm, seat)) ? null : CeremonyFault.Proof;
    }

    // S_j = Σ_k j^k·D_k with D_k = Σ λ_i·C_i,k over Q; the key's point is D_0.
    private void Propose()
    {
        var sums = new Hash32[Terms.New.Threshold];
        Span<byte> sum = stackalloc byte[Edwards25519.Size], term = stackalloc byte[Edwards25519.Size], weight = stackalloc byte[Edwards25519.Size];
        for (int k = 0; k < sums.Length; k++)
        {
            Edwards25519.Identity.CopyTo(sum);
            for (int i = 0; i < Dealers.Count; i++)
            {
                Dealing.Weight(Terms, Dealers, i, weight);
                _deals[Dealers[i]].Commitments[k].CopyTo(term);
                Edwards25519.Multiply(weight, term, term);
                Edwards25519.Add(sum, term, sum);
            }
            sums[k] = new Hash32(sum);
        }
        try
        {
            // Sums of prime order can only be the identity or of prime order.
            if (sums.Any(s => Edwards25519.Fault(s.ToArray()) is not null) || !Edwards25519.ToMontgomery(sums[0].ToArray(), sum))
                throw new ThresholdException(ThresholdFailure.Degree, "the dealings cancel each other out");
            var recipient = new X25519Recipient(Terms.Old is null ? new Hash32(sum) : Terms.Recipient);
            _key = ThresholdKey.Create(Terms.New.Threshold, [.. Enumerable.Range(1, Terms.New.Guardians.Count).Select(j => At(sums, j))], recipient);
        }
        catch (ThresholdException)
        {
            _machine.RefuseKey();
            return;
        }
        Hash = HashOf(_key);
    }

    private Hash32 HashOf(ThresholdKey key)
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
        return writer.Hash(key.Recipient.PublicKey).Sha256();
    }

    private static Hash32 At(Hash32[] commitments, int index)
    {
        Span<byte> point = stackalloc byte[Edwards25519.Size];
        Dealing.Evaluate(commitments, index, point);
        return new Hash32(point);
    }

    /// <summary>What a proof of possession is bound to; <see cref="Hash"/> is zero until there is something to confirm.</summary>
    internal byte[] Context(CeremonyRound round, int seat) => new CanonicalWriter("trove/ceremony/possession-context/1")
        .Hash(Terms.Id).UInt32((uint)round).Address(Terms.Seats[seat].Guardian).Hash(Hash).Bytes.ToArray();
}
