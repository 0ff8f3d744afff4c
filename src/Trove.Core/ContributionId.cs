namespace Trove.Core;

/// <summary>How a contribution gets its name, so that the ledger can check whose it is without having seen it.</summary>
public static class ContributionId
{
    /// <summary>
    /// <c>keccak256(abi.encode(chainId, ledger, owner, salt))</c>, as in <c>Ledger.withdraw</c> (specs/chain.md).
    /// The salt is 32 random bytes of the member's.
    /// </summary>
    public static Hash32 Of(ulong chainId, Address ledger, Address owner, Hash32 salt) =>
        Keccak256.Hash(new AbiWords().UInt(chainId).Address(ledger).Address(owner).Bytes32(salt).Span);
}
