using Microsoft.Extensions.Logging;

namespace Trove.Node.Operations;

/// <summary>
/// Ids and names of what Trove logs, stable so that alerts can rely on them; a number is never given to anything else. Hundreds:
/// 1 the node as a whole, 2 contributions and epochs, 3 uses, 4 chain (450 on: <see cref="Trove.Chain.Embedded.ChainLogEvents"/>), 5 queues, 6 vault.
/// </summary>
public static class LogEvents
{
    /// <summary>A request ended with an error of the node.</summary>
    public static readonly EventId RequestFailed = new(100, nameof(RequestFailed));

    /// <summary>The node was asked to stop and waits for requests under way.</summary>
    public static readonly EventId Draining = new(101, nameof(Draining));

    /// <summary>Requests did not end in time.</summary>
    public static readonly EventId DrainTimeout = new(102, nameof(DrainTimeout));

    /// <summary>Old rows could not be deleted.</summary>
    public static readonly EventId HousekeepingFailed = new(103, nameof(HousekeepingFailed));

    /// <summary>An asset cannot be shown.</summary>
    public static readonly EventId AssetLeftOut = new(104, nameof(AssetLeftOut));

    /// <summary>PostgreSQL ended unasked.</summary>
    public static readonly EventId DatabaseEnded = new(105, nameof(DatabaseEnded));

    /// <summary>PostgreSQL was started again.</summary>
    public static readonly EventId DatabaseRestarted = new(106, nameof(DatabaseRestarted));

    /// <summary>Counts for telemetry could not be read.</summary>
    public static readonly EventId NotSampled = new(107, nameof(NotSampled));

    /// <summary>A request could not be answered because database or chain are away.</summary>
    public static readonly EventId RequestPutOff = new(108, nameof(RequestPutOff));

    /// <summary>A verifier signed facts.</summary>
    public static readonly EventId Attested = new(200, nameof(Attested));

    /// <summary>A verifier refused a contribution.</summary>
    public static readonly EventId Refused = new(201, nameof(Refused));

    /// <summary>All verifiers answered.</summary>
    public static readonly EventId ContributionDecided = new(202, nameof(ContributionDecided));

    /// <summary>A verifier signed an epoch.</summary>
    public static readonly EventId EpochSigned = new(203, nameof(EpochSigned));

    /// <summary>An epoch is on chain.</summary>
    public static readonly EventId EpochPosted = new(204, nameof(EpochPosted));

    /// <summary>A verifier could not get or do its work.</summary>
    public static readonly EventId VerifierRetries = new(205, nameof(VerifierRetries));

    /// <summary>Guardians did not answer a verifier in time; what it checks is tried again later.</summary>
    public static readonly EventId GuardiansSilent = new(206, nameof(GuardiansSilent));

    /// <summary>The DNS did not answer a verifier for the key of a mail; what it checks is tried again later.</summary>
    public static readonly EventId DnsSilent = new(207, nameof(DnsSilent));

    /// <summary>A platform did not answer a verifier for a public page; what it checks is tried again later.</summary>
    public static readonly EventId PlatformSilent = new(211, nameof(PlatformSilent));

    /// <summary>Verifiers were silent, and one of the reserve is called.</summary>
    public static readonly EventId ReserveCalled = new(209, nameof(ReserveCalled));

    /// <summary>A verifier was asked to sign another root for an epoch than the one it has signed, and did not.</summary>
    public static readonly EventId SecondRootRefused = new(210, nameof(SecondRootRefused));

    /// <summary>A verifier was asked to sign an epoch that is larger than an epoch may be, and did not.</summary>
    public static readonly EventId EpochTooLarge = new(212, nameof(EpochTooLarge));

    /// <summary>A guardian released parts.</summary>
    public static readonly EventId PartsReleased = new(300, nameof(PartsReleased));

    /// <summary>A guardian refused a release.</summary>
    public static readonly EventId ReleaseRefused = new(301, nameof(ReleaseRefused));

    /// <summary>A guardian could not get or do its work.</summary>
    public static readonly EventId GuardianRetries = new(302, nameof(GuardianRetries));

    /// <summary>A guardian puts a use off.</summary>
    public static readonly EventId UseLookedAtLater = new(303, nameof(UseLookedAtLater));

    /// <summary>A guardian was asked for something unusual.</summary>
    public static readonly EventId GuardianAlarm = new(304, nameof(GuardianAlarm));

    /// <summary>Entries of a guardian's log whose head was published are not in its folder; another chain begins.</summary>
    public static readonly EventId LogEntriesLost = new(305, nameof(LogEntriesLost));

    /// <summary>The head of a guardian's log could not be published.</summary>
    public static readonly EventId HeadNotPublished = new(306, nameof(HeadNotPublished));

    /// <summary>A guardian refused a verifier's question.</summary>
    public static readonly EventId EvaluationRefused = new(307, nameof(EvaluationRefused));

    /// <summary>A guardian puts a verifier's question off.</summary>
    public static readonly EventId QuestionLookedAtLater = new(308, nameof(QuestionLookedAtLater));

    /// <summary>A runner opened a use.</summary>
    public static readonly EventId UseOpened = new(310, nameof(UseOpened));

    /// <summary>A runner posted a result.</summary>
    public static readonly EventId ResultPosted = new(311, nameof(ResultPosted));

    /// <summary>A use failed.</summary>
    public static readonly EventId UseFailed = new(312, nameof(UseFailed));

    /// <summary>A guardian's answer does not fit its commitment.</summary>
    public static readonly EventId GuardianLied = new(313, nameof(GuardianLied));

    /// <summary>A node offered inputs that the chain does not bear out.</summary>
    public static readonly EventId WrongInputs = new(314, nameof(WrongInputs));

    /// <summary>A runner could not get or do its work.</summary>
    public static readonly EventId RunnerRetries = new(315, nameof(RunnerRetries));

    /// <summary>A ceremony that hands an asset's keys on was begun.</summary>
    public static readonly EventId CeremonyBegun = new(320, nameof(CeremonyBegun));

    /// <summary>A ceremony ended without keys.</summary>
    public static readonly EventId CeremonyFailed = new(321, nameof(CeremonyFailed));

    /// <summary>Looking after ceremonies failed.</summary>
    public static readonly EventId CeremonyWorkerFailed = new(322, nameof(CeremonyWorkerFailed));

    /// <summary>The change of one registry's guardians cannot be looked after.</summary>
    public static readonly EventId ChangeNotLookedAfter = new(323, nameof(ChangeNotLookedAfter));

    /// <summary>A guardian takes part in a ceremony.</summary>
    public static readonly EventId CeremonyJoined = new(330, nameof(CeremonyJoined));

    /// <summary>A guardian takes no part in what a node offers as a ceremony.</summary>
    public static readonly EventId CeremonyRefused = new(331, nameof(CeremonyRefused));

    /// <summary>A ceremony came to nothing, and a guardian destroyed its state.</summary>
    public static readonly EventId CeremonyAbandoned = new(332, nameof(CeremonyAbandoned));

    /// <summary>A guardian sealed its shares of a committee that the chain shows.</summary>
    public static readonly EventId SharesKept = new(333, nameof(SharesKept));

    /// <summary>A guardian destroyed its shares of a committee that is no longer in force.</summary>
    public static readonly EventId SharesDestroyed = new(334, nameof(SharesDestroyed));

    /// <summary>A guardian looks at a ceremony or its end later.</summary>
    public static readonly EventId CeremonyLater = new(335, nameof(CeremonyLater));

    /// <summary>A guardian's sealed state of a ceremony cannot be read.</summary>
    public static readonly EventId StateDamaged = new(336, nameof(StateDamaged));

    /// <summary>A transaction of the relayer is mined.</summary>
    public static readonly EventId Relayed = new(400, nameof(Relayed));

    /// <summary>The relayer waits or found something odd.</summary>
    public static readonly EventId RelayerWarns = new(401, nameof(RelayerWarns));

    /// <summary>Reading the chain failed.</summary>
    public static readonly EventId ReaderFailed = new(402, nameof(ReaderFailed));

    /// <summary>An asset's creation cannot be read.</summary>
    public static readonly EventId AssetIgnored = new(403, nameof(AssetIgnored));

    /// <summary>An event cannot be read.</summary>
    public static readonly EventId EventIgnored = new(404, nameof(EventIgnored));

    /// <summary>Looking after requests failed.</summary>
    public static readonly EventId RequestWorkerFailed = new(405, nameof(RequestWorkerFailed));

    /// <summary>One asset's requests cannot be looked after.</summary>
    public static readonly EventId AssetNotLookedAfter = new(406, nameof(AssetNotLookedAfter));

    /// <summary>A snapshot, refund or credit was not sent.</summary>
    public static readonly EventId ActionNotSent = new(407, nameof(ActionNotSent));

    /// <summary>A proposal could not be tried on a copy of the chain.</summary>
    public static readonly EventId SimulationFailed = new(408, nameof(SimulationFailed));

    /// <summary>Two signatures that contradict each other are kept.</summary>
    public static readonly EventId ContradictionSeen = new(409, nameof(ContradictionSeen));

    /// <summary>A job failed at an attempt.</summary>
    public static readonly EventId JobFailed = new(500, nameof(JobFailed));

    /// <summary>A queue cannot be read.</summary>
    public static readonly EventId QueueInterrupted = new(501, nameof(QueueInterrupted));

    /// <summary>A lease could not be extended.</summary>
    public static readonly EventId LeaseNotExtended = new(502, nameof(LeaseNotExtended));

    /// <summary>Wake-ups do not come; queues are polled.</summary>
    public static readonly EventId NotListening = new(503, nameof(NotListening));

    /// <summary>A job or lease was given back by a process that stops.</summary>
    public static readonly EventId JobGivenBack = new(504, nameof(JobGivenBack));

    /// <summary>The vault finished what was left over.</summary>
    public static readonly EventId VaultSwept = new(600, nameof(VaultSwept));

    /// <summary>A sweep failed.</summary>
    public static readonly EventId SweepFailed = new(601, nameof(SweepFailed));

    /// <summary>One blob could not be tidied up.</summary>
    public static readonly EventId BlobNotTidied = new(602, nameof(BlobNotTidied));

    /// <summary>Acknowledged bytes are not on the disk any more.</summary>
    public static readonly EventId BytesLost = new(603, nameof(BytesLost));
}
