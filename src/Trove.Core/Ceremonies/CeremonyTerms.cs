namespace Trove.Core.Ceremonies;

/// <summary>One guardian's place in a ceremony.</summary>
/// <param name="Guardian">The registered address, whose key signs the messages.</param>
/// <param name="Dealer">Its index as a dealer, from 1; 0 if it deals nothing.</param>
/// <param name="Member">Its index in the new committee, from 1; 0 if it is not to be in it.</param>
public sealed record Seat(Address Guardian, int Dealer, int Member);

/// <summary>
/// What a ceremony is about (specs/custody.md, "Ceremony"): creation of an asset's two keys, for custody and for its
/// pseudorandom function, or their change from an old committee to a new one, which may be the same. Everything signed and hashed in it is bound to <see cref="Id"/>.
/// </summary>
public sealed class CeremonyTerms
{
    /// <summary>Longest canonical bytes that are read.</summary>
    public const int MaxSize = 4096;

    private const string Domain = "trove/ceremony/1";
    private const uint Creation = 1, Change = 2;

    private CeremonyTerms(ulong chainId, Address contract, Hash32 nonce, Committee? old, IReadOnlyList<Hash32> commitments, IReadOnlyList<Hash32> oprfCommitments, Committee @new, Hash32 recipient)
    {
        (ChainId, Contract, Nonce, Old, OldCommitments, OldOprfCommitments, New, Recipient) = (chainId, contract, nonce, old, [.. commitments], [.. oprfCommitments], @new, recipient);
        // Dealers first, in order of index; at creation all are dealers and members.
        var dealers = (old ?? @new).Guardians;
        Seats = [.. dealers.Select((g, i) => new Seat(g, i + 1, @new.IndexOf(g))),
            .. @new.Guardians.Where(g => !dealers.Contains(g)).Select(g => new Seat(g, 0, @new.IndexOf(g)))];
        Bytes = Write();
        Id = new CanonicalWriter("trove/ceremony-id/1").Data(Bytes.Span).Sha256();
    }

    /// <summary>The chain of the registry.</summary>
    public ulong ChainId { get; }

    /// <summary>The registry that the committee is for; of a creation the address it is going to have.</summary>
    public Address Contract { get; }

    /// <summary>Makes one ceremony of many on the same terms: each attempt has a fresh one.</summary>
    public Hash32 Nonce { get; }

    /// <summary>Who holds the keys now; null at creation.</summary>
    public Committee? Old { get; }

    /// <summary>S_1 … S_n of the old committee, as the registry has them; empty at creation.</summary>
    public IReadOnlyList<Hash32> OldCommitments { get; }

    /// <summary>K_1 … K_n of the old committee, as the registry has them; empty at creation. A change keeps what they are of.</summary>
    public IReadOnlyList<Hash32> OldOprfCommitments { get; }

    /// <summary>Who is to hold them.</summary>
    public Committee New { get; }

    /// <summary>u of the custody key's point, which a change keeps; zero at creation.</summary>
    public Hash32 Recipient { get; }

    /// <summary>All who take part: the dealers in order of index, then the new members who do not deal.</summary>
    public IReadOnlyList<Seat> Seats { get; }

    /// <summary>How many dealers a result needs: of a change the old threshold; of a creation the new one, so that one of them is honest.</summary>
    public int DealersNeeded => (Old ?? New).Threshold;

    /// <summary>Canonical bytes.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>SHA-256 over the tag <c>trove/ceremony-id/1</c> and the canonical bytes.</summary>
    public Hash32 Id { get; }

    /// <summary>Keys are to be made that nobody holds.</summary>
    /// <exception cref="CeremonyException">The contract is the zero address.</exception>
    public static CeremonyTerms Create(ulong chainId, Address contract, Hash32 nonce, Committee committee) =>
        new(chainId, Checked(contract), nonce, null, [], [], committee, default);

    /// <summary>The keys are to go from one committee to the next.</summary>
    /// <param name="commitments">S_1 … S_n of the old committee. Whether they fit is for <c>ThresholdKey</c> to say.</param>
    /// <param name="oprfCommitments">K_1 … K_n of the old committee, for <c>OprfKey</c> to check.</param>
    /// <param name="recipient">u of the custody key's point.</param>
    /// <exception cref="CeremonyException">The commitments are not two for each old guardian, the new epoch does not follow the
    /// old one, the contract or the recipient is zero.</exception>
    public static CeremonyTerms ChangeOf(
        ulong chainId, Address contract, Hash32 nonce, Committee old, IReadOnlyList<Hash32> commitments, IReadOnlyList<Hash32> oprfCommitments, Hash32 recipient, Committee @new)
    {
        if (commitments.Count != old.Guardians.Count || oprfCommitments.Count != old.Guardians.Count)
            throw new CeremonyException($"a change of the keys needs both commitments of each of the {old.Guardians.Count} old guardians, not {commitments.Count} and {oprfCommitments.Count}; take them from the registry");
        if (@new.Epoch != (ulong)old.Epoch + 1)
            throw new CeremonyException($"the committee after epoch {old.Epoch} cannot be of epoch {@new.Epoch}; it is the next");
        if (recipient.IsZero)
            throw new CeremonyException("a change of the keys needs the recipient; take it from the registry");
        return new CeremonyTerms(chainId, Checked(contract), nonce, old, commitments, oprfCommitments, @new, recipient);
    }

    /// <summary>Reads canonical bytes.</summary>
    /// <exception cref="CeremonyException">They are none, or of terms that cannot be.</exception>
    public static CeremonyTerms Parse(ReadOnlySpan<byte> bytes)
    {
        try
        {
            if (bytes.Length > MaxSize)
                throw new FormatException($"they are longer than {MaxSize} bytes");
            var reader = new CanonicalReader(bytes, Domain);
            ulong chainId = reader.UInt64();
            var contract = reader.Address();
            uint purpose = reader.UInt32();
            var nonce = reader.Hash();
            Committee? old = null;
            Hash32[] commitments = [], oprfCommitments = [];
            if (purpose == Change)
            {
                old = ReadCommittee(ref reader);
                commitments = ReadHashes(ref reader, old.Guardians.Count);
                oprfCommitments = ReadHashes(ref reader, old.Guardians.Count);
            }
            var @new = ReadCommittee(ref reader);
            var recipient = purpose == Change ? reader.Hash() : default;
            reader.End();
            return purpose switch
            {
                Creation => Create(chainId, contract, nonce, @new),
                Change => ChangeOf(chainId, contract, nonce, old!, commitments, oprfCommitments, recipient, @new),
                _ => throw new FormatException("their purpose is neither creation nor change"),
            };
        }
        catch (FormatException e)
        {
            throw new CeremonyException($"these are not the terms of a ceremony: {e.Message}; ask for them again");
        }
    }

    /// <summary>Position in <see cref="Seats"/>; -1 for who takes no part.</summary>
    public int SeatOf(Address guardian)
    {
        for (int i = 0; i < Seats.Count; i++)
        {
            if (Seats[i].Guardian == guardian)
                return i;
        }
        return -1;
    }

    private byte[] Write()
    {
        var writer = new CanonicalWriter(Domain).UInt64(ChainId).Address(Contract).UInt32(Old is null ? Creation : Change).Hash(Nonce);
        if (Old is not null)
        {
            WriteCommittee(writer, Old);
            foreach (var commitment in OldCommitments.Concat(OldOprfCommitments))
                writer.Hash(commitment);
        }
        WriteCommittee(writer, New);
        if (Old is not null)
            writer.Hash(Recipient);
        return writer.Bytes.ToArray();
    }

    private static void WriteCommittee(CanonicalWriter writer, Committee committee)
    {
        writer.UInt32(committee.Epoch).UInt32((uint)committee.Threshold).UInt32((uint)committee.Guardians.Count);
        foreach (var guardian in committee.Guardians)
            writer.Address(guardian);
    }

    private static Committee ReadCommittee(ref CanonicalReader reader)
    {
        uint epoch = reader.UInt32();
        int threshold = reader.Number(Committee.MaxGuardians);
        var guardians = new Address[reader.Number(Committee.MaxGuardians)];
        for (int i = 0; i < guardians.Length; i++)
            guardians[i] = reader.Address();
        return new Committee(epoch, threshold, guardians);
    }

    private static Hash32[] ReadHashes(ref CanonicalReader reader, int count)
    {
        var hashes = new Hash32[count];
        for (int i = 0; i < count; i++)
            hashes[i] = reader.Hash();
        return hashes;
    }

    private static Address Checked(Address contract) =>
        contract.IsZero ? throw new CeremonyException("a ceremony is for a registry, not for the zero address; at creation the factory predicts it") : contract;
}
