using Trove.Core;
using Trove.Core.Payouts;
using Trove.Core.Rewards;

namespace Trove.Node.Protocol;

// The documents of /api/v1. Requests that change state carry the signature of whoever they speak for: 65 bytes of
// secp256k1 as 0x text, over the digest that Messages gives for the same fields.

/// <summary>What a node is and which chain it is on.</summary>
/// <param name="Version">Version of the software.</param>
/// <param name="ChainId">EIP-155 chain id.</param>
/// <param name="Rpc">Where the chain can be read; relative to this API for an embedded chain.</param>
/// <param name="Factory">The asset factory.</param>
/// <param name="PaymentToken">The token dividends are paid in.</param>
/// <param name="PaymentTokenDomain">EIP-712 domain separator of that token, for EIP-3009.</param>
/// <param name="OperatorTrusted">True for an embedded chain: its operator could rewrite it.</param>
/// <param name="CodeVersion">SHA-256 naming the checking code.</param>
public sealed record NodeInfo(string Version, ulong ChainId, string Rpc, Address Factory, Address PaymentToken,
    Hash32 PaymentTokenDomain, bool OperatorTrusted, Hash32 CodeVersion);

/// <summary>A verifier as the registry names it.</summary>
/// <param name="Address">Signs attestations and roots.</param>
/// <param name="Recipient">Its age recipient, <c>age1…</c>; evidence is sealed to it.</param>
public sealed record VerifierInfo(Address Address, string Recipient);

/// <summary>An asset.</summary>
/// <param name="VestingEpochs">Later epochs in which what a contribution earned vests, in equal steps; 0: at once. Fixed for good.</param>
public sealed record AssetInfo(Address Asset, string Name, string Symbol, Address Founder, Address Registry, Address Ledger,
    Address Grants, Address Governor, Address Timelock, Address Stakes, CustodyInfo Custody, GovernanceInfo Governance, CharterInfo Charter, Address PaymentToken, string Recipient, Hash32 PolicyHash, AssetPolicy? Policy, IReadOnlyList<VerifierInfo> Verifiers,
    uint Threshold, ulong VerifierSetVersion, bool OperatorTrusted, ulong Epochs, Shares Supply, Money Received, long Contributions, int VestingEpochs);

/// <summary>A founder creates an asset. The signature is the factory's CreateAsset message; the node pays the gas.</summary>
/// <param name="VestingEpochs">0 to 15; nobody changes it later.</param>
public sealed record CreateAssetRequest(Address Founder, string Name, string Symbol, Hash32 Salt, string Recipient, AssetPolicy Policy,
    IReadOnlyList<VerifierInfo> Verifiers, uint Threshold, CustodyInfo Custody, GovernanceInfo Governance, CharterInfo Charter, long Deadline, string Signature, CommitteeProof Ceremony, int VestingEpochs = 0);

/// <summary>A part as announced: its descriptor and the proof of knowledge of its ephemeral secret.</summary>
/// <param name="Proof">96 bytes as 0x text (specs/age-parts.md).</param>
public sealed record AnnouncedPart(string Kind, int Year, Hash32 EphemeralShare, Hash32 HeaderHash, Hash32 Sha256, long Size, string Proof)
{
    /// <summary>Without the proof.</summary>
    public PartDescriptor Descriptor() => new(Kind, Year, EphemeralShare, HeaderHash, Sha256, Size);
}

/// <summary>A member announces a contribution.</summary>
public sealed record AnnounceRequest(Address Owner, Hash32 Salt, IReadOnlyList<AnnouncedPart> Parts, Hash32 Nonce, long Deadline, string Signature);

/// <summary>What the member is told: to whom to seal the evidence, those in reserve included, and the token that lets it upload.</summary>
/// <param name="AnnouncedBlock">The block that was next, which dates the contribution.</param>
public sealed record AnnounceResponse(Hash32 Contribution, ulong AnnouncedBlock, IReadOnlyList<VerifierInfo> Verifiers, string UploadToken);

/// <summary>The member's evidence and confirmation of the drawing.</summary>
public sealed record ManifestRequest(Hash32 Evidence, long EvidenceSize, ulong AnnouncedBlock, Hash32 PolicyHash, Hash32 Nonce, long Deadline, string Signature);

/// <summary>The owner withdraws; the ledger checks the signature.</summary>
public sealed record WithdrawRequest(long Deadline, string Signature);

/// <summary>A contribution. <c>Verifiers</c> stand in the order in which they were drawn; the first <c>Called</c> are asked so far. What is null to all but its signed-in owner: its parts, and why it was refused.</summary>
/// <param name="Vesting">Where its shares stand; null where an asset's shares do not vest, and for a contribution that earned none.</param>
public sealed record ContributionInfo(Hash32 Contribution, Address Asset, Address Owner, string State, string Meaning, Hash32 PartsRoot,
    IReadOnlyList<PartDescriptor>? Parts, ulong AnnouncedBlock, IReadOnlyList<Address> Verifiers, int Called, long AnnouncedAt,
    string? RefusalCode, string? Refusal, ulong? Epoch, Reward? Reward, string? Reason, IReadOnlyList<EvidenceCheck>? Evidence,
    IReadOnlyList<AttestationInfo> Attestations, VestingState? Vesting);

/// <summary>One verifier's answer, with the signature that proves it.</summary>
public sealed record AttestationInfo(Address Verifier, Attestation? Facts, string? Code, string? Reason, string Signature);

/// <summary>A verifier asks for work, or for a document only verifiers get.</summary>
public sealed record VerifierRequest(Address Verifier, string Purpose, Hash32 Subject, Hash32 Nonce, long Deadline, string Signature);

/// <summary>A piece of work for one verifier; exactly one of the two is set.</summary>
/// <param name="Lease">Names the piece while it is worked on.</param>
/// <param name="Check">A contribution to check.</param>
/// <param name="Sign">An epoch to recompute and sign.</param>
public sealed record VerifierWork(string Lease, CheckWork? Check, SignWork? Sign);

/// <summary>All a verifier needs to check a contribution, apart from what it reads on chain and downloads.</summary>
public sealed record CheckWork(AssetInfo Asset, Hash32 Contribution, Address Owner, Hash32 Salt,
    IReadOnlyList<AnnouncedPart> Parts, ManifestRequest Manifest, DrawProof Draw);

/// <summary>All a verifier needs to recompute an epoch.</summary>
public sealed record SignWork(AssetInfo Asset, ulong Epoch, Hash32 PreviousRoot, ulong VerifierSetVersion, IReadOnlyList<Hash32> Contributions, Hash32 Root);

/// <summary>A verifier attests.</summary>
/// <param name="Tags">The tag list, base64.</param>
public sealed record AttestRequest(string Lease, Address Verifier, Attestation Facts, EvidenceResults Evidence, string Tags, string Signature);

/// <summary>A verifier refuses, with a reason for the member.</summary>
public sealed record RefuseRequest(string Lease, Address Verifier, string Code, string Reason, string Signature);

/// <summary>A verifier signs an epoch's root.</summary>
public sealed record SignEpochRequest(string Lease, Address Verifier, Hash32 Root, string Signature);

/// <summary>The founder closes the running epoch.</summary>
public sealed record CloseEpochRequest(ulong Epoch, Hash32 Nonce, long Deadline, string Signature);

/// <summary>An epoch; its rewards are a list of their own.</summary>
public sealed record EpochInfo(ulong Number, string State, Hash32 PreviousRoot, Hash32 Root, Hash32 TreeHash, Shares Total, int Leaves, int Contributions,
    ulong VerifierSetVersion, int Signatures, int Threshold, long ClosedAt);

/// <summary>A reward and, in words, why.</summary>
public sealed record RewardInfo(Reward Reward, string Reason);

/// <summary>A dividend by EIP-3009: the payer's authorization for the share token to draw the money.</summary>
public sealed record DividendRequest(Address From, Money Amount, long ValidBefore, Hash32 Nonce, string Signature);

/// <summary>An owner has everything paid out.</summary>
public sealed record ClaimRequest(Address Owner, Hash32 Nonce, long Deadline, string Signature);

/// <summary>A transaction the node had mined.</summary>
public sealed record TransactionInfo(Hash32 Transaction, ulong Block);

/// <summary>What an owner has of an asset.</summary>
/// <param name="Shares">The owner's for good, <paramref name="Unclaimed"/> among them.</param>
/// <param name="Unclaimed">Vested, and still with the ledger: a claim hands them out.</param>
/// <param name="Claimable">What a claim pays.</param>
/// <param name="Unvested">Shares to come, unless what earned them is withdrawn before.</param>
/// <param name="UnvestedEpochs">Epochs until the last of them has come.</param>
/// <param name="UnvestedMoney">What they have earned, which comes with them.</param>
/// <param name="Lost">Shares that lapsed, or will with the next claim, because what earned them was withdrawn.</param>
public sealed record BalanceInfo(Address Asset, Address Owner, Shares Shares, Shares Unclaimed, Money Claimable, Money Paid,
    Shares Unvested, int UnvestedEpochs, Money UnvestedMoney, Shares Lost);

/// <summary>A payment, explained down to contributions, their words and their evidence.</summary>
public sealed record PayoutInfo(string Id, Address Owner, Money Amount, IReadOnlyList<PayoutLine> Lines, IReadOnlyList<ContributionInfo> Contributions,
    IReadOnlyList<SourceInfo> Uses);

/// <summary>The use that a distribution is the price of.</summary>
public sealed record SourceInfo(string Distribution, Hash32 Request, uint Use, Address Buyer, string Query, Address Runner, Hash32 ResultHash, Hash32 InputsHash);

/// <summary>The money of an asset, which must add up: received = paid + claimable + waiting + dust.</summary>
/// <param name="Waiting">Earned by shares that have not vested or are about to lapse.</param>
/// <param name="Lapses">What lapsed shares left to all others; it was received before.</param>
public sealed record MoneyInfo(Address Asset, Money Received, Money Paid, Money Claimable, Money Waiting, Money Dust, Shares Supply,
    IReadOnlyList<Distribution> Distributions, IReadOnlyList<Distribution> Lapses, IReadOnlyList<PayoutSummary> Payouts, IReadOnlyList<OwnerInfo> Owners,
    IReadOnlyList<SourceInfo> Uses);

/// <summary>One line of the list of payments.</summary>
public sealed record PayoutSummary(string Id, Address Owner, Money Amount);

/// <summary>One owner's place in an asset.</summary>
/// <param name="Unvested">Shares beside <paramref name="Shares"/> that have yet to vest.</param>
public sealed record OwnerInfo(Address Owner, Shares Shares, Money Claimable, Money Paid, Shares Unvested);

/// <summary>Test dollars from an embedded chain's operator.</summary>
public sealed record FaucetRequest(Address To, Money Amount, Hash32 Nonce, long Deadline, string Signature);

/// <summary>The blobs of a contribution, and the largest piece the node takes at once.</summary>
public sealed record BlobList(Hash32 Contribution, int PieceBytes, IReadOnlyList<BlobProgress> Blobs);

/// <summary>Where one blob's upload stands.</summary>
/// <param name="Kind"><c>part</c> or <c>evidence</c>.</param>
/// <param name="Received">Bytes that are durable; the offset of the next piece.</param>
/// <param name="State"><c>receiving</c>, <c>stored</c>, <c>expired</c>, <c>destroying</c> or <c>destroyed</c>.</param>
/// <param name="EndedAt">When it expired or its bytes were gone, in milliseconds.</param>
public sealed record BlobProgress(Hash32 Sha256, string Kind, long Size, long Received, string State, long? EndedAt = null);

/// <summary>A nonce for a sign-in message (EIP-4361) and the chain to name in it.</summary>
/// <param name="Expires">Last second to use it.</param>
public sealed record SignInNonce(string Nonce, ulong ChainId, long Expires);

/// <summary>A wallet signs in.</summary>
/// <param name="Message">Text of EIP-4361, at most 4096 characters.</param>
public sealed record SignInRequest(string Message, string Signature);

/// <summary>A session. Its token is a secret: who has it reads what is the address's. No record, for records print themselves.</summary>
public sealed class SessionInfo(string token, Address address, long expires)
{
    /// <summary>64 hex digits.</summary>
    public string Token => token;

    /// <summary>Who signed in.</summary>
    public Address Address => address;

    /// <summary>Last second of the session.</summary>
    public long Expires => expires;
}

/// <summary>An event of an asset; what its kind does not have is null.</summary>
/// <param name="Name">The contract's event, or <c>Heartbeat</c>.</param>
/// <param name="At">When, in milliseconds.</param>
/// <param name="Subject">The request or the proposal.</param>
/// <param name="Amount">Units of money or shares.</param>
public sealed record AssetEvent(string Name, ulong Block, uint LogIndex, long? At = null, Hash32? Transaction = null, ulong? Epoch = null, Hash32? Contribution = null, Hash32? Subject = null,
    uint? Use = null, Address? From = null, Address? To = null, string? Amount = null);
