namespace Trove.Core.Ceremonies;

/// <summary>
/// The rounds of a ceremony as a pure state machine (specs/custody.md, "Ceremony"): which messages are in, when a round closes and
/// with which, who is out, who dealt the key. The same one runs at every guardian and at the coordinator. It knows nothing of
/// cryptography: messages are digests, and what they say comes in as <see cref="MessageFacts"/>. Keeps at most two digests of one
/// author and round.
/// </summary>
public sealed class CeremonyMachine(CeremonyTerms terms)
{
    private readonly Dictionary<(CeremonyRound Round, int Seat), List<Hash32>> _seen = [];
    private readonly Dictionary<CeremonyRound, HashSet<Hash32>> _asked = [];
    private readonly Dictionary<CeremonyRound, IReadOnlyList<ClosedMessage>> _closed = [];
    private readonly List<CeremonyFinding> _findings = [];
    private List<int> _dealers = [];

    /// <summary>The round that is open; <see cref="CeremonyRound.Confirm"/> still when all is over.</summary>
    public CeremonyRound Round { get; private set; } = CeremonyRound.Join;

    /// <summary>Is there a result, confirmed by the whole new committee?</summary>
    public bool Done { get; private set; }

    /// <summary>Why there is none and will be none; null while there may be.</summary>
    public CeremonyFailure? Failure { get; private set; }

    /// <summary>Who did what, in the order in which it was seen.</summary>
    public IReadOnlyList<CeremonyFinding> Findings => _findings;

    /// <summary>Indices of the dealers who are not out, ascending: after <see cref="CeremonyRound.Check"/> those whose dealings are the key's (Q).</summary>
    public IReadOnlyList<int> Dealers => _dealers;

    private bool Over => Done || Failure is not null;

    /// <summary>Does this seat send a message in the open round?</summary>
    public bool Expects(int seat) => !Over && MaySend(Round, seat) && (Round != CeremonyRound.Deal || _dealers.Contains(terms.Seats[seat].Dealer));

    /// <summary>The messages a round was closed with, in order of seats; null while it is not.</summary>
    public IReadOnlyList<ClosedMessage>? Closed(CeremonyRound round) => _closed.GetValueOrDefault(round);

    /// <summary>Takes a message that its author signed.</summary>
    public CeremonyIntake Take(CeremonyRound round, int seat, Hash32 digest)
    {
        if (!MaySend(round, seat))
            return CeremonyIntake.Foreign;
        if (!_seen.TryGetValue((round, seat), out var digests))
        {
            if (Over || _closed.ContainsKey(round))
                return CeremonyIntake.Late;
            _seen.Add((round, seat), [digest]);
            return CeremonyIntake.Taken;
        }
        if (digests.Contains(digest))
            return CeremonyIntake.Known;
        if (digests.Count > 1) // two are the proof, and all that is kept
            return CeremonyIntake.Late;
        digests.Add(digest);
        Find(round, seat, CeremonyFault.Equivocation);
        return CeremonyIntake.Conflict;
    }

    /// <summary>Takes the coordinator's word on what a round closes with. The first one counts.</summary>
    /// <returns><see cref="CeremonyIntake.Conflict"/> where the round is closed, or is to be, with other messages.</returns>
    public CeremonyIntake Take(CeremonyRound round, IReadOnlyList<Hash32> digests)
    {
        if (digests.Count > terms.Seats.Count || !Enum.IsDefined(round))
            return CeremonyIntake.Foreign;
        var set = digests.ToHashSet();
        if (_closed.TryGetValue(round, out var closed))
            return set.SetEquals(closed.Select(m => m.Digest)) ? CeremonyIntake.Known : CeremonyIntake.Conflict;
        if (Over)
            return CeremonyIntake.Late;
        if (_asked.TryAdd(round, set))
            return CeremonyIntake.Taken;
        return set.SetEquals(_asked[round]) ? CeremonyIntake.Known : CeremonyIntake.Conflict;
    }

    /// <summary>Is the message of everyone there of whom one is expected? The coordinator need not wait any longer.</summary>
    public bool Complete => !Over && ExpectedSeats().All(seat => _seen.ContainsKey((Round, seat)));

    /// <summary>What the coordinator closes the open round with: one message of each author, none of those who signed two.</summary>
    public IReadOnlyList<Hash32> Present() =>
        [.. ExpectedSeats().Select(seat => _seen.GetValueOrDefault((Round, seat))).Where(d => d?.Count == 1).Select(d => d![0])];

    /// <summary>
    /// Closes the open round if the coordinator said with which messages and all of them are there. Not without its word, even if a
    /// message of everyone is there: of an author who signed two, some would have one and some the other. Then
    /// <see cref="Settle"/> is to be called with what they say.
    /// </summary>
    /// <returns>The messages in order of seats; null while the round stays open.</returns>
    public IReadOnlyList<ClosedMessage>? TryClose()
    {
        if (Over || _closed.ContainsKey(Round) || !_asked.TryGetValue(Round, out var asked))
            return null;
        List<int> seats = [.. ExpectedSeats()];
        // A message of another round, of somebody who is out, or both of one author: the others cannot have closed with it.
        if (_seen.Any(s => s.Value.Count(asked.Contains) > (s.Key.Round == Round && seats.Contains(s.Key.Seat) ? 1 : 0)))
        {
            Failure = CeremonyFailure.Closing;
            return null;
        }
        List<ClosedMessage> messages = [.. seats.SelectMany(seat => _seen.GetValueOrDefault((Round, seat), []).Where(asked.Contains).Select(d => new ClosedMessage(seat, d)))];
        if (messages.Count < asked.Count)
            return null;
        _closed.Add(Round, messages);
        return messages;
    }

    /// <summary>Goes on to the next round with what the messages of the closed one say.</summary>
    /// <param name="facts">One for each message that <see cref="TryClose"/> gave.</param>
    /// <exception cref="InvalidOperationException">The round is not closed, or the facts are of other messages.</exception>
    public void Settle(IReadOnlyList<MessageFacts> facts)
    {
        if (Over || !_closed.TryGetValue(Round, out var closed) || !closed.Select(m => m.Seat).SequenceEqual(facts.Select(f => f.Seat)))
            throw new InvalidOperationException($"round {Round} of the ceremony cannot be settled: it needs one fact for each message it was closed with");
        foreach (int seat in ExpectedSeats())
        {
            if (facts.FirstOrDefault(f => f.Seat == seat) is { } message)
            {
                if (message.Fault is { } fault)
                    Find(Round, seat, fault);
            }
            else if (!_seen.TryGetValue((Round, seat), out var digests))
                Find(Round, seat, CeremonyFault.Silent);
            else if (digests.Count == 1)
                Find(Round, seat, CeremonyFault.LeftOut);
        }
        var good = facts.Where(f => f.Fault is null).ToList();
        bool everyMember = terms.New.Guardians.All(g => good.Any(f => terms.Seats[f.Seat].Guardian == g));
        switch (Round)
        {
            case CeremonyRound.Join or CeremonyRound.Deal:
                _dealers = [.. good.Where(f => f.Deals).Select(f => terms.Seats[f.Seat].Dealer)];
                break;
            case CeremonyRound.Check:
                Hear(good);
                break;
        }
        if (Round == CeremonyRound.Join && !everyMember)
            Failure = CeremonyFailure.MemberMissing;
        else if (_dealers.Count < terms.DealersNeeded)
            Failure = CeremonyFailure.TooFewDealers;
        else if (Round == CeremonyRound.Confirm)
            (Done, Failure) = (everyMember, everyMember ? null : CeremonyFailure.Unconfirmed);
        else
            Round++;
    }

    /// <summary>The dealings do not add up to a key that can be used.</summary>
    public void RefuseKey() => Failure = CeremonyFailure.Key;

    private void Hear(List<MessageFacts> checks)
    {
        foreach (var check in checks)
        {
            foreach (var complaint in check.Complaints)
            {
                if (!complaint.Holds)
                    Find(Round, check.Seat, CeremonyFault.FalseComplaint);
                else if (_dealers.Remove(complaint.Dealer))
                    Find(Round, terms.SeatOf((terms.Old ?? terms.New).Guardians[complaint.Dealer - 1]), CeremonyFault.WrongShare);
            }
        }
    }

    private bool MaySend(CeremonyRound round, int seat) => seat >= 0 && seat < terms.Seats.Count && round switch
    {
        CeremonyRound.Join => true,
        CeremonyRound.Deal => terms.Seats[seat].Dealer > 0,
        CeremonyRound.Check or CeremonyRound.Confirm => terms.Seats[seat].Member > 0,
        _ => false,
    };

    private IEnumerable<int> ExpectedSeats() => Enumerable.Range(0, terms.Seats.Count).Where(Expects);

    private void Find(CeremonyRound round, int seat, CeremonyFault fault)
    {
        var finding = new CeremonyFinding(round, terms.Seats[seat].Guardian, fault);
        if (!_findings.Contains(finding))
            _findings.Add(finding);
    }
}
