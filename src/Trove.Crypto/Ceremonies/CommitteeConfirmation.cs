using Trove.Core;
using Trove.Core.Ceremonies;

namespace Trove.Crypto;

/// <summary>
/// What each member of a new committee signs in its last message, and the registry checks before it takes the committee: EIP-712
/// typed data in the registry's domain (specs/custody.md, "Ceremony").
/// </summary>
public static class CommitteeConfirmation
{
    /// <summary>The digest that is signed.</summary>
    /// <param name="terms">Of the ceremony; its contract is the registry.</param>
    /// <param name="key">The custody key of the new committee.</param>
    /// <param name="oprfKey">The key of the pseudorandom function of the same committee.</param>
    /// <param name="transcript"><see cref="CeremonyTranscript.Hash"/>.</param>
    public static Hash32 Digest(CeremonyTerms terms, ThresholdKey key, OprfKey oprfKey, Hash32 transcript) =>
        Digest(terms.ChainId, terms.Contract, terms.New, key.Commitments, oprfKey.Commitments, key.Recipient.PublicKey, transcript);

    /// <summary>The digest of commitments that may be no keys: the registry knows no curve.</summary>
    /// <param name="registry">At creation where the factory predicts it.</param>
    public static Hash32 Digest(ulong chainId, Address registry, Committee committee, IReadOnlyList<Hash32> commitments, IReadOnlyList<Hash32> oprfCommitments, Hash32 recipient, Hash32 transcript) =>
        Eip712.Digest(Eip712.DomainSeparator("Trove Registry", "1", chainId, registry),
            new Eip712Struct("Committee(uint32 epoch,uint32 threshold,address[] guardians,bytes32[] commitments,bytes32[] oprfCommitments,bytes32 recipient,bytes32 transcript)")
                .Uint(committee.Epoch).Uint((uint)committee.Threshold).Addresses(committee.Guardians).Bytes32s(commitments).Bytes32s(oprfCommitments).Bytes32(recipient).Bytes32(transcript).Hash());
}
