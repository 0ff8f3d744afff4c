namespace Trove.Core.Rewards;

/// <summary>
/// The facts of one contribution, as each assigned verifier finds them and signs them (EIP-712; chain and ledger are
/// in the domain). Two verifiers agree when their facts are equal, field by field.
/// </summary>
/// <param name="ChainId">The chain of the ledger.</param>
/// <param name="Ledger">The asset's ledger.</param>
/// <param name="Asset">The asset: its share token.</param>
/// <param name="Contribution">See <see cref="ContributionId"/>.</param>
/// <param name="Owner">Who earns the shares.</param>
/// <param name="PartsRoot">Root over the encrypted parts; see <see cref="PartDescriptor.Tree"/>.</param>
/// <param name="EvidenceResultsHash">See <see cref="EvidenceResults.Hash"/>.</param>
/// <param name="TagsHash">See <see cref="TagList.Hash"/>.</param>
/// <param name="Nullifier">See <see cref="Nullifiers"/>.</param>
/// <param name="Words">Own-authored words in the parts.</param>
/// <param name="AnnouncedBlock">The block after the announcement; orders contributions within an epoch.</param>
/// <param name="PolicyHash">The rules it was checked under.</param>
/// <param name="VerifierSetVersion">The verifiers' set it was checked by.</param>
/// <param name="CodeVersion">SHA-256 that names the checking code.</param>
public sealed record Attestation(
    ulong ChainId,
    Address Ledger,
    Address Asset,
    Hash32 Contribution,
    Address Owner,
    Hash32 PartsRoot,
    Hash32 EvidenceResultsHash,
    Hash32 TagsHash,
    Hash32 Nullifier,
    ulong Words,
    ulong AnnouncedBlock,
    Hash32 PolicyHash,
    ulong VerifierSetVersion,
    Hash32 CodeVersion);
