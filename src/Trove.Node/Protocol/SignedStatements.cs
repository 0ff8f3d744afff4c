using System.Numerics;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;

namespace Trove.Node.Protocol;

// What verifiers, runners and guardians sign and can be held to. Whoever has two that contradict each other shows them to the contract Stakes
// (specs/grants.md#stakes).

/// <summary>A verifier's signature of an epoch's root (Ledger.EpochRoot).</summary>
public sealed record RootStatement(ulong Epoch, Hash32 PreviousRoot, Hash32 Root, Shares Total, uint Leaves, Hash32 TreeHash, ulong VerifierSetVersion, string Signature)
{
    /// <summary>A root with one of its signatures.</summary>
    public static RootStatement Of(EpochRoot r, ReadOnlySpan<byte> signature) =>
        new(r.Epoch, r.PreviousRoot, r.Root, new Shares((UInt128)r.Total), r.Leaves, r.TreeHash, r.VerifierSetVersion, Hex.Encode(signature));

    /// <summary>As the contract takes it.</summary>
    public EpochRoot ToAbi() => new(Epoch, PreviousRoot, Root, (BigInteger)Total.Units, Leaves, TreeHash, VerifierSetVersion);

    /// <summary>Who signed it; null when the signature is none.</summary>
    public Address? Signer(ulong chainId, Address ledger) => SignedStatements.Signer(ContractDigests.EpochRoot(chainId, ledger, ToAbi()), Signature);

    /// <summary>Does nobody honest sign both? The contract's own rule (Stakes.showTwoRoots); that one key signed both is not looked at.</summary>
    public bool Contradicts(RootStatement other) => (Epoch, PreviousRoot, VerifierSetVersion) == (other.Epoch, other.PreviousRoot, other.VerifierSetVersion)
        && (Root, Total, Leaves, TreeHash) != (other.Root, other.Total, other.Leaves, other.TreeHash);
}

/// <summary>A runner's signature of a use's result (Grants.Result).</summary>
public sealed record ResultStatement(Hash32 Request, uint Use, Hash32 ResultHash, Hash32 InputsHash, Address Runner, string Signature)
{
    /// <summary>As the contract takes it.</summary>
    public Result ToAbi() => new(Request, Use, ResultHash, InputsHash, Runner);

    /// <summary>Who signed it; null when the signature is none.</summary>
    public Address? Signer(ulong chainId, Address grants) => SignedStatements.Signer(ContractDigests.Result(chainId, grants, Request, Use, ResultHash, InputsHash, Runner), Signature);

    /// <summary>Does nobody honest sign both? (Stakes.showTwoResults)</summary>
    public bool Contradicts(ResultStatement other) => (Request, Use, Runner) == (other.Request, other.Use, other.Runner) && (ResultHash, InputsHash) != (other.ResultHash, other.InputsHash);
}

/// <summary>A verifier's signature of the facts of a contribution (specs/messages.md).</summary>
public sealed record AttestationStatement(Attestation Facts, string Signature)
{
    /// <summary>What was asked: SHA-256 of everything that the verifier does not find itself (Stakes.sol has the same fields).</summary>
    public static Hash32 Question(Attestation f) => new CanonicalWriter("trove/attestation-question/1").Hash(f.Contribution).Hash(f.PartsRoot)
        .UInt64(f.AnnouncedBlock).Hash(f.PolicyHash).UInt64(f.VerifierSetVersion).Hash(f.CodeVersion).Sha256();

    /// <summary>As the contract takes it.</summary>
    public Facts ToAbi() => new(Facts.Asset, Facts.Contribution, Facts.Owner, Facts.PartsRoot, Facts.EvidenceResultsHash, Facts.TagsHash, Facts.Nullifier, Facts.Words,
        Facts.AnnouncedBlock, Facts.PolicyHash, Facts.VerifierSetVersion, Facts.CodeVersion);

    /// <summary>How many settle what another found, where so many must agree: one against one settles nothing.</summary>
    public static int MustAgree(int threshold) => Math.Max(2, threshold);

    /// <summary>Who signed it; null when the signature is none, or it is of another ledger.</summary>
    public Address? Signer(ulong chainId, Address ledger) => (Facts.ChainId, Facts.Ledger) == (chainId, ledger) ? SignedStatements.Signer(Messages.Attest(Facts), Signature) : null;

    /// <summary>Does nobody honest sign both? (Stakes.showTwoAttestations)</summary>
    public bool Contradicts(AttestationStatement other) => Facts != other.Facts && IsOfSameQuestion(other);

    /// <summary>Does nobody honest find the other where this is right? (Stakes.showOutvoted: words follow from the parts, the rest from the same evidence)</summary>
    public bool Outvotes(AttestationStatement other) => IsOfSameQuestion(other) && (Facts.Words != other.Facts.Words
        || (Facts.EvidenceResultsHash == other.Facts.EvidenceResultsHash && (Facts.TagsHash, Facts.Nullifier) != (other.Facts.TagsHash, other.Facts.Nullifier)));

    private bool IsOfSameQuestion(AttestationStatement other) => (Facts.ChainId, Facts.Ledger) == (other.Facts.ChainId, other.Facts.Ledger) && Question(Facts) == Question(other.Facts);
}

/// <summary>Statements about one asset, in a file: of a node that saw one that contradicts another, or of anybody who keeps some.</summary>
/// <param name="Asset">The share token.</param>
public sealed record SignedStatements(Address Asset, IReadOnlyList<RootStatement>? Roots = null, IReadOnlyList<ResultStatement>? Results = null, IReadOnlyList<AttestationStatement>? Attestations = null,
    IReadOnlyList<LogHeadInfo>? LogHeads = null)
{
    internal static Address? Signer(Hash32 digest, string? signature)
    {
        var bytes = new byte[Secp256k1.SignatureSize];
        return signature is not null && Hex.TryDecode(signature, bytes) ? Secp256k1.Recover(digest, bytes) : null;
    }
}
