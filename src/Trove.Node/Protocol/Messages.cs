using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;

namespace Trove.Node.Protocol;

/// <summary>
/// What members, founders and verifiers sign (EIP-712, specs/messages.md). Each message has a type of its own, so a
/// signature serves one purpose; chain and verifying contract are in the domain; asset, contribution, owner, nonce
/// and deadline in the message. A digest is what is signed, and what is checked. What Trove's contracts check is in
/// <see cref="Trove.Chain.ContractDigests"/>.
/// </summary>
public static class Messages
{
    /// <summary>Longest life of a request's signature.</summary>
    public static readonly TimeSpan MaxLifetime = TimeSpan.FromHours(24);

    /// <summary>Domain of everything that is read off chain. The verifying contract is the asset's ledger, or the factory.</summary>
    public static Hash32 Domain(ulong chainId, Address verifyingContract) =>
        Eip712.DomainSeparator("Trove", "1", chainId, verifyingContract);

    /// <summary>A member announces the encrypted parts of a contribution.</summary>
    public static Hash32 Announce(Hash32 domain, Address asset, Hash32 contribution, Address owner, Hash32 partsRoot, long size, Hash32 nonce, long deadline) =>
        Eip712.Digest(domain, new Eip712Struct("Announce(address asset,bytes32 contribution,address owner,bytes32 partsRoot,uint64 size,bytes32 nonce,uint64 deadline)")
            .Address(asset).Bytes32(contribution).Address(owner).Bytes32(partsRoot).Uint((ulong)size).Bytes32(nonce).Uint((ulong)deadline).Hash());

    /// <summary>A member says which evidence, sealed to the verifiers that were drawn, belongs to the parts, and under which rules.</summary>
    public static Hash32 Manifest(Hash32 domain, Address asset, Hash32 contribution, Address owner, Hash32 partsRoot,
        Hash32 evidence, long evidenceSize, ulong announcedBlock, Hash32 policyHash, Hash32 nonce, long deadline) =>
        Eip712.Digest(domain, new Eip712Struct("Manifest(address asset,bytes32 contribution,address owner,bytes32 partsRoot,bytes32 evidence,uint64 evidenceSize,uint64 announcedBlock,bytes32 policyHash,bytes32 nonce,uint64 deadline)")
            .Address(asset).Bytes32(contribution).Address(owner).Bytes32(partsRoot).Bytes32(evidence).Uint((ulong)evidenceSize)
            .Uint(announcedBlock).Bytes32(policyHash).Bytes32(nonce).Uint((ulong)deadline).Hash());

    /// <summary>A verifier's word on the facts of one contribution.</summary>
    public static Hash32 Attest(Attestation f) =>
        Eip712.Digest(Domain(f.ChainId, f.Ledger), new Eip712Struct("Attestation(address asset,bytes32 contribution,address owner,bytes32 partsRoot,bytes32 evidenceResultsHash,bytes32 tagsHash,bytes32 nullifier,uint64 words,uint64 announcedBlock,bytes32 policyHash,uint64 verifierSetVersion,bytes32 codeVersion)")
            .Address(f.Asset).Bytes32(f.Contribution).Address(f.Owner).Bytes32(f.PartsRoot).Bytes32(f.EvidenceResultsHash)
            .Bytes32(f.TagsHash).Bytes32(f.Nullifier).Uint(f.Words).Uint(f.AnnouncedBlock).Bytes32(f.PolicyHash)
            .Uint(f.VerifierSetVersion).Bytes32(f.CodeVersion).Hash());

    /// <summary>A verifier refuses a contribution and says why.</summary>
    public static Hash32 Refuse(Hash32 domain, Address asset, Hash32 contribution, string code, string reason) =>
        Eip712.Digest(domain, new Eip712Struct("Refusal(address asset,bytes32 contribution,string code,string reason)")
            .Address(asset).Bytes32(contribution).String(code).String(reason).Hash());

    /// <summary>A verifier asks for its work or for evidence. The domain's contract is the factory: a verifier serves many assets.</summary>
    public static Hash32 VerifierRequest(Hash32 domain, Address verifier, string purpose, Hash32 subject, Hash32 nonce, long deadline) =>
        Eip712.Digest(domain, new Eip712Struct("VerifierRequest(address verifier,string purpose,bytes32 subject,bytes32 nonce,uint64 deadline)")
            .Address(verifier).String(purpose).Bytes32(subject).Bytes32(nonce).Uint((ulong)deadline).Hash());

    /// <summary>A verifier has guardians evaluate one blinded element for one contribution (zero: for the key of record tags). The
    /// digest is the question's name.</summary>
    public static Hash32 Evaluate(Hash32 domain, Address asset, Hash32 contribution, Address verifier, Hash32 blinded, long deadline) =>
        Eip712.Digest(domain, new Eip712Struct("OprfQuestion(address asset,bytes32 contribution,address verifier,bytes32 blinded,uint64 deadline)")
            .Address(asset).Bytes32(contribution).Address(verifier).Bytes32(blinded).Uint((ulong)deadline).Hash());

    /// <summary>A guardian's answer to a question.</summary>
    /// <param name="answer">SHA-256 of the evaluation's bytes.</param>
    public static Hash32 Evaluated(Hash32 domain, Hash32 question, uint committeeEpoch, Hash32 answer) =>
        Eip712.Digest(domain, new Eip712Struct("OprfAnswer(bytes32 question,uint32 committeeEpoch,bytes32 answer)")
            .Bytes32(question).Uint(committeeEpoch).Bytes32(answer).Hash());

    /// <summary>The founder closes the running epoch.</summary>
    public static Hash32 CloseEpoch(Hash32 domain, Address asset, ulong epoch, Hash32 nonce, long deadline) =>
        Eip712.Digest(domain, new Eip712Struct("CloseEpoch(address asset,uint64 epoch,bytes32 nonce,uint64 deadline)")
            .Address(asset).Uint(epoch).Bytes32(nonce).Uint((ulong)deadline).Hash());

    /// <summary>An owner has shares and dividends paid out to itself.</summary>
    public static Hash32 Claim(Hash32 domain, Address asset, Address owner, Hash32 nonce, long deadline) =>
        Eip712.Digest(domain, new Eip712Struct("Claim(address asset,address owner,bytes32 nonce,uint64 deadline)")
            .Address(asset).Address(owner).Bytes32(nonce).Uint((ulong)deadline).Hash());

    /// <summary>Somebody asks an embedded chain's operator for test dollars.</summary>
    public static Hash32 TestDollars(Hash32 domain, Address to, Money amount, Hash32 nonce, long deadline) =>
        Eip712.Digest(domain, new Eip712Struct("TestDollars(address to,uint256 amount,bytes32 nonce,uint64 deadline)")
            .Address(to).Uint(amount.Units).Bytes32(nonce).Uint((ulong)deadline).Hash());

    /// <summary>
    /// A founder has the guardians of an asset-to-be make its key. The ceremony's terms name chain, registry and guardians; the
    /// domain's contract is the factory, which the registry's address follows from with founder and salt.
    /// </summary>
    public static Hash32 StartCeremony(Hash32 domain, Hash32 ceremony, Address founder, Hash32 salt, long deadline) =>
        Eip712.Digest(domain, new Eip712Struct("StartCeremony(bytes32 ceremony,address founder,bytes32 salt,uint256 deadline)")
            .Bytes32(ceremony).Address(founder).Bytes32(salt).Uint((ulong)deadline).Hash());

    /// <summary>A guardian releases what a use covers; the answer is the SHA-256 of what it sealed to the one-time key. The domain's contract is Grants.</summary>
    public static Hash32 Release(Hash32 domain, Hash32 request, uint use, uint keyVersion, uint committeeEpoch, bool proofs, Hash32 answer) =>
        Eip712.Digest(domain, new Eip712Struct("Release(bytes32 request,uint32 use,uint32 keyVersion,uint32 committeeEpoch,bool proofs,bytes32 answer)")
            .Bytes32(request).Uint(use).Uint(keyVersion).Uint(committeeEpoch).Bool(proofs).Bytes32(answer).Hash());

    /// <summary>A guardian refuses a use and says why.</summary>
    public static Hash32 RefuseRelease(Hash32 domain, Hash32 request, uint use, uint keyVersion, uint committeeEpoch, bool proofs, string code, string reason) =>
        Eip712.Digest(domain, new Eip712Struct("ReleaseRefusal(bytes32 request,uint32 use,uint32 keyVersion,uint32 committeeEpoch,bool proofs,string code,string reason)")
            .Bytes32(request).Uint(use).Uint(keyVersion).Uint(committeeEpoch).Bool(proofs).String(code).String(reason).Hash());

    /// <summary>A runner wants proofs of correct share, because the answers to its use do not open the parts.</summary>
    public static Hash32 WantProofs(Hash32 domain, Hash32 request, uint use, uint keyVersion, Address runner) =>
        Eip712.Digest(domain, new Eip712Struct("WantProofs(bytes32 request,uint32 use,uint32 keyVersion,address runner)")
            .Bytes32(request).Uint(use).Uint(keyVersion).Address(runner).Hash());

    /// <summary>A guardian publishes the head of its log. The domain's contract is zero: the log is of the guardian, whatever assets it serves.</summary>
    public static Hash32 LogHead(ulong chainId, Address guardian, uint chain, ulong count, Hash32 head, long time) =>
        Eip712.Digest(Domain(chainId, default), new Eip712Struct("LogHead(address guardian,uint32 chain,uint64 count,bytes32 head,uint64 time)")
            .Address(guardian).Uint(chain).Uint(count).Bytes32(head).Uint((ulong)time).Hash());

    /// <summary>
    /// A delegate says to the owners of an asset how it means to vote. The domain's contract is the ledger; the text is public for good, and
    /// the newest revision counts, so that an old one serves nobody.
    /// </summary>
    public static Hash32 DelegateStatement(Hash32 domain, Address asset, Address @delegate, string text, ulong revision) =>
        Eip712.Digest(domain, new Eip712Struct("DelegateStatement(address asset,address delegate,string text,uint64 revision)")
            .Address(asset).Address(@delegate).String(text).Uint(revision).Hash());
}
