namespace Trove.Core;

/// <summary>
/// Which verifiers check a contribution: drawn by the output of the function whose key the asset's guardians share (specs/parts.md,
/// "Announcing"). What was announced decides it, and nobody, fewer than t guardians included, knows the draw before it is announced.
/// </summary>
public static class VerifierAssignment
{
    /// <summary>What the guardians evaluate.</summary>
    public static byte[] Input(Address asset, Hash32 contribution, Address owner, Hash32 partsRoot) =>
        new CanonicalWriter("trove/oprf/draw/1").Address(asset).Hash(contribution).Address(owner).Hash(partsRoot).Bytes.ToArray();

    /// <summary>
    /// The <paramref name="count"/> verifiers with the lowest <c>keccak256(seed ‖ contribution ‖ verifier)</c>, lowest first.
    /// </summary>
    /// <param name="seed">The first 32 bytes of the output.</param>
    /// <param name="contribution">Which.</param>
    /// <param name="verifiers">Those registered, in any order.</param>
    /// <param name="count">How many have to agree.</param>
    /// <exception cref="ArgumentException">Fewer verifiers than asked for.</exception>
    public static Address[] Draw(Hash32 seed, Hash32 contribution, IReadOnlyCollection<Address> verifiers, int count)
    {
        if (verifiers.Count < count)
            throw new ArgumentException($"{count} verifiers cannot be drawn from {verifiers.Count}");
        return [.. verifiers.Distinct()
            .OrderBy(v => Keccak256.Hash(new AbiWords().Bytes32(seed).Bytes32(contribution).Address(v).Span))
            .Take(count)];
    }
}
