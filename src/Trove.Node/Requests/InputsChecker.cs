using Trove.Chain;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Node.Chain;
using Trove.Node.Protocol;

namespace Trove.Node.Requests;

/// <summary>What a node offers as a use's inputs is not what the chain says.</summary>
public sealed class WrongInputsException(string message) : Exception(message);

/// <summary>A part that the chain says is in a request's scope, the context that its proof of knowledge is bound to, and the point that was proven.</summary>
public sealed record InputPart(Hash32 Contribution, Address Owner, PartDescriptor Part, byte[] Proof, byte[] Context, ProvenPoint Point);

/// <summary>A use's inputs, held against the chain.</summary>
/// <param name="Parts">In scope and not withdrawn, in the order of (contribution, part).</param>
/// <param name="Complete">All leaves of all epochs of the snapshot are there.</param>
/// <param name="ChangedSince">Something of the snapshot was withdrawn after it was taken: results would differ by that member.</param>
public sealed record CheckedInputs(IReadOnlyList<InputPart> Parts, bool Complete, bool ChangedSince);

/// <summary>
/// Holds the inputs that a node offers against a chain that guardian or runner reads itself: the terms hash to the request, each
/// contribution is a leaf of an epoch's root within the snapshot, its parts hash to the root in its leaf, and it is not withdrawn.
/// </summary>
public static class InputsChecker
{
    /// <summary>Most contributions of one use.</summary>
    public const int MaxContributions = 100_000;

    /// <summary>Most parts that one use opens.</summary>
    public const int MaxParts = 16_384;

    private const int AtOnce = 32;

    /// <summary>Checks them as of one block. Proofs of knowledge that are in <paramref name="proven"/> are not checked again.</summary>
    /// <exception cref="WrongInputsException">They are not what the chain says.</exception>
    public static async Task<CheckedInputs> CheckAsync(EthClient chain, ulong chainId, AssetView view, Hash32 request, InputsInfo inputs, ProvenParts proven, BlockTag at, CancellationToken ct)
    {
        if (inputs.Terms is not { Kinds: not null, BuyerKey: not null } terms || inputs.Contributions is null || inputs.Contributions.Any(c => c?.Parts is null || c.Proof is null
            || c.Parts.Any(p => p?.Kind is null or { Length: > 32 } || p.Proof is null || p.Year is < 0 or > 9999 || p.Size < 0 || !p.Kind.All(char.IsAsciiLetterLower))))
            throw new WrongInputsException("the document is malformed");
        if (RequestOf(chainId, view, terms) != request)
            throw new WrongInputsException("the terms are not those of the request");
        if (inputs.Contributions.Count > MaxContributions)
            throw new WrongInputsException($"more than {MaxContributions} contributions");
        var snapshotAt = await view.Grants.SnapshotAtAsync(chain, terms.LastEpoch, at, ct);
        if (snapshotAt.IsZero)
            throw new WrongInputsException($"epoch {terms.LastEpoch} is no snapshot");
        bool complete = await CheckLeavesAsync(chain, view, terms.LastEpoch, inputs.Contributions, at, ct);

        var (parts, changed) = (new List<InputPart>(), false);
        foreach (var chunk in inputs.Contributions.OrderBy(c => c.Contribution).Chunk(AtOnce))
        {
            var withdrawn = await Task.WhenAll(chunk.Select(c => view.Ledger.WithdrawnAtAsync(chain, c.Contribution, at, ct)));
            foreach (var (c, time) in chunk.Zip(withdrawn))
            {
                if (time.IsZero)
                    parts.AddRange(PartsInScope(chainId, view, terms, c, proven));
                else
                    changed |= time >= snapshotAt;
            }
            if (parts.Count > MaxParts)
                throw new WrongInputsException($"more than {MaxParts} parts in scope; ask for fewer kinds or years");
        }
        return new CheckedInputs(parts, complete, changed);
    }

    private static Hash32 RequestOf(ulong chainId, AssetView view, RequestTerms terms)
    {
        try
        {
            return ContractDigests.RequestId(chainId, view.Grants.Address, terms.ToAbi());
        }
        catch (Exception e) when (e is ArgumentException or AgeException)
        {
            throw new WrongInputsException("the terms are malformed");
        }
    }

    // True when every leaf of every epoch is among the contributions.
    private static async Task<bool> CheckLeavesAsync(EthClient chain, AssetView view, ulong lastEpoch, IReadOnlyList<InputContribution> contributions, BlockTag at, CancellationToken ct)
    {
        if (contributions.DistinctBy(c => c.Contribution).Count() != contributions.Count || contributions.DistinctBy(c => (c.Epoch, c.Index)).Count() != contributions.Count)
            throw new WrongInputsException("a contribution stands twice");
        bool complete = true;
        var byEpoch = contributions.ToLookup(c => c.Epoch);
        if (byEpoch.Any(e => e.Key == 0 || e.Key > lastEpoch))
            throw new WrongInputsException($"a contribution is of an epoch after the snapshot {lastEpoch}");
        for (ulong number = 1; number <= lastEpoch; number++)
        {
            var epoch = await view.Ledger.EpochOfAsync(chain, number, at, ct);
            foreach (var c in byEpoch[number])
            {
                var root = PartDescriptor.Tree(c.Contribution, c.Parts.Select(p => p.Descriptor())).Root;
                if (c.Parts.Count > PartDescriptor.MaxPerContribution
                    || !MerkleTree.Verify(epoch.Root, new EpochLeaf(c.Epoch, c.Index, c.Contribution, c.Owner, c.Amount, root).Hash(), c.Proof))
                    throw new WrongInputsException($"contribution {c.Contribution} is no leaf of epoch {number}");
            }
            complete &= (uint)byEpoch[number].Count() == epoch.Leaves;
        }
        return complete;
    }

    private static IEnumerable<InputPart> PartsInScope(ulong chainId, AssetView view, RequestTerms terms, InputContribution c, ProvenParts proven)
    {
        foreach (var part in c.Parts.Where(p => terms.Covers(p.Descriptor())).OrderBy(p => p.Kind, StringComparer.Ordinal).ThenBy(p => p.Year))
        {
            var proof = new byte[ProofOfKnowledge.Size];
            var context = PartDescriptor.ProofContext(chainId, view.Ledger.Address, view.Asset, c.Contribution, c.Owner, part.HeaderHash);
            if (!Hex.TryDecode(part.Proof, proof) || Proven(proof, part.EphemeralShare, context, proven) is not { } point)
                throw new WrongInputsException($"the proof of knowledge of part {part.Kind} {part.Year} of {c.Contribution} does not hold");
            yield return new InputPart(c.Contribution, c.Owner, part.Descriptor(), proof, context, point);
        }
    }

    private static ProvenPoint? Proven(byte[] proof, Hash32 share, byte[] context, ProvenParts proven)
    {
        try
        {
            return proven.Check(proof, share, context);
        }
        catch (ThresholdException)
        {
            return null;
        }
    }
}
