using System.Text.Json;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Node.Protocol;

namespace Trove.Cli.Direct;

/// <summary>Finds, among signed statements and what the chain has, two that one key signed and that cannot both be true, and facts that as many as must agree found otherwise.</summary>
internal static class Contradictions
{
    private const int MaxBytes = 1 << 20; // some thousand statements

    /// <summary>A file of statements.</summary>
    /// <exception cref="CommandException">It is none.</exception>
    public static SignedStatements Open(FileInfo file)
    {
        try
        {
            if (file.Exists && file.Length <= MaxBytes && JsonSerializer.Deserialize<SignedStatements>(File.ReadAllBytes(file.FullName), TroveJson.Options) is { } read
                && !(read.Roots ?? []).Contains(null!) && !(read.Results ?? []).Contains(null!) && (read.Attestations ?? []).All(a => a?.Facts is not null) && !(read.LogHeads ?? []).Contains(null!))
                return read;
        }
        catch (JsonException)
        {
            // Said below.
        }
        throw new CommandException($"'{Shared.Safe(file.Name)}' is no file of signed statements", "name one that a node left in its folder 'contradictions' (specs/grants.md#two-signatures)");
    }

    /// <summary>Statements that contradict each other, and the call that shows them.</summary>
    /// <returns>Who loses by it.</returns>
    /// <exception cref="CommandException">There are none, or none by which anybody has anything left to lose.</exception>
    public static async Task<(Address Who, Func<Stakes, ContractCall> Show)> FindAsync(DirectClient chain, AssetInfo asset, IReadOnlyList<SignedStatements> files, CancellationToken ct)
    {
        ulong chainId = (await chain.InfoAsync(ct)).ChainId;
        var own = files.Where(f => f.Asset == asset.Asset).ToList();
        var roots = own.SelectMany(f => f.Roots ?? []).ToList();
        foreach (ulong epoch in roots.Select(r => r.Epoch).Distinct().ToList())
            roots.AddRange(await chain.PostedRootsAsync(epoch, ct));
        var results = own.SelectMany(f => f.Results ?? []).ToList();
        foreach (var (request, use, runner) in results.Select(r => (r.Request, r.Use, r.Runner)).Distinct().ToList())
            results.AddRange(await chain.PostedResultsAsync(request, use, runner, ct));
        var attestations = own.SelectMany(f => f.Attestations ?? []).ToList();
        var heads = own.SelectMany(f => f.LogHeads ?? []).ToList();
        bool spent = false;
        foreach (var (a, b, who) in Pairs(roots, (x, y) => x.Contradicts(y), r => r.Signer(chainId, asset.Ledger)))
            if (await ShowsAsync(who, stakes => stakes.ShowTwoRoots(a.ToAbi(), Hex.Decode(a.Signature), b.ToAbi(), Hex.Decode(b.Signature))) is { } show)
                return (who, show);
        foreach (var (a, b, who) in Pairs(results, (x, y) => x.Contradicts(y), r => r.Signer(chainId, asset.Grants) is var signer && signer == r.Runner ? signer : null))
            if (await ShowsAsync(who, stakes => stakes.ShowTwoResults(a.ToAbi(), Hex.Decode(a.Signature), b.ToAbi(), Hex.Decode(b.Signature))) is { } show)
                return (who, show);
        foreach (var (a, b, who) in Pairs(attestations, (x, y) => x.Contradicts(y), a => a.Signer(chainId, asset.Ledger)))
            if (await ShowsAsync(who, stakes => stakes.ShowTwoAttestations(a.ToAbi(), Hex.Decode(a.Signature), b.ToAbi(), Hex.Decode(b.Signature))) is { } show)
                return (who, show);
        foreach (var (a, b, who) in Pairs(heads, (x, y) => x.IsOfAnotherLogThan(y), h => h.IsSignedBy(h.Guardian, chainId) ? h.Guardian : null))
            if (await ShowsAsync(who, stakes => stakes.ShowTwoLogHeads(a.ToAbi(), Hex.Decode(a.Signature), b.ToAbi(), Hex.Decode(b.Signature))) is { } show)
                return (who, show);
        foreach (var (agreed, other, who) in await OutvotedAsync(chain, asset, attestations, chainId, ct))
            if (await ShowsAsync(who, stakes => stakes.ShowOutvoted(agreed[0].ToAbi(), [.. agreed.Select(a => Hex.Decode(a.Signature))], other.ToAbi(), Hex.Decode(other.Signature))) is { } show)
                return (who, show);
        throw spent ? new CommandException("who signed two different things, or was outvoted, has lost its stake for it before, or has none", "see 'trove stake slashings'")
            : new CommandException($"among {roots.Count} roots and {results.Count} results, those of the chain included, {attestations.Count} attestations and {heads.Count} heads of logs no two of one signer contradict each other, and none what as many verifiers as must agree found", "what somebody said once is no proof; find the other");

        // What was shown before the contract refuses; the next may be new.
        async Task<Func<Stakes, ContractCall>?> ShowsAsync(Address who, Func<Stakes, ContractCall> show)
        {
            spent = true;
            var stake = await chain.StakeAsync(asset.Asset, who, ct);
            return stake.Active.Units + stake.Leaving.Units > 0 && await chain.WouldTakeAsync(show, ct) ? show : null;
        }
    }

    // Who found otherwise than as many verifiers of the set as must agree, in ascending order.
    private static async Task<List<(List<AttestationStatement> Agreed, AttestationStatement Other, Address Who)>> OutvotedAsync(DirectClient chain, AssetInfo asset, List<AttestationStatement> all, ulong chainId, CancellationToken ct)
    {
        var found = new List<(List<AttestationStatement>, AttestationStatement, Address)>();
        var signed = all.Select(a => (Statement: a, By: a.Signer(chainId, asset.Ledger))).Where(a => a.By is not null).Select(a => (a.Statement, By: a.By!.Value)).ToList();
        foreach (var same in signed.GroupBy(a => a.Statement.Facts))
        {
            var others = signed.FindAll(a => same.First().Statement.Outvotes(a.Statement));
            if (others.Count == 0 || same.Count() < AttestationStatement.MustAgree(1))
                continue;
            var set = await chain.VerifierSetAsync(same.Key.VerifierSetVersion, ct);
            var agreed = same.Where(a => set.Verifiers.Contains(a.By)).DistinctBy(a => a.By).OrderBy(a => a.By).Select(a => a.Statement).ToList();
            if (agreed.Count >= AttestationStatement.MustAgree((int)set.Threshold))
                found.AddRange(others.Select(o => (agreed, o.Statement, o.By)));
        }
        return found;
    }

    private static IEnumerable<(T A, T B, Address Who)> Pairs<T>(IReadOnlyList<T> all, Func<T, T, bool> contradict, Func<T, Address?> signer)
    {
        var signed = all.Select(s => (Statement: s, By: signer(s))).Where(s => s.By is not null).ToList();
        for (int i = 0; i < signed.Count; i++)
            for (int j = i + 1; j < signed.Count; j++)
                if (signed[i].By == signed[j].By && contradict(signed[i].Statement, signed[j].Statement))
                    yield return (signed[i].Statement, signed[j].Statement, signed[i].By!.Value);
    }
}
