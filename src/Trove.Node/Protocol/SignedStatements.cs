using System.Numerics;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Node.Protocol;

// What verifiers and runners sign and can be held to. Whoever has two that contradict each other shows them to the contract Stakes
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

/// <summary>Statements about one asset, in a file: of a node that saw one that contradicts the chain, or of anybody who keeps some.</summary>
/// <param name="Asset">The share token.</param>
public sealed record SignedStatements(Address Asset, IReadOnlyList<RootStatement> Roots, IReadOnlyList<ResultStatement> Results)
{
    internal static Address? Signer(Hash32 digest, string? signature)
    {
        var bytes = new byte[Secp256k1.SignatureSize];
        return signature is not null && Hex.TryDecode(signature, bytes) ? Secp256k1.Recover(digest, bytes) : null;
    }
}
