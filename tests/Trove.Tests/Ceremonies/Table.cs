using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;

namespace Trove.Tests.Ceremonies;

/// <summary>A ceremony step by step with an honest coordinator, where single messages can be replaced by what a cheater would send.</summary>
internal sealed class Table : IDisposable
{
    public Table(CeremonyTerms terms, IReadOnlyList<EpochShares>? shares = null)
        : this(terms, [.. terms.Seats.Select(s => CeremonyParticipant.Create(terms, s.Guardian, terms.Old is null || s.Dealer == 0 ? null : shares![s.Dealer - 1]))])
    {
    }

    public Table(CeremonyTerms terms, CeremonyParticipant[] seats) => (Terms, Coordinator, Seats) = (terms, new CeremonyTranscript(terms), seats);

    public CeremonyTerms Terms { get; }

    public CeremonyTranscript Coordinator { get; }

    public CeremonyParticipant[] Seats { get; }

    public static Table Creation(int threshold = 2, int guardians = 3) => new(Guild.Creation(Guild.Committee(1, threshold, [.. Enumerable.Range(0, guardians)])));

    public SigningKey Key(int seat) => Guild.Key(Terms.Seats[seat].Guardian);

    public CeremonyMessage? Next(int seat) => Seats[seat].Next(Key(seat));

    public CeremonyMessage Sign(int seat, CeremonyRound round, byte[] body) => CeremonyMessage.Sign(Terms, round, body, Key(seat));

    /// <summary>One round: everyone's message, but of these seats what the caller makes of it (null for silence).</summary>
    public void Round(params (int Seat, Func<CeremonyMessage?, CeremonyMessage?> Forge)[] forgeries)
    {
        for (int seat = 0; seat < Seats.Length; seat++)
        {
            var message = Next(seat);
            foreach (var (_, forge) in forgeries.Where(f => f.Seat == seat))
                message = forge(message);
            if (message is not null)
                Coordinator.Receive(message);
        }
        Coordinator.Close();
        Share();
    }

    /// <summary>Everybody gets all that the coordinator has.</summary>
    public void Share()
    {
        foreach (var seat in Seats)
        {
            foreach (var message in Coordinator.Messages)
                seat.Receive(message);
            foreach (var closing in Coordinator.Closings)
                seat.Receive(closing);
        }
    }

    public void Rounds(int count)
    {
        for (int i = 0; i < count; i++)
            Round();
    }

    /// <summary>A result that all agree on, with shares that open; and nobody is blamed but these.</summary>
    public ThresholdKey Agreed(params CeremonyFinding[] findings)
    {
        Assert.Null(Coordinator.Failure);
        var key = Coordinator.Key!;
        Assert.Equal(findings, Coordinator.Findings);
        Assert.All(Seats, p => Assert.Equal(Coordinator.Hash, p.Transcript.Hash));
        Assert.All(Seats, p => Assert.Equal(findings, p.Transcript.Findings));
        foreach (var seat in Seats.Where(p => Terms.New.IndexOf(p.Guardian) > 0))
        {
            using var shares = seat.TakeShares(Coordinator.Hash);
            Assert.True(shares.Matches(key, Coordinator.OprfKey!));
            Assert.Equal((Terms.New.Epoch, Terms.New.IndexOf(seat.Guardian)), (shares.Epoch, shares.Index));
        }
        if (Terms.Old is not null)
            Assert.Equal((Terms.Recipient, OprfKey.Create(Terms.Old.Threshold, Terms.OldOprfCommitments).PublicKey), (key.Recipient.PublicKey, Coordinator.OprfKey!.PublicKey));
        var digest = CommitteeConfirmation.Digest(Terms, key, Coordinator.OprfKey!, Coordinator.Hash);
        Assert.Equal(Terms.New.Guardians.Select(g => (Address?)g), Coordinator.Confirmations.Select(c => Secp256k1.Recover(digest, c)));
        return key;
    }

    public void Failed(CeremonyFailure failure, params CeremonyFinding[] findings)
    {
        Assert.Equal((failure, null, null), (Coordinator.Failure, Coordinator.Key, Coordinator.OprfKey));
        Assert.Empty(Coordinator.Confirmations);
        Assert.Equal(findings, Coordinator.Findings);
        Assert.All(Seats, p => Assert.Equal(failure, p.Transcript.Failure));
        Assert.All(Seats, p => Assert.Equal(findings, p.Transcript.Findings));
        Assert.All(Seats, p => Assert.Throws<CeremonyException>(() => p.TakeShares(default)));
        Assert.All(Enumerable.Range(0, Seats.Length), seat => Assert.Null(Next(seat)));
    }

    public CeremonyFinding Finding(CeremonyRound round, int seat, CeremonyFault fault) => new(round, Terms.Seats[seat].Guardian, fault);

    public void Dispose()
    {
        foreach (var seat in Seats)
            seat.Dispose();
    }
}
