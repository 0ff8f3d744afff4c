namespace Trove.Core;

/// <summary>
/// Which verifiers check a contribution: drawn by the hash of a block mined after its parts were announced, so that
/// neither member nor node can choose them without also choosing blocks.
/// </summary>
public static class VerifierAssignment
{
    /// <summary>
    /// The <paramref name="count"/> verifiers with the lowest <c>keccak256(blockHash ‖ contribution ‖ verifier)</c>,
    /// lowest first.
    /// </summary>
    /// <exception cref="ArgumentException">Fewer verifiers than asked for.</exception>
    public static Address[] Draw(Hash32 blockHash, Hash32 contribution, IReadOnlyCollection<Address> verifiers, int count)
    {
        if (verifiers.Count < count)
            throw new ArgumentException($"{count} verifiers cannot be drawn from {verifiers.Count}");
        return [.. verifiers.Distinct()
            .OrderBy(v => Keccak256.Hash(new AbiWords().Bytes32(blockHash).Bytes32(contribution).Address(v).Span))
            .Take(count)];
    }
}
