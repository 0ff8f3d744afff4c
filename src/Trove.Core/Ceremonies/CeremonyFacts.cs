namespace Trove.Core.Ceremonies;

/// <summary>The rounds, in order.</summary>
public enum CeremonyRound
{
    /// <summary>Everyone shows a fresh point, dealers also the hash of what they are going to deal.</summary>
    Join = 1,

    /// <summary>Dealers show their commitments and the encrypted shares.</summary>
    Deal,

    /// <summary>New members say which of their shares are wrong.</summary>
    Check,

    /// <summary>New members sign what came of it.</summary>
    Confirm,
}

/// <summary>What became of something that was handed in.</summary>
public enum CeremonyIntake
{
    /// <summary>Taken.</summary>
    Taken,

    /// <summary>It was there already.</summary>
    Known,

    /// <summary>Its author signed another message for this round, and both are kept; or the coordinator closed the round with other messages.</summary>
    Conflict,

    /// <summary>The round is closed without it, the ceremony is over, or two messages of its author are there already.</summary>
    Late,

    /// <summary>It belongs to another ceremony, or its author has no part in this round.</summary>
    Foreign,

    /// <summary>The signature is not that of its author.</summary>
    BadSignature,
}

/// <summary>What somebody did wrong, or did not do.</summary>
public enum CeremonyFault
{
    /// <summary>No message came before the round was closed.</summary>
    Silent,

    /// <summary>The coordinator closed the round without the message, which was there.</summary>
    LeftOut,

    /// <summary>Two different signed messages for one round.</summary>
    Equivocation,

    /// <summary>The message's body has not the form that its round and the terms ask for.</summary>
    Form,

    /// <summary>A point is none of prime order, canonically encoded.</summary>
    Point,

    /// <summary>A proof of possession does not hold.</summary>
    Proof,

    /// <summary>The dealing is not the one whose hash was shown before.</summary>
    Opening,

    /// <summary>The dealer deals another secret than its share of a key.</summary>
    OtherSecret,

    /// <summary>A complaint against the dealer holds: a share is not the one committed to.</summary>
    WrongShare,

    /// <summary>A complaint without a right proof, or about a right share.</summary>
    FalseComplaint,

    /// <summary>The committee is confirmed without its member's signature for the registry.</summary>
    Signature,

    /// <summary>Something else was confirmed than came out here: somebody, perhaps the relay, showed different messages.</summary>
    OtherTranscript,
}

/// <summary>Why a ceremony has no result.</summary>
public enum CeremonyFailure
{
    /// <summary>A guardian of the new committee did not join, so that it could have no share.</summary>
    MemberMissing,

    /// <summary>Fewer dealers are left than <see cref="CeremonyTerms.DealersNeeded"/>.</summary>
    TooFewDealers,

    /// <summary>The dealings of one of the two keys add up to one that is refused, which honest dealers bring about with a probability of 2^-250.</summary>
    Key,

    /// <summary>A new guardian did not confirm the result.</summary>
    Unconfirmed,

    /// <summary>The coordinator closed a round with messages that do not belong into it.</summary>
    Closing,
}

/// <summary>Who did what. Others may have seen other messages, so it is no part of what is confirmed.</summary>
/// <param name="Round">In which round.</param>
/// <param name="Guardian">Whose fault it is; of <see cref="CeremonyFault.LeftOut"/>, whose message it was.</param>
/// <param name="Fault">The fault.</param>
public sealed record CeremonyFinding(CeremonyRound Round, Address Guardian, CeremonyFault Fault);

/// <summary>One complaint, checked.</summary>
/// <param name="Dealer">Index of the dealer it is against.</param>
/// <param name="Holds">Is the proof right and the share wrong?</param>
public sealed record ComplaintFacts(int Dealer, bool Holds);

/// <summary>What one message of a closed round says, checked by who can.</summary>
/// <param name="Seat">Position of the author in <see cref="CeremonyTerms.Seats"/>.</param>
/// <param name="Fault">Why it does not count; null if it does.</param>
/// <param name="Deals">Is it a dealing, or of <see cref="CeremonyRound.Join"/> the promise of one?</param>
/// <param name="Complaints">Of <see cref="CeremonyRound.Check"/>; empty otherwise.</param>
public sealed record MessageFacts(int Seat, CeremonyFault? Fault, bool Deals, IReadOnlyList<ComplaintFacts> Complaints);

/// <summary>One message of a closing.</summary>
/// <param name="Seat">Position of the author in <see cref="CeremonyTerms.Seats"/>.</param>
/// <param name="Digest">The digest that its author signed.</param>
public sealed record ClosedMessage(int Seat, Hash32 Digest);
